"""`cambist payments`: where each payment stands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cambist_cli._filters import NUMBER, chosen, listing
from cambist_cli._inbox import config_option, open_archive, run
from cambist_cli._listing import Document, as_line, print_details, print_line, print_list, wants_json

if TYPE_CHECKING:
    from cambist_inbox import Archive

_MEMBERS = ("id", "source", "kind", "reference", "status", "updated_at")
_EVENT = ("id", "status", "verdict", "occurred_at", "stored_at")


@click.command("payments")
@config_option
@listing("source", "status", "kind", "payment", "since", "until")
@click.argument("number", metavar="[ID]", type=NUMBER, required=False)
def command(path: Path, number: int | None, limit: int | None, as_json: bool, **options: Any) -> None:
    """List where payments stand, or show one.

    ID is a number of the list; it is shown with its events. --payment takes the provider's identifier.
    --since and --until are of the time when the payment last changed.
    """
    run(_payments(path, number, limit, as_json, options))


async def _payments(
    path: Path, number: int | None, limit: int | None, as_json: bool, options: dict[str, Any]
) -> None:
    async with open_archive(path) as opened:
        if number is not None:
            await _show(opened.archive, number, as_json)
            return
        await print_list(
            lambda last: _documents(opened.archive, last, options), _MEMBERS, as_json=as_json, limit=limit
        )


async def _documents(archive: Archive, last: int | None, options: dict[str, Any]) -> AsyncIterator[Document]:
    async for row in archive.payments(chosen(options), last=last):
        yield {name: row[name] for name in _MEMBERS}


async def _show(archive: Archive, number: int, as_json: bool) -> None:
    found = await archive.payment(number)
    if found is None:
        raise click.ClickException("there is no payment of this number")
    row, events = found
    document: Document = {name: row[name] for name in _MEMBERS}
    document["events"] = [{name: event[name] for name in _EVENT} for event in events]
    if wants_json(as_json):
        print_line(as_line(document))
    else:
        print_details(document)
