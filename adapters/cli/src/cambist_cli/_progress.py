"""A bar for long work, on stderr, where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Says how far it has got."""

    def __call__(self, done: int, total: int) -> None:
        """So much of so much is done."""
        ...


@contextmanager
def progress(what: str) -> Iterator[Advance]:
    """Show a bar until the block ends; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import Progress

    from cambist_cli._console import console

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
