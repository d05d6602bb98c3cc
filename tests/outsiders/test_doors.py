"""What an author from outside may use, and how much of it there is to write."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOORS = {"cambist", "cambist.errors", "cambist.verification", "cambist.testing", "cambist.hookspecs"}
MODULES = ["stripe_like/tollhouse.py", "stripe_like/samples.py", "standard_webhooks/farthing.py"]


def modules_named_in(path: Path) -> set[str]:
    """Return the modules that a file imports, and what it reaches as ``cambist.x`` or by a private name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                found.update(name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found.add(module)
                found.update(f"{module}.{name.name}" for name in names if name.name.startswith("_"))
            case ast.Attribute(value=ast.Name(id="c" | "cambist"), attr=attribute) if attribute[0] == "_":
                found.add(f"cambist.{attribute}")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_short(name: str) -> None:
    assert len((HERE / name).read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize(
    "path", sorted(HERE.glob("*/*.py")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_only_public_doors_are_used(path: Path) -> None:
    ours = {name for name in modules_named_in(path) if name.split(".")[0].startswith("cambist")}
    assert ours <= DOORS


def test_the_search_finds_what_is_private(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "import cambist as c\nimport cambist._money\nfrom cambist import _event\n"
        "from cambist._json import decode\nc._leaves\n"
    )
    assert modules_named_in(path) - DOORS == {
        "cambist._money",
        "cambist._event",
        "cambist._json",
        "cambist._leaves",
    }
