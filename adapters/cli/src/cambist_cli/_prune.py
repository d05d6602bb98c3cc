"""`cambist prune`: drop what need not be kept."""

from __future__ import annotations

from pathlib import Path

import click

from cambist_cli._inbox import config_option, open_archive, run
from cambist_cli._progress import progress


@click.command("prune")
@config_option
def command(path: Path) -> None:
    """Drop old bodies and refused deliveries.

    [inbox] says for how long they are kept. Events and payments stay, and so does the body of what is in
    quarantine. 'cambist serve' does the same by itself, once an hour.
    """
    run(_prune(path))


async def _prune(path: Path) -> None:
    bodies = refused = 0
    async with open_archive(path) as opened:
        inbox = opened.stored.inbox
        with progress("Pruning") as advance:
            async for step in opened.archive.prune(inbox.bodies, inbox.rejections):
                bodies += step.bodies
                refused += step.rejections
                advance(step.done, step.total)
    click.echo(f"dropped {bodies} bodies and {refused} refused deliveries")
