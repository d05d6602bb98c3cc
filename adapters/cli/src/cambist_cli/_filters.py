"""The options that choose among what is stored, alike for every command that lists it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cambist_inbox import Filter

F = TypeVar("F", bound=Callable[..., Any])
SHOWN = 100
# Of a row. A database takes no higher one.
NUMBER = click.IntRange(1, 2**63 - 1)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_ago = re.compile(r"(\d{1,6})([mhd])", re.ASCII).fullmatch


def _time(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """Read a time with a zone, a day (of UTC), or how long ago: ``24h``."""
    if text is None:
        return None
    with suppress(ValueError, OverflowError):  # of a time before the year 1, or after 9999
        if ago := _ago(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        when = datetime.fromisoformat(text)
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return when.replace(tzinfo=UTC)
        if when.tzinfo is not None:
            return when.astimezone(UTC)
    raise click.BadParameter("write 2026-01-31, 2026-01-31T10:00:00Z, or 90m, 24h, 7d for how long ago")


_OPTIONS = {
    "source": click.option("--source", metavar="NAME", help="Of this source."),
    "provider": click.option("--provider", metavar="NAME", help="Of this provider."),
    "status": click.option("--status", metavar="STATUS", help="With this status."),
    "http_status": click.option(
        "--status", metavar="CODE", type=click.IntRange(100, 599), help="Refused with this HTTP status."
    ),
    "kind": click.option("--kind", metavar="KIND", help="Of this kind, such as deposit."),
    "verdict": click.option(
        "--verdict",
        metavar="VERDICT",
        help="That did this to their payment: applied, unchanged, stale or conflicting.",
    ),
    "payment": click.option("--payment", metavar="ID", help="Of the payment that the provider calls so."),
    "merchant_reference": click.option(
        "--merchant-reference", metavar="REF", help="Of the payment that the merchant calls so."
    ),
    "sink": click.option("--sink", metavar="NAME", help="Of this sink."),
    "quarantined": click.option(
        "--quarantined", is_flag=True, default=None, help="Only those that could not be read."
    ),
    "since": click.option(
        "--since",
        metavar="TIME",
        callback=_time,
        help="Stored since then: a day, a time with a zone, or how long ago (90m, 24h, 7d).",
    ),
    "until": click.option("--until", metavar="TIME", callback=_time, help="Stored before then."),
}


def filters(*names: str) -> Callable[[F], F]:
    """Add the options of these filters. Their values go into `chosen`."""

    def add(command: F) -> F:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return add


def listing(*names: str) -> Callable[[F], F]:
    """Add the options of a list: filters, ``--limit`` and ``--json``."""

    def add(command: F) -> F:
        for option in (
            click.option(
                "--json", "as_json", is_flag=True, help="One JSON document a line, also on a terminal."
            ),
            click.option(
                "--limit",
                metavar="N",
                type=click.IntRange(min=1),
                help=f"Only the newest N.  [default: {SHOWN} on a terminal, all elsewhere]",
            ),
        ):
            command = option(command)
        return filters(*names)(command)

    return add


def chosen(options: dict[str, Any]) -> Filter:
    """Return the filter that the options make."""
    from cambist_inbox import Filter

    return Filter(**options)
