"""`cambist schema`: the form of what Cambist writes."""

from __future__ import annotations

import json

import click

from cambist import event_schema

_SCHEMAS = {"event": event_schema}


@click.command("schema")
@click.argument("what", metavar="WHAT", type=click.Choice(list(_SCHEMAS)))
def command(what: str) -> None:
    """Print the JSON Schema of what Cambist writes.

    WHAT is 'event', the canonical event.
    """
    click.echo(json.dumps(_SCHEMAS[what](), indent=2))
