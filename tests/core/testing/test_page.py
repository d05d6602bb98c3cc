"""The reference of the kit names what there is, and nothing else."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from cambist.testing import ProviderConformance

PAGE = Path(__file__).parents[3] / "docs/reference/testing.md"


def listed(pattern: str) -> list[str]:
    return re.findall(pattern, PAGE.read_text(), re.MULTILINE)


def test_every_standard_test() -> None:
    tests = [name for name in dir(ProviderConformance) if name.startswith("test_")]
    assert sorted(listed(r"^\| `(test_\w+)` \|")) == tests


def test_every_attribute() -> None:
    declared = inspect.get_annotations(ProviderConformance)
    rows = listed(r"^\| `(\w+)` \|")
    assert [name for name in rows if not name.startswith("test_")] == list(declared)
