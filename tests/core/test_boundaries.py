"""What imports what: dependencies point one way, and the core neither reads, writes nor asks the time."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cambist

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "core/src").rglob("*.py"))
PLUGINS = sorted(ROOT.glob("plugins/*/src/**/*.py"))
ADAPTERS = sorted(ROOT.glob("adapters/*/src/**/*.py"))


def names_of(folder: str) -> set[str]:
    return {
        path.name for path in ROOT.glob(f"{folder}/*/src/*") if path.is_dir() and path.name.isidentifier()
    }


def imports_of(path: Path) -> set[str]:
    """The top-level names that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found.add(ast.unparse(node.args[0]).strip("f'\"").partition(".")[0])
    return found


def relative(paths: list[Path]) -> list[Any]:
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def test_the_folders_are_where_this_looks() -> None:
    assert "cambist_coinspaid" in names_of("plugins")
    assert "cambist_aiohttp" in names_of("adapters")
    assert len(CORE) > 20
    assert len(PLUGINS) > 3
    assert len(ADAPTERS) > 3


@pytest.mark.parametrize("path", relative(CORE))
def test_the_core_imports_no_plugin_and_no_adapter(path: Path) -> None:
    assert not {name for name in imports_of(path) if name.startswith("cambist_")}


@pytest.mark.parametrize("path", relative(PLUGINS))
def test_a_plugin_imports_no_adapter_and_no_other_plugin(path: Path) -> None:
    itself = path.relative_to(ROOT).parts[3]
    assert not (imports_of(path) & (names_of("adapters") | names_of("plugins"))) - {itself}


@pytest.mark.parametrize("path", relative(ADAPTERS))
def test_an_adapter_imports_no_plugin(path: Path) -> None:
    assert not imports_of(path) & names_of("plugins")


@pytest.mark.parametrize("path", relative(PLUGINS + ADAPTERS))
def test_nobody_imports_a_private_module_of_the_core(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "cambist":
            assert not any(part.startswith("_") for part in node.module.split(".")), node.module


OUTSIDE = {
    *("asyncio", "http", "io", "mmap", "pathlib", "random", "secrets", "select", "selectors", "shutil"),
    *("signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "uuid"),
    *("aiohttp", "httpx", "requests"),
}
CALLS = {
    *("now", "utcnow", "today", "input", "open", "print"),
    *("read_text", "read_bytes", "write_text", "write_bytes"),
}
PURE = [path for path in CORE if "testing" not in path.parts]


@pytest.mark.parametrize("path", relative(PURE))
def test_the_core_does_no_input_or_output_and_has_no_clock(path: Path) -> None:
    assert not imports_of(path) & OUTSIDE
    nodes = list(ast.walk(ast.parse(path.read_text())))
    calls = {ast.unparse(node.func).rpartition(".")[2] for node in nodes if isinstance(node, ast.Call)}
    assert not calls & CALLS
    used = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    assert not {name for name in used if name.startswith("os.") and not name.startswith("os.path")}


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has imported after this code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        check=True,
        text=True,
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_imports_next_to_nothing() -> None:
    new = modules_after("import cambist") - modules_after("import __future__, importlib, typing")
    assert new == {"cambist"}


def test_reading_events_imports_no_plugin_machinery() -> None:
    found = modules_after("from cambist import PaymentEvent, Status, advance, Money")
    assert not found & {"pluggy", "cattrs", "importlib.metadata", "aiohttp", "cryptography", "orjson"}


@pytest.mark.parametrize(
    "code", ["from cambist import *", "import cambist; [getattr(cambist, n) for n in cambist.__all__]"]
)
def test_the_whole_package_imports_no_plugin_and_no_adapter(code: str) -> None:
    found = modules_after(code)
    assert "cambist._pipeline" in found
    assert not {
        name for name in found if name.startswith(("cambist_", "aiohttp", "sqlalchemy", "faststream"))
    }


def order(name: str) -> tuple[bool, bool, str]:
    """Constants, then classes, then functions."""
    return (not name.isupper(), not name[0].isupper(), name)


def test_the_public_names_are_sorted_loaded_lazily_and_known_to_type_checkers() -> None:
    assert cambist.__all__ == sorted(cambist.__all__, key=order)
    assert set(cambist.__all__) == set(cambist._HOMES)
    tree = ast.parse(Path(cambist.__file__).read_text())
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(checked.test) == "TYPE_CHECKING"
    typed = {
        alias.asname or alias.name: (node.module or "").removeprefix("cambist.")
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == cambist._HOMES


@pytest.mark.parametrize("name", cambist.__all__)
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(cambist, name) is not None
    assert name in dir(cambist)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Pipelin'"):
        _ = cambist.Pipelin
