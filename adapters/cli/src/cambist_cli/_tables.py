"""Tables of the configuration file: walked through, with their references resolved."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
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
    for number, table in enumerate(found, 1):
        yield table_label(name, number, table), dict(table)


def table_label(name: str, number: int, table: Mapping[str, Any]) -> str:
    """Return what errors call a table of an array of tables.

    Args:
        name: The array's name.
        number: Which of its tables, from 1.
        table: The table, for the name in it.
    """
    called = table.get("name")
    return f"[[{name}]] {called!r}" if is_text(called) else f"[[{name}]] number {number}"


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
