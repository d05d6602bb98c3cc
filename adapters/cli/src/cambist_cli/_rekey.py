"""`cambist rekey`: encrypt what is stored with another key."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from cambist_cli._inbox import Opened, config_option, open_archive, run
from cambist_cli._progress import progress
from cambist_cli._text import one_line

_SHOWN = 20


@click.command("rekey")
@config_option
@click.option("--decrypt", is_flag=True, help="Store all in clear instead.")
def command(path: Path, decrypt: bool) -> None:
    """Encrypt what is stored with the first key.

    The keys are those of [inbox]. The server may run meanwhile, if it knows that key already. It can be
    ended at any time, and goes on where it was. In the end it says how many rows are left of each key:
    one with none can be removed.
    """
    run(_rekey(path, decrypt))


async def _rekey(path: Path, decrypt: bool) -> None:
    async with open_archive(path) as opened:
        keys = opened.stored.inbox.keys
        if not keys and not decrypt:
            raise click.ClickException(f"{path}: [inbox] keys: is missing: the first key encrypts")
        changed = 0
        problems: Counter[str] = Counter()
        with progress("Decrypting" if decrypt else "Encrypting") as advance:
            async for step in opened.archive.rekey(decrypt=decrypt):
                changed += step.changed
                problems.update(step.problems)
                advance(step.done, step.total)
        click.echo(f"{changed} rows {'decrypted' if decrypt else 'encrypted with ' + keys[0].label}")
        await _tell(opened, None if decrypt else keys[0].label)
    for problem, times in list(problems.items())[:_SHOWN]:
        click.echo(f"cambist: {one_line(problem)}{f' ({times} rows)' if times > 1 else ''}", err=True)
    if problems:
        raise click.ClickException(f"{problems.total()} rows could not be opened, and are as they were")


async def _tell(opened: Opened, wanted: str | None) -> None:
    """Say how many rows there are of each key, and which keys can be removed."""
    left = {opened.archive.key_name(key_id): total for key_id, total in (await opened.archive.keys()).items()}
    for name, total in sorted(left.items(), key=lambda pair: pair[0] or ""):
        click.echo(f"{total} rows are {'in clear' if name is None else f'of the key {name}'}")
    for key in opened.stored.inbox.keys:
        if key.label != wanted and key.label not in left:
            click.echo(f"nothing is left of the key {key.label}: remove it")
