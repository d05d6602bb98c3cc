"""To whom a serving process tells how it is."""

from __future__ import annotations

import logging
from typing import Protocol

import click
from attrs import frozen

from cambist_cli._notify import notify

logger = logging.getLogger("cambist.cli")


class Seat(Protocol):
    """Is told what comes of a process that serves."""

    def ready(self, address: str) -> None:
        """It serves."""
        ...

    def reloading(self) -> None:
        """It reads its configuration again."""
        ...

    def reloaded(self, said: str | None) -> None:
        """It goes on, with what it says; without a text, as before."""
        ...

    def stopping(self) -> None:
        """It ends."""
        ...


@frozen
class Alone:
    """Tells the operator and the service manager."""

    def ready(self, address: str) -> None:
        """Print the address: the first line on stdout."""
        click.echo(f"listening on {address}")
        notify("READY")

    def reloading(self) -> None:
        """See `Seat`."""
        notify("RELOADING")

    def reloaded(self, said: str | None) -> None:
        """Log what is served now."""
        if said is not None:
            logger.info("%s", said)
        notify("READY")

    def stopping(self) -> None:
        """See `Seat`."""
        notify("STOPPING")
