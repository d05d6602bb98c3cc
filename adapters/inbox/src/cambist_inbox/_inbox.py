"""The inbox: a sink that has the event on disk when it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from sqlalchemy.exc import IntegrityError

from cambist import Delivery, Pipeline, Processed, Provider, Secret
from cambist.errors import CambistError, PayloadError, SinkError
from cambist_inbox import _items, _store
from cambist_inbox._commit import GroupCommit
from cambist_inbox._database import Database
from cambist_inbox._items import Acceptance, Rejection
from cambist_inbox._vault import Vault
from cambist_inbox.migrations import upgrade

MAX_REJECTIONS: Final = 10_000
"""How many refused deliveries are kept unless configured otherwise."""

_RACES = 5


def _now() -> datetime:
    return datetime.now(UTC)


class Inbox:
    """Stores deliveries and their events, and each payment's state. An asynchronous context manager.

    Args:
        pipeline: Makes the events. It says which headers of a delivery are kept: those that a parser reads.
        url: ``sqlite:///cambist.db``, or ``postgresql://user:password@host/name``.
        keys: Encrypt bodies and events with the first, and open them with any: 32 bytes each, in base64.
        sinks: The names of the sinks that each event is to be handed to. A `Relay` does that.
        max_rejections: How many refused deliveries are kept.
        clock: Tells the time.

    Raises:
        ConfigurationError: The URL or a key is malformed, or a driver is not installed.

    Example:
        >>> async with Inbox(pipeline, "sqlite:///cambist.db") as inbox:
        ...     receiver = Receiver(pipeline, inbox)
    """

    def __init__(
        self,
        pipeline: Pipeline,
        url: str,
        *,
        keys: Sequence[Secret] = (),
        sinks: Sequence[str] = (),
        max_rejections: int = MAX_REJECTIONS,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.pipeline = pipeline
        self.database = Database(url)
        self.vault = Vault(keys)
        self.sinks = tuple(sinks)
        self.clock = clock
        self._max_rejections = max_rejections
        self._commits: GroupCommit[Acceptance | Rejection] = GroupCommit(self._write)
        self._listeners: list[Callable[[], object]] = []

    async def __aenter__(self) -> Self:
        """Make or migrate the tables, and begin to write."""
        await upgrade(self.database)
        self._commits.start()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Write what waits, and close the database."""
        await self._commits.close()
        await self.database.close()

    async def publish(self, processed: Processed) -> None:
        """Return when the delivery and its events are committed.

        Raises:
            SinkError: They were not, or it is not known whether they were.
        """
        delivery = processed.delivery
        provider = None if delivery is None else self._provider(delivery.source)
        if provider is None:
            raise SinkError("an inbox stores deliveries, and this one is not shown or of another pipeline")
        await self._commits.put(_items.acceptance(processed, provider, self.vault, self.clock()))

    async def quarantine(self, delivery: Delivery, error: PayloadError) -> None:
        """Return when a genuine delivery that cannot be read is committed. See `cambist.hookspecs.Store`."""
        provider = self._provider(delivery.source)
        if provider is None:
            raise SinkError("a delivery of another pipeline")
        await self._commits.put(_items.quarantined(delivery, error, provider, self.vault, self.clock()))

    async def reject(self, delivery: Delivery, error: CambistError) -> None:
        """Keep a refused delivery if there is room. See `cambist.hookspecs.Store`."""
        provider = self._provider(delivery.source)
        self._commits.offer(_items.rejection(delivery, error, provider, self.vault, self.clock()))

    def on_commit(self, listener: Callable[[], object]) -> None:
        """Have a function called after each commit that brought events."""
        self._listeners.append(listener)

    def _provider(self, source: str) -> Provider | None:
        route = self.pipeline.route(source)
        return None if route is None else route.provider

    async def _write(self, batch: Sequence[Acceptance | Rejection]) -> None:
        accepted = [item for item in batch if isinstance(item, Acceptance)]
        rejected = [item for item in batch if isinstance(item, Rejection)]
        await repeat_races(lambda: self._write_once(accepted, rejected))
        if accepted:
            for listener in self._listeners:
                listener()

    async def _write_once(self, accepted: Sequence[Acceptance], rejected: Sequence[Rejection]) -> None:
        async with self.database.write() as connection:
            if accepted:
                await _store.store(connection, accepted, self.sinks, self.clock())
            if rejected:
                await _store.store_rejections(connection, rejected, self._max_rejections)


async def repeat_races(write: Callable[[], Awaitable[None]]) -> None:
    """Write in one transaction, again where another process was in between."""
    for attempt in range(_RACES):
        try:
            await write()
        except (_store.RaceError, IntegrityError):
            if attempt == _RACES - 1:
                raise
        else:
            return
