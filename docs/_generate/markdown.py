"""Markdown that is put together."""

from __future__ import annotations

from collections.abc import Iterable


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table and the empty line after it. A bar inside of a cell is escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return (
        "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
        + "\n"
    )
