"""What an inbox has stored, for those who look at it and tend it, while it is served or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from alembic.script import ScriptDirectory
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from cambist import Pipeline, Secret
from cambist.errors import ConfigurationError
from cambist_inbox import _outbox, _queries, _rekey, _replay, _retention, migrations
from cambist_inbox._database import Database
from cambist_inbox._items import Row, storable
from cambist_inbox._queries import EVERYTHING, Filter
from cambist_inbox._rekey import Rekeyed
from cambist_inbox._reread import Replayed
from cambist_inbox._retention import Pruned
from cambist_inbox._schema import dead_letters, deliveries, events, outbox, payments, rejections
from cambist_inbox._sealed import BODY, REFUSED, SEALED, open_document
from cambist_inbox._vault import Vault

_CHUNK = 1000


def _now() -> datetime:
    return datetime.now(UTC)


class Archive:
    """What an inbox has stored. An asynchronous context manager.

    It makes no tables and changes none: `Inbox` does. It may be used while the inbox is served.

    Args:
        url: As of the `Inbox`.
        keys: As of the `Inbox`.
        clock: Tells the time.

    Raises:
        ConfigurationError: The URL or a key is malformed, or there is no inbox, or one of another release.

    Example:
        >>> async with Archive("sqlite:///cambist.db") as archive:
        ...     async for row in archive.events(Filter(status="unknown")):
        ...         print(archive.document(row))
    """

    def __init__(
        self, url: str, *, keys: Sequence[Secret] = (), clock: Callable[[], datetime] = _now
    ) -> None:
        self.database = Database(url, timeout_s=None)
        self.vault = Vault(keys)
        self.clock = clock

    async def __aenter__(self) -> Self:
        """Look whether there is an inbox, of this release."""
        try:
            await self._check()
        except BaseException:
            await self.database.close()
            raise
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close the database."""
        await self.database.close()

    async def _check(self) -> None:
        if self._is_missing():
            raise ConfigurationError("url: there is no inbox yet; `cambist serve` makes it")
        problem = ""
        try:
            async with self.database.read() as connection:
                found = await connection.run_sync(migrations.current)
        except SQLAlchemyError as error:
            problem = type(getattr(error, "orig", None) or error).__name__
        except OSError as error:
            problem = type(error).__name__
        else:
            if found == newest_revision():
                return
            problem = (
                "its tables are of another release: start `cambist serve` of this one"
                if found
                else ("there are no tables of ours")
            )
        raise ConfigurationError(f"url: the database cannot be used ({problem})")

    def _is_missing(self) -> bool:
        # SQLite would make an empty file.
        return self.database.is_sqlite and not Path(self.database.url.database or "").is_file()

    def events(self, wanted: Filter = EVERYTHING, *, last: int | None = None) -> AsyncIterator[Row]:
        """Return the events' rows, in the order in which they were stored; `document` opens one."""
        return _queries.rows(self.database, _queries.EVENTS, wanted, last=last)

    def document(self, row: Row) -> bytes:
        """Return the event of a row, exactly as `cambist.to_json` made it.

        Raises:
            CambistError: It cannot be opened: its key is missing, or it was changed.
        """
        return open_document(self.vault, row)

    def deliveries(self, wanted: Filter = EVERYTHING, *, last: int | None = None) -> AsyncIterator[Row]:
        """Return the deliveries that were accepted or quarantined, without their bodies."""
        return _queries.rows(self.database, _queries.DELIVERIES, wanted, last=last)

    def rejections(self, wanted: Filter = EVERYTHING, *, last: int | None = None) -> AsyncIterator[Row]:
        """Return the deliveries that were refused, without their bodies."""
        return _queries.rows(self.database, _queries.REJECTIONS, wanted, last=last)

    def payments(self, wanted: Filter = EVERYTHING, *, last: int | None = None) -> AsyncIterator[Row]:
        """Return where each payment stands."""
        return _queries.rows(self.database, _queries.PAYMENTS, wanted, last=last)

    def waiting(self, wanted: Filter = EVERYTHING, *, last: int | None = None) -> AsyncIterator[Row]:
        """Return what sinks are still to get."""
        return _queries.rows(self.database, _queries.WAITING, wanted, last=last)

    def dead_letters(self, wanted: Filter = EVERYTHING, *, last: int | None = None) -> AsyncIterator[Row]:
        """Return what sinks did not take in as many tries as they get."""
        return _queries.rows(self.database, _queries.DEAD, wanted, last=last)

    async def backlog(self) -> dict[str, int]:
        """Return how many events wait, by the name of their sink."""
        return {row["sink"]: row["total"] for row in await _queries.tally(self.database, outbox.c.sink)}

    async def event(self, event_id: str) -> Row | None:
        """Return the row of one event."""
        return await self._one(select(events).where(events.c.id == storable(event_id)))

    async def delivery(self, number: int) -> tuple[Row, list[Row]] | None:
        """Return one delivery, with its body as it is stored, and the rows of its events."""
        row = await self._one(select(deliveries).where(deliveries.c.id == number))
        if row is None:
            return None
        return row, await self._all(
            select(events).where(events.c.delivery_id == number).order_by(events.c.seq)
        )

    async def rejection(self, number: int) -> Row | None:
        """Return one refused delivery, with its body as it is stored."""
        return await self._one(select(rejections).where(rejections.c.id == number))

    def body(self, row: Row) -> bytes | None:
        """Return the body of a row of `delivery` or `rejection`; nothing if it was dropped.

        Raises:
            CambistError: It cannot be opened: its key is missing, or it was changed.
        """
        return (REFUSED if "error" in row else BODY).open(self.vault, row)

    async def payment(self, number: int) -> tuple[Row, list[Row]] | None:
        """Return one payment, and the rows of its events in the order in which they were stored."""
        row = await self._one(select(payments).where(payments.c.id == number))
        if row is None:
            return None
        return row, await self._all(
            select(events).where(events.c.payment_id == number).order_by(events.c.seq)
        )

    async def revive(self, numbers: Sequence[int] | None) -> int:
        """Put dead letters back into the outbox; all of them for ``None``. Return how many there were."""
        async with self.database.write() as connection:
            if numbers is None:
                numbers = list((await connection.execute(select(dead_letters.c.id))).scalars())
            chunks = [sorted(numbers)[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK)]
            return sum([await _outbox.revive(connection, chunk) for chunk in chunks])

    def replay(
        self,
        pipeline: Pipeline,
        wanted: Filter = EVERYTHING,
        *,
        sinks: Sequence[str] = (),
        relay: bool = False,
        dry_run: bool = False,
    ) -> AsyncIterator[Replayed]:
        """Make the events of stored deliveries again, by the mapping of today, and store what is different.

        Args:
            pipeline: The mapping of today.
            wanted: Which deliveries.
            sinks: The names of the sinks, which get the events of deliveries that leave the quarantine.
            relay: Whether they get changed events, too.
            dry_run: Only tell what would be different.
        """
        job = _replay.Replay(
            self.database, self.vault, pipeline, tuple(sinks), relay=relay, dry_run=dry_run, clock=self.clock
        )
        return job.run(wanted)

    async def count_deliveries(self, wanted: Filter = EVERYTHING) -> int:
        """Return how many deliveries there are."""
        return await _queries.count(self.database, _queries.DELIVERIES, wanted)

    def prune(self, bodies: timedelta | None, refused: timedelta | None) -> AsyncIterator[Pruned]:
        """Drop bodies and refused deliveries that are older; for ``None`` keep all. Tells how it goes."""
        return _retention.prune(self.database, bodies, refused, self.clock())

    def rekey(self, *, decrypt: bool = False) -> AsyncIterator[Rekeyed]:
        """Encrypt all that is not encrypted with the first key; or decrypt it. Tells how it goes."""
        return _rekey.rekey(self.database, self.vault, decrypt=decrypt)

    async def keys(self) -> dict[str | None, int]:
        """Return how many rows are encrypted with each key; those in clear are ``None``'s."""
        found: dict[str | None, int] = {}
        for each in SEALED:
            for row in await _rekey.rows_by_key(self.database, each):
                found[row["key_id"]] = found.get(row["key_id"], 0) + row["total"]
        return found

    def key_name(self, key_id: str | None) -> str | None:
        """Return what the configuration calls a key; its identifier where it is not configured."""
        return None if key_id is None else self.vault.labels.get(key_id, key_id)

    async def _one(self, query: Any) -> Row | None:
        return next(iter(await self._all(query)), None)

    async def _all(self, query: Any) -> list[Row]:
        async with self.database.read() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]


def newest_revision() -> str | None:
    """Return the schema's revision of this release."""
    return ScriptDirectory.from_config(migrations.config()).get_current_head()


def known_revisions() -> set[str]:
    """Return the revisions that this release can begin with."""
    script = ScriptDirectory.from_config(migrations.config())
    return {each.revision for each in script.walk_revisions()}
