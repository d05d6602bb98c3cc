"""`cambist deliveries`: what was proven genuine and acknowledged."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cambist_cli._filters import NUMBER, chosen, listing
from cambist_cli._inbox import config_option, open_archive, run
from cambist_cli._listing import Document, as_line, as_text, print_details, print_line, print_list, wants_json

if TYPE_CHECKING:
    from cambist_inbox import Archive

_COLUMNS = ("id", "stored_at", "source", "provider", "times", "size", "problem")
_MEMBERS = ("id", "source", "provider", "received_at", "stored_at", "last_seen_at", "times")


@click.command("deliveries")
@config_option
@listing("source", "provider", "status", "quarantined", "since", "until")
@click.option("--body", "with_body", is_flag=True, help="Show the body, too, of the one with this ID.")
@click.argument("number", metavar="[ID]", type=NUMBER, required=False)
def command(
    path: Path, number: int | None, limit: int | None, as_json: bool, with_body: bool, **options: Any
) -> None:
    """List stored deliveries, or show one.

    ID is a delivery's number; it is shown with its events. The newest come last. A problem says why one
    is in quarantine.
    """
    if with_body and number is None:
        raise click.UsageError("Give an ID with --body.", click.get_current_context())
    run(_deliveries(path, number, limit, as_json, with_body, options))


async def _deliveries(
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
    async for row in archive.deliveries(chosen(options), last=last):
        yield _document(archive, row)


def _document(archive: Archive, row: Document) -> Document:
    verification = {"scheme": row["scheme"], "label": row["label"]} if row["scheme"] else None
    return {
        **{name: row[name] for name in _MEMBERS},
        "verification": verification,
        "problem": row["problem"],
        "digest": row["digest"],
        "size": row["size"],
        "has_body": row["has_body"] if "has_body" in row else row["body"] is not None,
        "key": archive.key_name(row["key_id"]),
    }


async def _show(archive: Archive, number: int, as_json: bool, with_body: bool) -> None:
    found = await archive.delivery(number)
    if found is None:
        raise click.ClickException("there is no delivery of this number")
    row, events = found
    document = _document(archive, row)
    document["headers"] = [{"name": name, "value": value} for name, value in json.loads(row["headers"])]
    document["events"] = [{name: event[name] for name in ("id", "status", "verdict")} for event in events]
    if with_body and row["body"] is not None:
        document |= as_text(archive.body(row) or b"")
    if wants_json(as_json):
        print_line(as_line(document))
    else:
        print_details(document)
