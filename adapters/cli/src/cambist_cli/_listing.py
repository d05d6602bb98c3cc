"""Lists of what is stored: a table to be read on a terminal, JSON one document a line elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

from cambist_cli._filters import SHOWN
from cambist_cli._text import printable

Document = dict[str, Any]


def wants_json(as_json: bool) -> bool:
    """Whether documents are to be printed instead of a table."""
    return as_json or not sys.stdout.isatty()


async def print_list(
    documents: Callable[[int | None], AsyncIterator[Document]],
    columns: Sequence[str],
    *,
    as_json: bool,
    limit: int | None,
) -> None:
    """Print documents, the newest last.

    Args:
        documents: Returns them, at most so many of the newest.
        columns: Which members the table shows.
        as_json: Print JSON also on a terminal.
        limit: At most so many of the newest.
    """
    if wants_json(as_json):
        async for document in documents(limit):
            print_line(as_line(document))
        sys.stdout.flush()
        return
    print_table(columns, [document async for document in documents(limit or SHOWN)])


def print_line(line: bytes) -> None:
    """Print a line, without flushing: there may be millions."""
    sys.stdout.buffer.write(line + b"\n")


def as_line(document: Document) -> bytes:
    """Return a document as one line of JSON."""
    return json.dumps(document, default=_instant, ensure_ascii=False).encode(errors="backslashreplace")


def print_table(columns: Sequence[str], documents: Sequence[Document]) -> None:
    """Print these members of documents as a table."""
    from rich.table import Table

    from cambist_cli._console import console

    if not documents:
        console(stderr=True).print("There are none.")
        return
    table = Table()
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    for document in documents:
        table.add_row(*(cell(document[name]) for name in columns))
    console().print(table)


def print_details(document: Document) -> None:
    """Print a document to be read: one member a line."""
    from rich.table import Table

    from cambist_cli._console import console

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in document.items():
        grid.add_row(name.replace("_", " "), cell(value))
    console().print(grid)


def cell(value: Any) -> str:
    """Return a value as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return printable(
            ", ".join(f"{name} {cell(item)}" for name, item in value.items() if item is not None)
        )
    if isinstance(value, list):
        return "\n".join(cell(item) for item in value)
    return printable(str(value))


def _instant(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(type(value).__name__)


def as_text(body: bytes) -> Document:
    """Return a body as a member of a document: its text, or in base64 what is no text."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        import base64

        return {"body_base64": base64.b64encode(body).decode()}
