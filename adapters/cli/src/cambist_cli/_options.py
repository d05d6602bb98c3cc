"""What `normalize`, `sign` and `send` take alike: a provider, a body, and the settings of an account."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from cambist import Registry, Source, resolve_references
from cambist_cli._settings import main_secret_setting

F = TypeVar("F", bound=Callable[..., Any])
# RFC 9110: a token, a colon, and a value without line ends or other control characters.
_header = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)").fullmatch


def _setting(text: str) -> tuple[str, Any]:
    """Read ``key=value``; the value is JSON if it can be, else text."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise click.BadParameter("write key=value")
    try:
        return key, json.loads(value, parse_float=Decimal)
    except (ValueError, RecursionError):
        return key, value


def _settings(_: click.Context, __: click.Parameter, given: Sequence[str]) -> dict[str, Any]:
    return dict(map(_setting, given))


def _headers(_: click.Context, __: click.Parameter, given: Sequence[str]) -> list[tuple[str, str]]:
    found = [_header(text) for text in given]
    pairs = [(match[1], match[2].rstrip(" \t")) for match in found if match]
    if len(pairs) < len(found):
        raise click.BadParameter("write 'Name: value', one header for each -H")
    return pairs


secret_option = click.option(
    "--secret",
    "secrets",
    metavar="S",
    multiple=True,
    help="A secret of the account. Others on this machine can see it while this runs: see --set.",
)
set_option = click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_settings,
    help="A setting of the provider, in JSON or as text. A secret by reference: "
    """--set 'secrets=[{"env":"NAME"}]', or {"file":"PATH"}.""",
)
_source = click.option(
    "--source", "name", metavar="NAME", default="cli", show_default=True, help="The source that events name."
)

path_option = click.option(
    "--path",
    "request_path",
    metavar="PATH",
    help="The path of the request, where it is a part of the proof: /webhooks/shop.",
)
header_option = click.option(
    "-H",
    "--header",
    "headers",
    metavar="'NAME: VALUE'",
    multiple=True,
    callback=_headers,
    help="A header of the delivery.",
)


def account_options(command: F) -> F:
    """Add ``PROVIDER``, ``--secret``, ``--set`` and ``--source``, which make up a `configured_source`.

    And ``--path``, which some deliveries are proven genuine with.
    """
    return click.argument("provider")(secret_option(set_option(_source(path_option(command)))))


def configured_source(
    registry: Registry, name: str, provider: str, secrets: Sequence[str], settings: dict[str, Any]
) -> Source:
    """Return the account that the options describe, references to secrets resolved.

    Raises:
        ConfigurationError: A reference names what is not there, or the source's name is malformed.
    """
    settings = resolve_references(settings, os.environ, lambda path: Path(path).read_text(encoding="utf-8"))
    if secrets:
        found = registry.providers.get(provider)
        key = main_secret_setting(found.provider) if found else "secrets"
        if key in settings:
            raise click.UsageError(f"Give --secret or --set {key}=, not both.", click.get_current_context())
        settings[key] = list(secrets)
    return Source(name, provider, settings)


def read_body(file: str) -> bytes:
    """Return the exact bytes of a file, of stdin for ``-``."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be read ({error.strerror})") from None
