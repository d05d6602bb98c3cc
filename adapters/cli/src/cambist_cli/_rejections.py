"""`cambist rejections`: what was refused, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cambist_cli._filters import NUMBER, chosen, listing
from cambist_cli._inbox import config_option, open_archive, run
from cambist_cli._listing import Document, as_line, as_text, print_details, print_line, print_list, wants_json

if TYPE_CHECKING:
    from cambist_inbox import Archive

_COLUMNS = ("id", "stored_at", "source", "status", "reason", "remote", "size")
_MEMBERS = ("id", "stored_at", "source", "provider", "remote", "status", "error", "reason", "digest", "size")


@click.command("rejections")
@config_option
@listing("source", "provider", "http_status", "since", "until")
@click.option(
    "--body", "with_body", is_flag=True, help="Show what is kept of the body of the one with this ID."
)
@click.argument("number", metavar="[ID]", type=NUMBER, required=False)
def command(
    path: Path, number: int | None, limit: int | None, as_json: bool, with_body: bool, **options: Any
) -> None:
    """List refused deliveries, or show one.

    ID is a number of the list. The newest come last. A body proves nothing: it may be an attacker's.
    """
    if with_body and number is None:
        raise click.UsageError("Give an ID with --body.", click.get_current_context())
    run(_rejections(path, number, limit, as_json, with_body, options))


async def _rejections(
    path: Path,
    number: int | None,
    limit: int | None,
    as_json: bool,
    with_body: bool,
    options: dict[str, Any],
) -> None:
    async with open_archive(path) as opened:
        if number is not None:
            await _show(opened.archive, number, as_json, with_body)
            return
        await print_list(
            lambda last: _documents(opened.archive, last, options), _COLUMNS, as_json=as_json, limit=limit
        )


async def _documents(archive: Archive, last: int | None, options: dict[str, Any]) -> AsyncIterator[Document]:
    async for row in archive.rejections(chosen(options), last=last):
        yield {name: row[name] for name in _MEMBERS}


async def _show(archive: Archive, number: int, as_json: bool, with_body: bool) -> None:
    row = await archive.rejection(number)
    if row is None:
        raise click.ClickException("there is no refused delivery of this number")
    document: Document = {name: row[name] for name in _MEMBERS}
    if with_body and row["body"] is not None:
        document |= as_text(archive.body(row) or b"")
    if wants_json(as_json):
        print_line(as_line(document))
    else:
        print_details(document)
