"""``[deliveries]`` and ``[[records]]`` of the configuration file, and what they and sinks share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import field, frozen

from cambist.errors import ConfigurationError
from cambist_cli._sink_table import SinkSettings, address
from cambist_cli._tables import tables, text

if TYPE_CHECKING:
    from cambist_queue import QueueTable


@frozen
class Queue:
    """A queue that is read, or a sink that may be one.

    Args:
        where: What errors call its table.
        url: Its broker. It may hold a password.
        options: The further keys, for the queue adapter.
        source: Whose records these are; ``None`` where each message is a delivery that says so itself.
        is_sink: Whether events go there.
    """

    where: str
    url: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    source: str | None = None
    is_sink: bool = False

    def table(self) -> QueueTable | None:
        """Return it for the queue adapter, which has to be installed; nothing if it is of another plugin."""
        from cambist_queue import SCHEMES, DeliveryOptions, EventOptions, QueueTable, RecordOptions

        if self.is_sink and urlsplit(self.url).scheme not in SCHEMES:
            return None
        kind = EventOptions if self.is_sink else RecordOptions if self.source else DeliveryOptions
        return QueueTable(kind, self.url, self.options)


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
        url, options = address(where, table, folder)
        if urlsplit(url).scheme not in ("kafka", "kafka+tls"):
            raise ConfigurationError(f"{where} url: is not like kafka://host: records are read off Kafka")
        found.append(Queue(where, url, options, source))
    return tuple(found)


def sinks_as_queues(document: Mapping[str, Any], sinks: Iterable[SinkSettings]) -> tuple[Queue, ...]:
    """Return the sinks of a document, each under the name that errors call its table."""
    labels = (where for where, _ in tables(document, "sinks"))
    return tuple(
        Queue(where, sink.url, sink.options, is_sink=True) for where, sink in zip(labels, sinks, strict=True)
    )


def check_apart(queues: Sequence[Queue]) -> None:
    """See that no two tables have a topic in common: what one writes, the other would read or write again.

    A table that is malformed is passed over: that is told where it is opened.

    Raises:
        ConfigurationError: Two have.
    """
    if len(queues) < 2 or find_spec("cambist_queue") is None:
        return
    taken: dict[tuple[str, ...], str] = {}
    for queue in queues:
        for place in sorted(_places(queue)):
            if place in taken:
                raise ConfigurationError(
                    f"{queue.where} topic: {place[-1]} on this broker is a topic of {taken[place]} already: "
                    "name another one"
                )
            taken[place] = queue.where


def _places(queue: Queue) -> frozenset[tuple[str, ...]]:
    table = queue.table()
    try:
        return frozenset() if table is None else table.places()
    except ConfigurationError:
        return frozenset()
