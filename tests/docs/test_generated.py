"""The pages that are made from the code are up to date."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("_build")))


def test_the_committed_pages_are_up_to_date(generate: ModuleType) -> None:
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize(
    "page", ["reference/event.md", "reference/event.schema.json", "providers/coinspaid.md"]
)
def test_a_stale_page_is_found_and_mended(
    generate: ModuleType, copy: Path, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (copy / page).read_text()
    (copy / page).write_text(before.replace("completed", "finished"))
    assert generate.main(["--check"], copy) == 1
    assert page in capsys.readouterr().err
    assert generate.main([], copy) == 0
    assert generate.main(["--check"], copy) == 0
    if page.startswith("reference/"):
        assert (copy / page).read_text() == before


def test_a_missing_page_is_stale(generate: ModuleType, copy: Path) -> None:
    (copy / "reference/event.md").unlink()
    assert generate.main(["--check"], copy) == 1
