"""``[[sinks]]`` of the configuration file, and what the tables of queues have in common with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from cambist.errors import ConfigurationError
from cambist_cli._checks import is_text
from cambist_cli._tables import resolved, tables, text

_is_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", re.ASCII).fullmatch


@frozen
class SinkSettings:
    """One of ``[[sinks]]``.

    Args:
        url: Where events go; its scheme says which plugin takes them there. It may hold a password.
        options: The further keys, for the plugin.
        name: What the inbox calls it: events wait under this name.
    """

    url: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    name: str

    @property
    def scheme(self) -> str:
        """The URL's scheme: ``nats``."""
        return urlsplit(self.url).scheme


def sinks_of(document: Mapping[str, Any], folder: Path) -> tuple[SinkSettings, ...]:
    """Return the sinks; one without a name has its scheme's, and a number if there are several."""
    sinks: list[SinkSettings] = []
    schemes: Counter[str] = Counter()
    for where, table in tables(document, "sinks"):
        name = text(where, table, "name") if "name" in table else None
        url, options = address(where, table, folder)
        scheme = urlsplit(url).scheme
        schemes[scheme] += 1
        if name is None:
            name = scheme if schemes[scheme] == 1 else f"{scheme}-{schemes[scheme]}"
        elif not _is_name(name):
            raise ConfigurationError(f"{where} name: is up to 64 letters, digits, '.', '_' and '-'")
        if name in {sink.name for sink in sinks}:
            raise ConfigurationError(f"{where} name: another sink is called {name!r} too")
        sinks.append(SinkSettings(url, options, name))
    return tuple(sinks)


def address(where: str, table: Mapping[str, Any], folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the URL and the further keys of a table, with the secrets that they refer to.

    A key that ends with ``_file`` names a file beside the configuration.
    """
    options = _beside(resolved(where, table, folder), folder)
    given = options.pop("url", None)
    url = given["value"] if isinstance(given, Mapping) and "value" in given else given
    if not is_text(url):
        raise ConfigurationError(f"{where} url: {'is missing' if url is None else 'is not a text'}")
    try:
        if urlsplit(url).scheme:
            return str(url), options
    except ValueError:
        pass
    raise ConfigurationError(f"{where} url: is not a URL like nats://127.0.0.1:4222")


def _beside(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a table in which relative files begin at the folder."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            found[key] = _beside(value, folder)
        else:
            found[key] = str(folder / value) if key.endswith("_file") and is_text(value) else value
    return found
