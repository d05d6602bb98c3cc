"""`cambist providers`: what is installed."""

from __future__ import annotations

import json
import sys

import click
from rich.table import Table

from cambist import Registered, Registry
from cambist_cli._console import console
from cambist_cli._settings import required_settings


@click.command("providers")
def command() -> None:
    """List the installed providers and their settings.

    On a terminal they are a table, elsewhere one JSON document a line.
    """
    found = Registry.load().providers.values()
    if sys.stdout.isatty():
        console().print(_table(list(found)) if found else "None is installed: pip install cambist-coinspaid")
        return
    for registered in found:
        click.echo(json.dumps(_document(registered)))


def _document(registered: Registered) -> dict[str, object]:
    provider = registered.provider
    return {
        "name": provider.name,
        "title": provider.title,
        "documentation": provider.documentation,
        "distribution": registered.distribution,
        "version": registered.version,
        "settings": [
            {"name": name, "required": required} for name, required in required_settings(provider).items()
        ],
    }


def _table(found: list[Registered]) -> Table:
    table = Table(show_header=False, show_lines=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for registered in found:
        provider = registered.provider
        settings = ", ".join(
            f"{name} (required)" if required else name
            for name, required in required_settings(provider).items()
        )
        table.add_row(
            provider.name,
            f"{provider.title}\n{provider.documentation}\n"
            f"release   {registered.distribution} {registered.version}\n"
            f"settings  {settings or 'none'}",
        )
    return table
