"""A new provider's package installs and passes as it is, or is not there at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cambist_cli import _new_provider, _template
from cambist_cli._new_provider import MAX_NAME, MAX_TITLE, SCHEMES

ROOT = Path(__file__).parents[3]
MODULE = "src/cambist_my_bank/__init__.py"
# Longer than this no name and no title may be: what is written has to be in order with them, too.
LONGEST = ("a" * (MAX_NAME - 5) + "-0-zz", "W" * MAX_TITLE)

with_extra = pytest.mark.skipif(
    any(find_spec(module) is None for module in _new_provider._EXTRA),
    reason="cambist-cli[authors] is not installed",
)
New = Callable[..., Path]


def tool(name: str) -> str | None:
    """Return where a tool is, also one that is installed beside nox."""
    paths = [str(Path(sys.executable).parent), os.environ["PATH"], str(ROOT / ".venv/bin")]
    return shutil.which(name, path=os.pathsep.join(paths))


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(tool(name) is None, reason=f"{name} is not installed")


@pytest.fixture
def new(cambist: Any, tmp_path: Path) -> New:
    """Write a package; return its folder."""

    def run(*arguments: str, name: str = "my-bank") -> Path:
        result = cambist("new-provider", name, *arguments)
        assert (result.code, result.err) == (0, "")
        return tmp_path / f"cambist-{name}"

    return run


@pytest.fixture
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the cases: they take most of the time, and say nothing of names and folders."""
    monkeypatch.setattr(_template, "_record_cases", lambda *_: None)


def installed(package: Path, site: Path) -> dict[str, str]:
    """Return an environment in which a package is as good as installed."""
    about = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    information = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n"
    )
    lines = [f"{name} = {value}" for name, value in about["entry-points"]["cambist"].items()]
    (information / "entry_points.txt").write_text("\n".join(["[cambist]", *lines]))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {**kept, "PYTHONPATH": f"{package / 'src'}{os.pathsep}{site}", "PYTHONDONTWRITEBYTECODE": "1"}


def python(package: Path, environ: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run Python in a package; return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=package,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


# What is written.


def test_the_templates_come_with_the_command() -> None:
    found = files("cambist_cli") / "templates/provider"
    assert (found / "pyproject.toml.jinja").is_file()
    assert (found / ".gitattributes.jinja").is_file()
    assert (found / "src/PACKAGE/__init__.py.jinja").is_file()


@with_extra
def test_the_files_and_what_is_said_of_them(cambist: Any, tmp_path: Path) -> None:
    result = cambist("new-provider", "my-bank")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(
        "Wrote cambist-my-bank: the provider 'my-bank' in the package cambist_my_bank."
    )
    assert f"{MODULE} from top to bottom" in result.out
    package = tmp_path / "cambist-my-bank"
    assert {path.name for path in tmp_path.iterdir()} == {"cambist-my-bank"}
    samples = ("payment_paid", "payment_pending", "payment_refunded")
    assert {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()} == {
        *(".gitattributes", "README.md", "pyproject.toml"),
        *(MODULE, "src/cambist_my_bank/py.typed"),
        *("tests/test_conformance.py", "tests/record.py"),
        *(f"tests/cases/{name}.{end}" for name in samples for end in ("http", "json")),
    }
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    assert project["name"] == "cambist-my-bank"
    assert project["description"] == "My Bank webhooks for Cambist."
    assert project["entry-points"] == {"cambist": {"my-bank": "cambist_my_bank"}}
    ours = tomllib.loads((ROOT / "adapters/cli/pyproject.toml").read_text())["project"]["dependencies"]
    assert set(project["dependencies"]) <= set(ours)  # the same range as that of our own packages


@with_extra
@pytest.mark.usefixtures("unrecorded")
@pytest.mark.parametrize(
    ("name", "package", "title"),
    [
        ("acorn", "cambist_acorn", "Acorn"),
        ("pay-2-go", "cambist_pay_2_go", "Pay 2 Go"),
        ("class", "cambist_class", "Class"),
        (LONGEST[0], f"cambist_{LONGEST[0].replace('-', '_')}", LONGEST[0].replace("-", " ").title()),
    ],
)
def test_a_name_makes_the_others(new: New, name: str, package: str, title: str) -> None:
    folder = new(name=name)
    assert folder.name == f"cambist-{name}"
    module = (folder / f"src/{package}/__init__.py").read_text()
    assert f'    name="{name}",\n    title="{title}",\n' in module


@with_extra
@pytest.mark.usefixtures("unrecorded")
def test_a_title_of_ones_own(new: New) -> None:
    folder = new("--title", "Łódź Pay & Co. (EU)")
    assert '    title="Łódź Pay & Co. (EU)",\n' in (folder / MODULE).read_text(encoding="utf-8")


# What is refused.


@with_extra
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("My Bank", " (perhaps my-bank)"),
        ("my_bank", " (perhaps my-bank)"),
        ("MYBANK", " (perhaps mybank)"),
        ("my--bank", " (perhaps my-bank)"),
        ("../x", " (perhaps x)"),
        ("a" * (MAX_NAME + 1), f" (perhaps {'a' * MAX_NAME})"),
        ("123", ""),
        ("", ""),
        ("größe", " (perhaps gr-e)"),
        ("bank\n", " (perhaps bank)"),
        ("银行", ""),
    ],
)
def test_a_name_of_another_form_is_refused(cambist: Any, tmp_path: Path, name: str, hint: str) -> None:
    error = cambist("new-provider", "--", name).failed(2)
    assert error.startswith("Invalid value for 'NAME': small letters and digits in words with '-' between")
    assert error.endswith(f"beginning with a letter{hint} (try 'cambist new-provider --help')")
    assert not list(tmp_path.iterdir())


