"""Events on stdout."""

from __future__ import annotations

import sys

import click

from cambist import PaymentEvent, to_json


def print_event(event: PaymentEvent) -> None:
    """Print an event: to be read on a terminal, as one line of JSON elsewhere."""
    if sys.stdout.isatty():
        # Imported here, since most runs are piped and it takes a while.
        from cambist_cli._console import console
        from cambist_cli._show import card

        console().print(card(event))
    else:
        click.echo(to_json(event))
