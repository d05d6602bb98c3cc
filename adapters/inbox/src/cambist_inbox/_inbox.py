"""The inbox: a sink that has the event on disk when it returns."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from cambist import Delivery, Pipeline, Processed, Provider, Secret
from cambist.errors import CambistError, ConfigurationError, PayloadError, SinkError, place
from cambist_inbox import _items, _schema, _store
from cambist_inbox._commit import GroupCommit
from cambist_inbox._database import Database
from cambist_inbox._items import Acceptance, Rejection
from cambist_inbox._vault import Vault
from cambist_inbox.migrations import upgrade

logger = logging.getLogger("cambist.inbox")

MAX_REJECTIONS: Final = 10_000
"""How many refused deliveries are kept unless configured otherwise."""

MAX_WAITING: Final = 64 * 1024 * 1024
"""How many bytes of deliveries wait for the database at most."""

_RACES = 8
_RACE_STATES = frozenset({"40001", "40P01"})


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
        ConfigurationError: The URL or a key is malformed, a driver is missing, or two sinks have one name.

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
        if len(set(sinks)) < len(sinks):
            raise ConfigurationError("sinks: two have one name")
        self.pipeline = pipeline
        self.database = Database(url)
        self.vault = Vault(keys)
        self.sinks = tuple(sinks)
        self.clock = clock
        self._max_rejections = max_rejections
        self._commits: GroupCommit[Acceptance | Rejection] = GroupCommit(
            self._write, weigh=lambda item: item.row["size"], budget=MAX_WAITING
        )
        self._listeners: list[Callable[[], object]] = []

    async def __aenter__(self) -> Self:
        """Make or migrate the tables, and begin to write.

        Raises:
            ConfigurationError: The database is of a newer release, or has tables of others.
            SinkError: It cannot be opened.
        """
        problem = ""
        try:
            await upgrade(self.database)
        except CambistError:
            await self.database.close()
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            await self.database.close()
            problem = str(getattr(error, "orig", None) or error)
        if problem:
            raise SinkError(f"the inbox's database cannot be opened: {problem}")
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

    async def ready(self) -> None:
        """Return when the database answers.

        Raises:
            SinkError: It does not.
        """
        problem = ""
        try:
            async with self.database.read() as connection:
                await connection.execute(select(_schema.deliveries.c.id).limit(1))
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            problem = place(error)
        if problem:
            raise SinkError(f"the inbox's database does not answer: {problem}")

    def on_commit(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Have a function called after each commit that brought deliveries. Return one that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _provider(self, source: str) -> Provider | None:
        route = self.pipeline.route(source)
        return None if route is None else route.provider

    async def _write(self, batch: Sequence[Acceptance | Rejection]) -> None:
        accepted = [item for item in batch if isinstance(item, Acceptance)]
        rejected = [item for item in batch if isinstance(item, Rejection)]
        await repeat_races(lambda: self._write_once(accepted, rejected))
        if accepted:
            for listener in self._listeners:
                try:
                    listener()
                except Exception as error:  # noqa: BLE001  # what is committed is committed
                    logger.error("a listener of the inbox failed: %s", place(error))  # noqa: TRY400

    async def _write_once(self, accepted: Sequence[Acceptance], rejected: Sequence[Rejection]) -> None:
        now = self.clock()

        def write(connection: Connection) -> None:
            if accepted:
                _store.store(connection, accepted, self.sinks, now)
            if rejected:
                _store.store_rejections(connection, rejected, self._max_rejections)

        await self.database.transact(write)


async def repeat_races(write: Callable[[], Awaitable[None]]) -> None:
    """Write in one transaction, again where another process was in between."""
    for attempt in range(_RACES):
        try:
            await write()
        except (_store.RaceError, DBAPIError) as error:
            if attempt == _RACES - 1 or not _is_race(error):
                raise
        else:
            return


def _is_race(error: Exception) -> bool:
    # The states are PostgreSQL's: it could not serialise, or two waited for each other.
    return (
        isinstance(error, _store.RaceError | IntegrityError)
        or getattr(getattr(error, "orig", None), "sqlstate", None) in _RACE_STATES
    )
