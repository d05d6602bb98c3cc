"""`cambist events`: what is stored, event by event."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cambist import CambistError, from_json
from cambist_cli._filters import SHOWN, chosen, listing
from cambist_cli._inbox import config_option, open_archive, run
from cambist_cli._listing import print_details, print_line, print_table, wants_json
from cambist_cli._text import one_line

if TYPE_CHECKING:
    from cambist_inbox import Archive

_COLUMNS = ("stored_at", "source", "kind", "status", "verdict", "reference", "merchant_reference", "id")


@click.command("events")
@config_option
@listing("source", "provider", "status", "kind", "verdict", "payment", "merchant_reference", "since", "until")
@click.argument("event", metavar="[ID]", required=False)
def command(path: Path, event: str | None, limit: int | None, as_json: bool, **options: Any) -> None:
    """List stored events, or show one.

    ID is an event's. The newest come last. As JSON, each is one line, exactly as it was made. What cannot
    be opened is told on stderr, the others are printed, and the exit code is 1.
    """
    run(_events(path, event, limit, as_json, options))


async def _events(
    path: Path, event: str | None, limit: int | None, as_json: bool, options: dict[str, Any]
) -> None:
    async with open_archive(path) as opened:
        archive = opened.archive
        if event is not None:
            await _show(archive, event, as_json)
        elif wants_json(as_json):
            await _print(archive, limit, options)
        else:
            rows = archive.events(chosen(options), last=limit or SHOWN)
            print_table(_COLUMNS, [row async for row in rows])


async def _print(archive: Archive, limit: int | None, options: dict[str, Any]) -> None:
    failed = 0
    async for row in archive.events(chosen(options), last=limit):
        try:
            print_line(archive.document(row))
        except CambistError as error:
            failed += 1
            click.echo(f"cambist: event {row['seq']}: {one_line(error.reason)}", err=True)
    sys.stdout.flush()
    if failed:
        raise click.ClickException(f"{failed} events could not be opened")


async def _show(archive: Archive, event: str, as_json: bool) -> None:
    row = await archive.event(event)
    if row is None:
        raise click.ClickException("there is no event of this id")
    document = archive.document(row)
    if wants_json(as_json):
        print_line(document)
        return
    from cambist_cli._console import console
    from cambist_cli._show import card

    console().print(card(from_json(document)))
    names = ("verdict", "stored_at", "times", "seq", "delivery_id", "payment_id")
    print_details({name: row[name] for name in names})