@with_extra
@pytest.mark.parametrize("title", ["", " ", 'a "b"', "a\nb", "a\\", "{{ name }}", "'", "W" * (MAX_TITLE + 1)])
def test_a_title_of_another_form_is_refused(cambist: Any, tmp_path: Path, title: str) -> None:
    error = cambist("new-provider", "my-bank", "--title", title).failed(2)
    assert error.startswith("Invalid value for '--title': letters, digits, spaces and")
    assert not list(tmp_path.iterdir())


@with_extra
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mint-keys", "the provider 'mint-keys' of cambist-mint is installed already: choose another name"),
        ("cli", "a package cambist_cli is installed already: choose another name"),
    ],
)
def test_a_name_that_something_installed_has_is_refused(
    cambist: Any, tmp_path: Path, name: str, expected: str
) -> None:
    assert cambist("new-provider", name).failed() == expected
    assert not list(tmp_path.iterdir())


def test_without_the_extra_it_says_what_to_install(
    cambist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("hypothesis", "jinja2", "jsonschema"):
        monkeypatch.setitem(sys.modules, module, None)
    error = cambist("new-provider", "my-bank").failed()
    assert error == "this needs hypothesis, jinja2, jsonschema: install the extra, cambist-cli[authors]"
    assert not list(tmp_path.iterdir())


# Where to.


@with_extra
@pytest.mark.usefixtures("unrecorded")
def test_an_empty_folder_is_filled_and_stays_the_same(cambist: Any, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o700)
    before = folder.stat()
    result = cambist("new-provider", "my-bank", "--directory", "mine")
    assert (result.code, result.err) == (0, "")
    assert (folder.stat().st_ino, folder.stat().st_mode) == (before.st_ino, before.st_mode)
    assert sorted(path.name for path in folder.iterdir()) == [
        *(".gitattributes", "README.md", "pyproject.toml", "src", "tests")
    ]


@with_extra
@pytest.mark.usefixtures("unrecorded")
def test_the_folder_that_one_is_in(cambist: Any, tmp_path: Path) -> None:
    assert cambist("new-provider", "my-bank", "--directory", ".").code == 0
    assert (tmp_path / MODULE).is_file()
    assert not list(tmp_path.glob(".cambist-*"))


@with_extra
@pytest.mark.parametrize("there", ["mine/kept", "mine"])
def test_what_is_there_is_left_alone(cambist: Any, tmp_path: Path, there: str) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine")
    error = cambist("new-provider", "my-bank", "--directory", "mine").failed()
    assert error == "mine is there and not an empty folder: name another with --directory"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / there]


