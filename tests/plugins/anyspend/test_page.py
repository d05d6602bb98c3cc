"""The page about these providers says what the code does."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from cambist_anyspend.tokens import TOKENS
from cambist_anyspend.webhooks import TYPES

PAGE = (Path(__file__).parents[3] / "docs/providers/anyspend.md").read_text()


def test_every_type_with_its_kind_and_status() -> None:
    rows = re.findall(r"^\| `([a-z]+\.[a-z]+)` \| `(\w+)` \| `(\w+)` \|$", PAGE, re.MULTILINE)
    assert {name: (kind, status) for name, kind, status in rows} == {
        **TYPES,
        "test.ping": ("test", "unknown"),
    }


def test_every_token_of_every_chain() -> None:
    known = defaultdict(set)
    for (chain, _), token in TOKENS.items():
        known[chain].add(f"{token.code} {token.decimals}")
    rows = re.findall(r"^\| (\d+) [A-Z].*? \| (.*) \|$", PAGE, re.MULTILINE)
    assert {int(chain): set(tokens.split(", ")) for chain, tokens in rows} == known
