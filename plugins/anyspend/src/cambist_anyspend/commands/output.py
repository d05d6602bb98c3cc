"""Answers on stdout: a table on a terminal, elsewhere one JSON document a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
import click

_LONGEST = 2048


def document(item: Any) -> dict[str, Any]:
    """Return an answer under the API's own names, its times in ISO 8601."""
    return attrs.asdict(item, value_serializer=_plain)


def print_documents(documents: Sequence[Mapping[str, Any]], as_json: bool, none: str) -> None:
    """Print a list of answers.

    Args:
        documents: The answers.
        as_json: Whether to print JSON on a terminal, too.
        none: What to say on a terminal if there is none.
    """
    if as_json or not sys.stdout.isatty():
        for each in documents:
            click.echo(json.dumps(each))
    elif documents:
        _print_table(documents)
    else:
        click.echo(none)


def print_document(document: Mapping[str, Any], as_json: bool) -> None:
    """Print one answer."""
    if as_json or not sys.stdout.isatty():
        click.echo(json.dumps(document))
    else:
        _print_rows(document)


def _plain(_: object, __: object, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return list(value) if isinstance(value, tuple) else value


def _print_table(documents: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table(*(_label(name) for name in documents[0]))
    for column in table.columns:
        column.overflow = "fold"
    for each in documents:
        table.add_row(*map(_cell, each.values()))
    _print(table)


def _print_rows(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")  # never an ellipsis: it would hide a part of a secret
    for name, value in document.items():
        grid.add_row(_label(name), _cell(value))
    _print(grid)


def _print(table: Any) -> None:
    from rich.console import Console

    Console(markup=False, emoji=False, highlight=False).print(table)


def _label(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: Any) -> Any:
    from rich.text import Text

    from cambist_anyspend.client.text import one_line

    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, list):
        value = ", ".join(value)
    return Text("-" if value is None else one_line(str(value), _LONGEST))
