"""`cambist restore`: put a copy in the place of what is stored."""

from __future__ import annotations

from pathlib import Path

import click

from cambist_cli._backup import copying
from cambist_cli._config import load_stored
from cambist_cli._inbox import config_option, require_inbox


@click.command("restore")
@config_option
@click.option("--force", is_flag=True, help="Replace the inbox that is there.")
@click.argument("file", type=click.Path(path_type=Path))
def command(path: Path, force: bool, file: Path) -> None:
    """Put a copy in the place of the inbox.

    FILE is what 'cambist backup' wrote. The server must not run. What sinks still had to get when the
    copy was made, they get again.
    """
    stored = load_stored(path)
    require_inbox(path)
    from cambist_inbox import restore

    with copying(path, file):
        restore(stored.inbox.url, file, force=force)
    click.echo(f"restored {file}")