@with_extra
@pytest.mark.usefixtures("unrecorded")
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no other file system")
def test_an_empty_folder_on_another_file_system(cambist: Any, tmp_path: Path) -> None:
    with TemporaryDirectory(dir="/dev/shm") as elsewhere:
        (tmp_path / "mine").symlink_to(elsewhere)
        assert cambist("new-provider", "my-bank", "--directory", "mine").code == 0
        assert (Path(elsewhere) / MODULE).is_file()


@with_extra
@pytest.mark.usefixtures("unrecorded")
def test_what_it_says_to_type_can_be_typed(cambist: Any) -> None:
    out = cambist("new-provider", "my-bank", "--directory", "my bank; rm").out
    assert "\n  cd 'my bank; rm'\n" in out


@with_extra
def test_a_folder_in_one_that_is_not_there(cambist: Any, tmp_path: Path) -> None:
    error = cambist("new-provider", "my-bank", "--directory", "no/such").failed()
    assert error == "no/such: cannot be written (No such file or directory)"
    assert not list(tmp_path.iterdir())


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@with_extra
@pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "no folder"])
@pytest.mark.parametrize(
    ("at", "failure", "code"),
    [("_rendered", full, 1), ("_record_cases", full, 1), ("_record_cases", interrupt, 130)],
    ids=["before anything is written", "disk full", "interrupted"],
)
def test_a_failure_leaves_nothing(
    cambist: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    at: str,
    failure: Any,
    code: int,
) -> None:
    folder = tmp_path / "mine"
    if there:
        folder.mkdir()
    monkeypatch.setattr(_template, at, failure)
    assert cambist("new-provider", "my-bank", "--directory", "mine").code == code
    assert list(tmp_path.rglob("*")) == [folder] * there


@with_extra
def test_a_failure_half_way_into_an_empty_folder_leaves_it_empty(
    cambist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def rename_all_but_the_tests(path: Path, target: Path) -> Path:
        return full() if path.name == "tests" else rename(path, target)  # type: ignore[return-value]

    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(Path, "rename", rename_all_but_the_tests)
    error = cambist("new-provider", "my-bank", "--directory", "mine").failed()
    assert error == "mine: cannot be written (No space left on device)"
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]


