"""`cambist schema`: the form of what Cambist writes and takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cambist import event_schema
from cambist_cli._config import load_config
from cambist_cli._inbox import config_option
from cambist_cli._queues import asyncapi_of


def _event(_: Path) -> dict[str, Any]:
    return event_schema()


def _openapi(path: Path) -> dict[str, Any]:
    from cambist_aiohttp import openapi

    config = load_config(path)
    _, pipeline = config.wire(config.http_sources)
    return openapi(pipeline, prefix=config.server.prefix)


def _asyncapi(path: Path) -> dict[str, Any]:
    return asyncapi_of(load_config(path))


_DOCUMENTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "event": _event,
    "openapi": _openapi,
    "asyncapi": _asyncapi,
}


@click.command("schema")
@click.argument("what", metavar="WHAT", type=click.Choice(list(_DOCUMENTS)))
@config_option
def command(what: str, path: Path) -> None:
    """Print what Cambist writes or takes, for other tools.

    WHAT is 'event', the canonical event as JSON Schema; 'openapi', the routes of the configured sources as
    OpenAPI 3.1; or 'asyncapi', the configured queues as AsyncAPI 3.
    """
    click.echo(json.dumps(_DOCUMENTS[what](path), indent=2))
