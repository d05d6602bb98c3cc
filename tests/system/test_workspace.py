"""What holds for all distributions of the workspace together."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "core", *sorted(ROOT.glob("plugins/*")), *sorted(ROOT.glob("adapters/*"))]
MEMBERS = [folder for folder in FOLDERS if (folder / "pyproject.toml").is_file()]


def project(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return found


def test_all_versions_move_in_lockstep() -> None:
    assert len({project(folder)["version"] for folder in [ROOT, *MEMBERS]}) == 1


@pytest.mark.parametrize("folder", MEMBERS, ids=lambda folder: folder.name)
def test_a_member_declares_a_range_on_what_it_needs_of_ours(folder: Path) -> None:
    major, minor, _ = project(folder)["version"].split(".")
    expected = f">={major}.{minor},<{major}.{int(minor) + 1}"
    ours = [need for need in project(folder)["dependencies"] if need.startswith("cambist")]
    assert folder.name == "core" or any(re.match(r"cambist[^-]", need) for need in ours)
    assert all(need.endswith(expected) for need in ours)


@pytest.mark.parametrize("folder", MEMBERS, ids=lambda folder: folder.name)
def test_a_member_brings_its_licence_its_types_and_a_readme(folder: Path) -> None:
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (folder / "README.md").read_text().startswith(f"# {project(folder)['name']}")
    assert [path.parent.parent.name for path in folder.glob("src/*/py.typed")] == ["src"]


def test_the_readme_begins_with_the_demo_and_the_tests_one_line_each() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert [block.count("\n") for block in blocks[:2]] == [1, 1]
    assert blocks[0].endswith("nox -s demo\n")
    assert blocks[1].endswith("nox -s tests\n")


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.stem)
def test_a_lock_pins_everything_by_hash_and_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    pins = re.findall(r"^[a-z0-9].*$", text, re.MULTILINE)
    assert pins
    assert all("==" in pin for pin in pins)
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text
