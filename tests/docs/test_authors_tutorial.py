"""The tutorial for authors works: its blocks make up the example, and its commands do what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tutorial/write-a-provider.md").read_text()
EXAMPLE = ROOT / "plugins/example"
MODULE = "src/cambist_pennywhistle/__init__.py"
TESTS = ROOT / "tests/plugins/example"
INSTALL = "python -m pip install -e '.[tests]'"


class Block(NamedTuple):
    language: str
    code: str
    section: str
    output: str | None = None
    """What the page says that it prints, for a command."""


def blocks() -> list[Block]:
    found: list[Block] = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE):
        title = section.partition("\n")[0]
        for language, code in re.findall(r"^```(.*?)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
            if language == "text" and found and found[-1].language == "sh" and found[-1].output is None:
                found[-1] = found[-1]._replace(output=code)
            else:
                found.append(Block(language, code, title))
    return found


BLOCKS = blocks()
SECTIONS = list(dict.fromkeys(block.section for block in BLOCKS))
# The module is all Python up to where it is used.
MODULE_BLOCKS = [
    block.code
    for block in BLOCKS
    if block.language == "python" and SECTIONS.index(block.section) < SECTIONS.index("Record the cases")
]


def without_spacing(code: str) -> str:
    return re.sub(r"\n{2,}", "\n\n", code).strip()


def test_the_blocks_of_the_page_are_the_module_of_the_example() -> None:
    assert without_spacing("\n\n".join(MODULE_BLOCKS)) == without_spacing((EXAMPLE / MODULE).read_text())


def test_the_documented_request_is_a_case_of_the_example() -> None:
    (request,) = (block.code for block in BLOCKS if block.section == "What Pennywhistle documents")
    assert request.removesuffix("\n").encode() == (TESTS / "cases/refund_partial.http").read_bytes()


def test_what_the_page_installs_is_there_to_be_installed() -> None:
    project = tomllib.loads((ROOT / "adapters/cli/pyproject.toml").read_text())["project"]
    assert BLOCKS[1].code == f"pip install '{project['name']}[authors]'\n"
    assert "authors" in project["optional-dependencies"]


class Machine(NamedTuple):
    """An environment like the one of the tests, but that the example is not installed there."""

    folder: Path
    site: Path
    environ: dict[str, str]

    def run(self, folder: Path, code: str, *, strict: bool) -> tuple[str, Path]:
        """Run a block; return what it printed, and the folder that it ended in."""
        shell = ["bash", "-euo" if strict else "-uo", "pipefail", "-c", f'{code}\npwd > "$PWD_FILE"']
        ended = self.folder / "pwd"
        done = subprocess.run(
            shell,
            cwd=folder,
            env={**self.environ, "PWD_FILE": str(ended)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}"
        return done.stdout, Path(ended.read_text().strip())

    def install(self, project: Path) -> None:
        """Do what an installer does with ``-e``, without fetching what builds the package."""
        about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        (self.site / "_project.pth").write_text(f"{project / 'src'}\n")
        information = self.site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n"
        )
        lines = (f"{name} = {value}" for name, value in about["entry-points"]["cambist"].items())
        (information / "entry_points.txt").write_text("\n".join(["[cambist]", *lines, ""]))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    scripts = environment / "bin"
    (site,) = environment.glob("lib/python*/site-packages")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        leads_there = path.suffix == ".pth" and "plugins/example" in path.read_text()
        if "pennywhistle" not in path.name and not leads_there:
            (site / path.name).symlink_to(path)
    command = scripts / "cambist"
    command.write_text(
        f"#!{scripts / 'python'}\nimport sys\nfrom cambist_cli import main\nsys.exit(main())\n"
    )
    command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "VIRTUAL"))}
    folder = tmp_path / "work"
    folder.mkdir()
    beside_nox = ROOT / ".venv/bin"  # where uv is
    path = os.pathsep.join([str(scripts), os.environ["PATH"], str(beside_nox)])
    return Machine(folder, site, {**kept, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"})


def assert_shown(shown: str, printed: str) -> None:
    """Compare what a page shows with what was printed; ``…`` stands for lines that the page leaves out."""
    chunks = shown.split("…\n")
    assert printed.startswith(chunks[0]), printed
    assert printed.endswith(chunks[-1]), printed
    position = 0
    for chunk in chunks:
        assert chunk in printed[position:], (
            f"{chunk}\nis not what is printed, or not in this order:\n{printed}"
        )
        position = printed.index(chunk, position) + len(chunk)


@contextmanager
def serving(machine: Machine, folder: Path, code: str) -> Iterator[list[str]]:
    """Run the block that starts the receiver; the lines that it has printed are complete at the end."""
    process = subprocess.Popen(
        ["bash", "-c", code.replace("PENNYWHISTLE_SECRET", "exec env PENNYWHISTLE_SECRET", 1)],
        cwd=folder,
        env=machine.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    lines = [process.stdout.readline()]  # which it prints when it listens
    try:
        yield lines
    finally:
        process.terminate()
        lines += process.communicate(timeout=30)[0].splitlines()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tutorial's commands use curl")
def test_the_page_from_top_to_bottom(machine: Machine) -> None:
    folder, port = machine.folder, free_port()
    project = folder / "cambist-pennywhistle"
    for number, block in enumerate(BLOCKS[2:], 2):
        code = block.code
        if block.section == "Record the cases" and BLOCKS[number - 1].language == "python":
            (project / MODULE).write_text("\n\n".join(MODULE_BLOCKS))
        if block.language.startswith("{code-block}"):
            caption, _, text = code.removeprefix(":caption: ").partition("\n\n")
            (folder / caption).write_text(f"[server]\nport = {port}\n\n{text}")
        if block.language != "sh" or (code == "uv build\n" and "CI" not in os.environ):
            continue  # what builds the package is fetched: a user's machine is left in peace
        if INSTALL in code:
            machine.install(project)
            code = code.replace(INSTALL, "true")
        if "cambist serve" in code:
            with serving(machine, folder, code) as lines:
                sent = BLOCKS[number + 1].code.replace(":8080", f":{port}")
                answer, _ = machine.run(folder, sent, strict=True)
            assert re.findall(r"^HTTP/1.1 (.*?)\s*$", answer, re.MULTILINE) == ["200 OK"]
            assert lines[0] == f"listening on http://127.0.0.1:{port}\n"
            assert json.loads(lines[1])["provider"] == "pennywhistle"
        elif "curl" not in code:
            printed, folder = machine.run(folder, code, strict=block.output is None)
            if block.output is not None:
                assert_shown(block.output, printed)
    assert (project / "tests/test_conformance.py").read_text() == (TESTS / "test_conformance.py").read_text()
    recorded = sorted((project / "tests/cases").iterdir())
    assert len(recorded) == 16
    for path in recorded:
        mine, kept = path.read_bytes(), (TESTS / "cases" / path.name).read_bytes()
        if path.suffix == ".json":
            assert {**json.loads(mine), "about": ""} == {**json.loads(kept), "about": ""}
        else:
            assert mine == kept
