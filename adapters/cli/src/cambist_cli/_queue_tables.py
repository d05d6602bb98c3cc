"""``[deliveries]`` and ``[[records]]`` of the configuration file: what `cambist worker` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from cambist.errors import ConfigurationError
from cambist_cli._sink_table import address
from cambist_cli._tables import tables, text


@frozen
class Queue:
    """A queue that is read.

    Args:
        where: What errors call its table.
        url: Its broker. It may hold a password.
        options: The further keys, for the queue adapter.
        source: Whose records these are; ``None`` where each message is a delivery that says so itself.
    """

    where: str
    url: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    source: str | None = None


def deliveries_of(document: Mapping[str, Any], folder: Path) -> Queue | None:
    """Return the queue of raw deliveries, if there is one."""
    if "deliveries" not in document:
        return None
    table = document["deliveries"]
    if not isinstance(table, dict):
        raise ConfigurationError("deliveries: write it as a table, [deliveries]")
    return Queue("[deliveries]", *address("[deliveries]", table, folder))


def records_of(document: Mapping[str, Any], folder: Path, sources: frozenset[str]) -> tuple[Queue, ...]:
    """Return the queues of providers. Each is one source's, and no two are the same source's."""
    found: list[Queue] = []
    for where, table in tables(document, "records"):
        source = text(where, table, "source")
        if source not in sources:
            raise ConfigurationError(f"{where} source: there is no source {source!r}")
        if source in {queue.source for queue in found}:
            raise ConfigurationError(f"{where} source: another table has {source!r} too")
        found.append(Queue(where, *address(where, table, folder), source))
    return tuple(found)
