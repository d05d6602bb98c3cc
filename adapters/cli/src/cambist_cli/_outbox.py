"""`cambist outbox`: what sinks are still to get, and what they did not take."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click

from cambist_cli._filters import NUMBER, chosen, listing
from cambist_cli._inbox import Opened, config_option, open_archive, run
from cambist_cli._listing import Document, print_list

_COLUMNS = ("id", "state", "sink", "configured", "source", "status", "attempts", "at", "problem", "event")


@click.group("outbox", invoke_without_command=True)
@config_option
@listing("source", "sink")
@click.option("--dead", is_flag=True, help="Only dead letters.")
@click.pass_context
def command(
    context: click.Context, /, path: Path, limit: int | None, as_json: bool, dead: bool, **options: Any
) -> None:
    """List what sinks are still to get.

    Dead letters are listed first. An entry waits, is claimed by a relay, or is dead: its sink did not
    take it in as many tries as it gets. One whose sink is not configured any more waits until it is
    again.
    """
    if context.invoked_subcommand is None:
        run(_outbox(path, limit, as_json, dead, options))


@command.command("retry")
@config_option
@click.option("--all", "every", is_flag=True, help="All dead letters.")
@click.argument("numbers", metavar="[ID]...", type=NUMBER, nargs=-1)
def retry(path: Path, numbers: tuple[int, ...], every: bool) -> None:
    """Put dead letters back, to be tried as often as new entries.

    ID is the number of a dead letter.
    """
    if every == bool(numbers):
        raise click.UsageError("Give the IDs of dead letters, or --all.", click.get_current_context())
    run(_retry(path, None if every else numbers))


async def _outbox(path: Path, limit: int | None, as_json: bool, dead: bool, options: dict[str, Any]) -> None:
    async with open_archive(path) as opened:
        if dead:
            await print_list(
                lambda last: _dead(opened, last, options), _COLUMNS, as_json=as_json, limit=limit
            )
            return
        await print_list(lambda last: _both(opened, last, options), _COLUMNS, as_json=as_json, limit=limit)


async def _retry(path: Path, numbers: tuple[int, ...] | None) -> None:
    async with open_archive(path) as opened:
        revived = await opened.archive.revive(numbers)
    missing = len(set(numbers)) - revived if numbers is not None else 0
    click.echo(f"{revived} dead letters wait again")
    if missing:
        raise click.ClickException(f"{missing} of these numbers are no dead letters")


async def _both(opened: Opened, last: int | None, options: dict[str, Any]) -> AsyncIterator[Document]:
    async for document in _dead(opened, last, options):
        yield document
    async for row in opened.archive.waiting(chosen(options), last=last):
        yield _document(opened, row, "claimed" if row["claimed"] else "waiting", row["due_at"])


async def _dead(opened: Opened, last: int | None, options: dict[str, Any]) -> AsyncIterator[Document]:
    async for row in opened.archive.dead_letters(chosen(options), last=last):
        yield _document(opened, row, "dead", row["died_at"])


def _document(opened: Opened, row: Document, state: str, at: Any) -> Document:
    return {
        "id": row["id"],
        "state": state,
        "sink": row["sink"],
        "configured": row["sink"] in opened.stored.sinks,
        "event": row["event_id"],
        "source": row["source"],
        "status": row["status"],
        "attempts": row["attempts"],
        "at": at if at.year > 1970 else None,
        "problem": row["problem"],
    }
