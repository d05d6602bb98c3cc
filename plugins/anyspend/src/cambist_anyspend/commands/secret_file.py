"""A file for a secret that is told once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from cambist import Secret


@contextmanager
def new_secret_file(path: Path) -> Iterator[Callable[[Secret], None]]:
    """Make a file that its owner alone can read, and give the function that writes a secret to it.

    It is made first, so that a secret is asked for only where it can be kept, and removed if that fails.

    Raises:
        click.ClickException: It exists already, or cannot be made.
        OSError: The secret cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        problem = f"{path}: cannot be made ({error.strerror})"
    else:
        with _made(path, descriptor) as write:
            yield write
        return
    raise click.ClickException(problem)


@contextmanager
def _made(path: Path, descriptor: int) -> Iterator[Callable[[Secret], None]]:
    def write(secret: Secret) -> None:
        file.write(f"{secret.reveal()}\n".encode())
        file.flush()
        os.fsync(descriptor)

    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            yield write
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
