"""Tables of the configuration file: walked through, with their references resolved."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cambist import resolve_references
from cambist.errors import ConfigurationError
from cambist_cli._checks import is_text


def tables(document: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each table of an array of tables, and what to call it in an error."""
    found = document.get(name, [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise ConfigurationError(f"{name}: write each as a table of its own, [[{name}]]")
    for label, table in zip(table_labels(name, found), found, strict=True):
        yield label, dict(table)


def table_labels(name: str, found: Sequence[object]) -> list[str]:
    """Return what errors call the tables of an array of tables: no two alike.

    Args:
        name: The array's name.
        found: Its tables, for the names in them.
    """
    called = [table.get("name") if isinstance(table, Mapping) else None for table in found]
    known = Counter(filter(is_text, called))
    labels = []
    for number, each in enumerate(called, 1):
        if not is_text(each):
            labels.append(f"[[{name}]] number {number}")
        else:
            labels.append(f"[[{name}]] {each!r}" + (f" (number {number})" if known[each] > 1 else ""))
    return labels


def text(where: str, table: dict[str, Any], key: str) -> str:
    """Take a text out of a table."""
    value = table.pop(key, None)
    if is_text(value):
        return str(value)
    raise ConfigurationError(f"{where} {key}: {'is missing' if value is None else 'is not a text'}")


def resolved(where: str, table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a table with the secrets that it refers to. A relative file is looked for in ``folder``."""
    try:
        return resolve_references(table, os.environ, lambda file: (folder / file).read_text(encoding="utf-8"))
    except ConfigurationError as error:
        problem = error.reason
    raise ConfigurationError(f"{where} {problem}")
