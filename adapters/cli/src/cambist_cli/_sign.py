"""`cambist sign`: the headers that make a body a genuine delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from cambist import Delivery, Pipeline, Registry
from cambist_cli._options import account_options, configured_source, read_body
from cambist_cli._signature import signed


@click.command("sign")
@account_options
@click.argument("file")
def command(
    provider: str,
    file: str,
    secrets: Sequence[str],
    settings: dict[str, Any],
    name: str,
    request_path: str | None,
) -> None:
    """Print the headers of a genuine delivery.

    FILE is the raw body; '-' is stdin. There is one header a line. They are made with the first secret that
    holds, and for a delivery that is sent now.
    """
    registry = Registry.load()
    source = configured_source(registry, name, provider, secrets, settings)
    (route,) = Pipeline([source], registry=registry).routes
    delivery = Delivery(source.name, (), read_body(file), datetime.now(UTC), request_path)
    for header, value in signed(route, delivery):
        click.echo(f"{header}: {value}")
