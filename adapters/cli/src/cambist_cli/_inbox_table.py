"""``[inbox]`` of the configuration file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field, fields, frozen

from cambist import Secret, resolve_references
from cambist.errors import ConfigurationError
from cambist_cli._checks import checked, is_text, is_whole

FOREVER: Final = "forever"
_DAYS = f'is neither a number of days from 1 to 36500 nor "{FOREVER}"'
_FILE = "sqlite:///"


def _is_days(value: Any) -> bool:
    return value == FOREVER or is_whole(value, 1, 36500)


def _span(days: int | str) -> timedelta | None:
    return None if isinstance(days, str) else timedelta(days=days)


@frozen
class Inbox:
    """``[inbox]``: where deliveries and events are stored before a delivery is answered.

    Args:
        url: The database. It may hold a password.
        keys: What bodies and events are encrypted with: the first encrypts, all open.
        keep_bodies_days: For how many days raw bodies are kept.
        keep_rejections_days: For how many days refused deliveries are kept.
        max_rejections: How many refused deliveries are kept at most.
        attempts: How often a sink is tried with one event.
    """

    url: str = field(
        repr=False, validator=checked(is_text, "is neither a URL like sqlite:///cambist.db nor a reference")
    )
    keys: tuple[Secret, ...] = ()
    keep_bodies_days: int | str = field(default=90, validator=checked(_is_days, _DAYS))
    keep_rejections_days: int | str = field(default=30, validator=checked(_is_days, _DAYS))
    max_rejections: int = field(
        default=10_000,
        validator=checked(
            lambda count: is_whole(count, 1, 10_000_000), "is not a whole number from 1 to 10000000"
        ),
    )
    attempts: int = field(
        default=32,
        validator=checked(lambda count: is_whole(count, 1, 1000), "is not a whole number from 1 to 1000"),
    )

    @property
    def bodies(self) -> timedelta | None:
        """For how long raw bodies are kept; nothing for ever."""
        return _span(self.keep_bodies_days)

    @property
    def rejections(self) -> timedelta | None:
        """For how long refused deliveries are kept; nothing for ever."""
        return _span(self.keep_rejections_days)


def inbox_table(table: Any, folder: Path) -> Inbox:
    """Return the table, with the secrets that it refers to. Files are looked for in ``folder``.

    Raises:
        ConfigurationError: Naming the key that is unknown, missing or malformed. It shows no value.
    """
    if not isinstance(table, dict):
        raise ConfigurationError("inbox: write it as a table, [inbox]")
    known = [attribute.name for attribute in fields(Inbox)]
    for key in sorted(table.keys() - set(known)):
        raise ConfigurationError(f"[inbox] {key}: is not known here; known are: {', '.join(known)}")
    if "url" not in table:
        raise ConfigurationError("[inbox] url: is missing")
    try:
        given = resolve_references(
            table, os.environ, lambda file: (folder / file).read_text(encoding="utf-8")
        )
        url = given["url"]["value"] if _is_resolved(given["url"]) else given["url"]
        inbox = Inbox(**{**given, "url": url, "keys": tuple(_keys(given.get("keys", [])))})
        return evolve(inbox, url=_beside(inbox.url, folder))
    except ConfigurationError as error:
        problem = error.reason
    except ValueError as error:
        problem = str(error)
    raise ConfigurationError(f"[inbox] {problem}")


def _is_resolved(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"label", "value"}


def _beside(url: str, folder: Path) -> str:
    """Return a URL whose relative file is looked for in a folder."""
    path = url.removeprefix(_FILE)
    is_relative = url.startswith(_FILE) and not path.startswith(("/", ":", "file:"))
    return f"{_FILE}{folder / path}" if path and is_relative else url


def _keys(given: Any) -> Iterator[Secret]:
    if not isinstance(given, list):
        raise ConfigurationError("keys: is not a list of secrets")
    for index, entry in enumerate(given):
        table = {"value": entry} if isinstance(entry, str) else entry
        where = f"keys[{index}]"
        if not isinstance(table, Mapping) or not is_text(table.get("value")):
            raise ConfigurationError(f"{where}: is neither a text nor a table with value, env or file")
        if unknown := sorted(table.keys() - {"value", "label"}):
            raise ConfigurationError(f"{where}: knows value, label, env and file, no {', '.join(unknown)}")
        label = table.get("label", str(index + 1))
        if not is_text(label):
            raise ConfigurationError(f"{where}: has a label that is not a text")
        yield Secret(table["value"], label)
