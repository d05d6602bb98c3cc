"""`cambist backup`: a copy of what is stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cambist_cli._config import load_stored
from cambist_cli._inbox import config_option, of_the_inbox, require_inbox
from cambist_cli._progress import progress


@click.command("backup")
@config_option
@click.argument("file", type=click.Path(path_type=Path))
def command(path: Path, file: Path) -> None:
    """Copy the inbox into one file.

    The inbox is one of SQLite, and may be served meanwhile. FILE must not be there yet. It is checked,
    and only its owner can read it. What is encrypted stays so: keep the keys elsewhere.
    """
    stored = load_stored(path)
    require_inbox(path)
    from cambist_inbox import backup

    with copying(path, file), progress("Copying") as advance:
        backup(stored.inbox.url, file, progress=advance)
    click.echo(f"wrote {file} ({file.stat().st_size} bytes)")


@contextmanager
def copying(path: Path, file: Path) -> Iterator[None]:
    """Tell what is wrong with a copy as the operator's, without a trace."""
    problem = ""
    with of_the_inbox(path):
        try:
            yield
        except OSError as error:
            problem = error.strerror or type(error).__name__
        except sqlite3.Error as error:
            problem = str(error)
    if problem:
        raise click.ClickException(f"{file}: {problem}")
