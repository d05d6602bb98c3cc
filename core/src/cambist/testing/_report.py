"""What a test tells when it fails: the rule, and every place where it is broken, never a value."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

MOST = 40


def report(rule: str, findings: Iterable[str]) -> None:
    """Fail with the rule if anything was found.

    Args:
        rule: What holds for every provider, as a sentence.
        findings: Where it does not: a path, and what is wrong there.
    """
    found = list(dict.fromkeys(findings))
    if not found:
        return
    more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    pytest.fail("\n  - ".join([rule, *found[:MOST], *more]), pytrace=False)