@with_extra
def test_cases_that_cannot_be_recorded_are_an_error(
    cambist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = _template._rendered

    def with_a_fault(facts: Any) -> dict[str, str]:
        found = rendered(facts)
        return {**found, MODULE: found[MODULE].replace("samples=SAMPLES", "samples=SAMPLE")}

    monkeypatch.setattr(_template, "_rendered", with_a_fault)
    error = cambist("new-provider", "my-bank").failed()
    assert error.startswith("its cases cannot be recorded: ")
    assert "name 'SAMPLE' is not defined" in error
    assert not list(tmp_path.iterdir())


@with_extra
def test_a_template_that_asks_for_what_is_not_given_is_an_error() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        _template._rendered({"package": "cambist_my_bank"})


# What it is worth.


@with_extra
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_passes_its_tests_as_it_is(new: New, tmp_path: Path, scheme: str) -> None:
    package = new("--scheme", scheme)
    environ = installed(package, tmp_path / "site")
    code, printed = python(package, environ, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert code == 0, printed
    assert " passed" in printed


@with_extra
@pytest.mark.parametrize(
    ("right", "wrong", "test"),
    [
        ('"paid": Status.COMPLETED', '"paid": Status.PROCESSING', "a_delivery_becomes_what_its_case_says"),
        ("{timestamp}.{body}", "{body}{timestamp}", "a_delivery_becomes_what_its_case_says"),
        ('identity=(webhook["id"],)', 'identity=("1",)', "different_events_have_different_ids"),
        ('context.anomaly("type"', 'str("type"', "an_unknown_type_is_kept"),
    ],
    ids=["a status", "the signature", "the identity", "an anomaly"],
)
def test_it_fails_a_test_with_a_fault_in_it(
    new: New, tmp_path: Path, right: str, wrong: str, test: str
) -> None:
    package = new("--scheme", "hmac-timestamp")
    module = package / MODULE
    assert module.read_text().count(right) == 1
    module.write_text(module.read_text().replace(right, wrong))
    environ = installed(package, tmp_path / "site")
    code, printed = python(package, environ, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", test)
    assert code == 1, printed
    assert f"FAILED tests/test_conformance.py::TestConformance::test_{test}" in printed


@with_extra
def test_it_records_further_cases(new: New, tmp_path: Path) -> None:
    package = new()
    environ = installed(package, tmp_path / "site")
    cases = package / "tests/cases"
    before = {path: path.read_bytes() for path in cases.iterdir()}
    body = before[cases / "payment_paid.http"].partition(b"\n\n")[2]
    (package / "settled.json").write_bytes(body.replace(b'"paid"', b'"settled"'))
    (package / "nothing.json").write_bytes(b"{}")
    assert python(package, environ, "tests/record.py", "settled.json", "nothing.json") == (
        0,
        "settled: unknown\nnothing: PayloadError\n",
    )
    assert json.loads((cases / "nothing.json").read_text())["faults"] == [
        *(["id", "is missing"], ["type", "is missing"], ["data", "is missing"])
    ]
    there = [
        f"{name}: is there already\n" for name in ("payment_pending", "payment_paid", "payment_refunded")
    ]
    assert python(package, environ, "tests/record.py") == (0, "".join(there))
    assert {path: path.read_bytes() for path in before} == before


@with_extra
@pytest.mark.usefixtures("unrecorded")
def test_it_records_nothing_before_it_is_installed(new: New) -> None:
    package = new()
    code, printed = python(package, dict(os.environ), "tests/record.py")
    assert code == 1
    assert printed.endswith("plugins not installed: my-bank\n")


@with_extra
@pytest.mark.usefixtures("unrecorded")
@needs("ruff")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_is_clean_for_ruff(new: New, scheme: str) -> None:
    name, title = LONGEST
    package = new("--scheme", scheme, "--title", title, name=name)
    rules = "A,ASYNC,B,BLE,C4,D1,D2,D3,DTZ,F,G,I,N,PIE,PT,PTH,RET,SIM,TRY,UP,W"
    for command in (
        ["format", "--check"],
        ["check"],
        ["check", "--select", rules, "--config", "lint.pydocstyle.convention='google'"],
    ):
        done = subprocess.run(
            [str(tool("ruff")), *command, "--isolated", "--no-cache", "--target-version", "py311", "."],
            cwd=package,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@with_extra
@pytest.mark.usefixtures("unrecorded")
@needs("mypy")
def test_it_is_clean_for_mypy(new: New, tmp_path: Path) -> None:
    for scheme in SCHEMES:  # in one test, so that the core is looked at once
        package = new("--scheme", scheme, "--directory", scheme).with_name(scheme)
        done = subprocess.run(
            [
                *(str(tool("mypy")), "--strict", "--python-version", "3.11"),
                *("--python-executable", sys.executable, "--cache-dir", str(tmp_path / "cache")),
                *("src", "tests"),
            ],
            cwd=package,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "in 3 source files" in done.stdout


@with_extra
@needs("uv")
def test_its_wheel_installs(new: New, tmp_path: Path) -> None:
    package, uv = new(), str(tool("uv"))
    dist, environment = tmp_path / "dist", tmp_path / "environment"
    built = subprocess.run(
        [uv, "build", "-q", "-o", str(dist), str(package)], capture_output=True, text=True, check=False
    )
    if built.returncode and "CI" not in os.environ:
        pytest.skip("what builds a wheel cannot be fetched here")
    assert built.returncode == 0, built.stderr
    (wheel,) = dist.glob("*.whl")
    assert wheel.name == "cambist_my_bank-0.1.0-py3-none-any.whl"
    assert (dist / "cambist_my_bank-0.1.0.tar.gz").is_file()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    interpreter = environment / "bin/python"
    subprocess.run(
        [uv, "pip", "install", "-q", "--no-deps", "--python", str(interpreter), str(wheel)], check=True
    )
    code = (
        "import sys; sys.path += sys.argv[1:]\n"  # for the core and what it needs; the wheel comes first
        "from cambist import Registry\n"
        "found = Registry.load().providers['my-bank']\n"
        "print(found.distribution, found.version, found.provider.title)\n"
    )
    done = subprocess.run(
        [interpreter, "-c", code, *filter(None, sys.path)], check=True, capture_output=True, text=True
    )
    assert done.stdout == "cambist-my-bank 0.1.0 My Bank\n"
