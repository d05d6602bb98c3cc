"""`cambist normalize`: one delivery in, its events out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from cambist import Delivery, Pipeline, Registry
from cambist_cli._options import account_options, configured_source, header_option, read_body
from cambist_cli._output import print_event
from cambist_cli._unproven import unproven


@click.command("normalize")
@account_options
@click.argument("file", default="-")
@header_option
@click.option("--no-verify", is_flag=True, help="Take the body as it is: no header, no secret.")
def command(
    provider: str,
    file: str,
    secrets: Sequence[str],
    headers: list[tuple[str, str]],
    no_verify: bool,
    settings: dict[str, Any],
    name: str,
    request_path: str | None,
) -> None:
    """Verify a delivery and print its events.

    FILE is the raw body, exactly as it came; '-' is stdin. On a terminal an event is shown to be read,
    elsewhere it is one JSON document a line.
    """
    registry = Registry.load()
    source = configured_source(registry, name, provider, secrets, settings)
    pipeline = unproven(registry, source) if no_verify else Pipeline([source], registry=registry)
    delivery = Delivery(source.name, headers, read_body(file), datetime.now(UTC), request_path)
    processed = pipeline.parse(delivery) if no_verify else pipeline.process(delivery)
    for event in processed.events:
        print_event(event)
