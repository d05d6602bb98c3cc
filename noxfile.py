"""Every check of the project, each in an environment of its own. `nox -l` lists them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.error_on_external_run = True
nox.options.sessions = ["lint", "typing", "tests", "wheels", "docs"]

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13"]
# Each distribution with its folder and its tests, the core first: the others need it.
DISTRIBUTIONS = {
    "cambist": "core",
    "cambist-alchemypay": "plugins/alchemypay",
    "cambist-anyspend": "plugins/anyspend",
    "cambist-coinspaid": "plugins/coinspaid",
    "cambist-pennywhistle": "plugins/example",
    "cambist-stellar": "plugins/stellar",
    "cambist-aiohttp": "adapters/aiohttp",
    "cambist-cli": "adapters/cli",
    "cambist-inbox": "adapters/inbox",
    "cambist-queue": "adapters/queue",
}
# What is installed together from wheels: each alone, and the HTTP adapter with each plugin.
PLUGINS = [name for name, folder in DISTRIBUTIONS.items() if folder.startswith("plugins/")]
COMBINATIONS = [*((name,) for name in DISTRIBUTIONS), *(("cambist-aiohttp", name) for name in PLUGINS)]
WHEELS = tempfile.TemporaryDirectory(prefix="cambist-wheels-")
# What the tests of a distribution need beside it, of what it can do without.
TESTED_WITH = {
    "cambist-inbox": ["asyncpg"],
    "cambist-queue": ["faststream[redis,confluent]", "aio-pika", "nats-py", "cloudevents"],
}
# Of these the other tests need providers or each other beside them, or take long.
ALONE = {
    "cambist-aiohttp": ["test_embedding.py", "test_requests.py"],
    "cambist-cli": ["test_config.py", "test_normalize.py"],
    "cambist-inbox": ["test_accept.py", "test_migrations.py", "test_ready.py", "test_store.py"],
    "cambist-queue": ["test_address.py", "test_cloudevents.py", "test_deliveries.py", "test_poison.py"],
}
GROUPS = ["tests", "lint", "typing", "docs"]


def install(session: nox.Session, group: str) -> None:
    """Install what a lock file pins, and all distributions of the workspace in place."""
    session.install("--require-hashes", "-r", f"requirements/{group}.txt")
    session.install("--no-deps", *(f"--editable={folder}" for folder in DISTRIBUTIONS.values()))


def run_tests(session: nox.Session) -> None:
    install(session, "tests")
    # More processes than cores: many tests wait. A broker's tests share one process, and so one server.
    session.run("pytest", *(session.posargs or ["-n", "4", "--dist", "loadgroup"]))


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test on the Python that runs nox."""
    run_tests(session)


for version in PYTHONS:
    nox.session(run_tests, name=f"tests-{version}", python=version)


@nox.session
def demo(session: nox.Session) -> None:
    """Watch genuine callbacks travel the whole way, and a forged one refused."""
    install(session, "tests")
    session.run("cambist", "demo", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types, with two checkers."""
    install(session, "typing")
    session.run("mypy")
    session.run("pyright", "--pythonpath", str(Path(session.bin) / "python"))


def build_wheels(session: nox.Session) -> Path:
    """Build the wheel of every distribution, once for all sessions of this run; return their folder."""
    folder = Path(WHEELS.name)
    if len(list(folder.glob("*.whl"))) < len(DISTRIBUTIONS):
        for member in DISTRIBUTIONS.values():
            session.run_install(
                "uv", "build", "-q", "--wheel", "-o", str(folder), member, external=True, silent=True
            )
    return folder


@nox.session
@nox.parametrize("together", COMBINATIONS, ids=["+".join(names) for names in COMBINATIONS])
def wheels(session: nox.Session, together: tuple[str, ...]) -> None:
    """Install from wheels, with what they depend on and nothing else: see that this works."""
    pinned = ("--find-links", str(build_wheels(session)), "--constraints", "requirements/tests.txt")
    session.install(*together, *pinned)
    session.run("python", "tests/system/alone.py", *together)
    if len(together) > 1:
        return
    # Now the tests of this distribution, with the test tools beside it and no other distribution of ours.
    tested = [
        ROOT / "tests" / DISTRIBUTIONS[name] / file for name in together for file in ALONE.get(name, [""])
    ]
    tools = ["pytest", "pytest-asyncio", "pytest-xdist", "hypothesis", "jsonschema[format]"]
    session.install(*tools, *(each for name in together for each in TESTED_WITH.get(name, ())), *pinned)
    session.run("pytest", "-p", "no:cacheprovider", "-n", "auto", "-m", "not slow", *map(str, tested))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, strictly."""
    install(session, "docs")
    session.run("python", "docs/generate.py", "--check")
    session.run("sphinx-build", "-W", "--keep-going", "-n", "-b", "html", "docs", "docs/_build/html")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Print ratios, each measured side by side in one run: of all scripts, or of those that are named."""
    install(session, "tests")
    for script in sorted((ROOT / "tests" / "benchmarks").glob("*.py")):
        if not session.posargs or script.stem in session.posargs:
            session.run("python", str(script))


@nox.session(venv_backend="none")
def lock(session: nox.Session) -> None:
    """Pin the newest versions that fit, by hash. The files name no index: any mirror serves them."""
    session.run("uv", "lock", "--upgrade", external=True)
    for group in GROUPS:
        session.run(
            *("uv", "export", "--quiet", "--frozen", "--all-packages", "--all-extras", "--no-default-groups"),
            *("--group", group, "--no-emit-workspace", "--no-header", "--no-annotate"),
            *("--output-file", f"requirements/{group}.txt"),
            external=True,
        )
