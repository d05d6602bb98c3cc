"""Drops what need not be kept: raw bodies and refused deliveries that are old. Events and states stay."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from attrs import frozen
from sqlalchemy import ColumnElement, Table, and_, delete, func, select, update

from cambist.errors import place
from cambist_inbox._database import Database
from cambist_inbox._schema import deliveries, rejections
from cambist_inbox._windows import careful, windows

if TYPE_CHECKING:
    from cambist_inbox._inbox import Inbox

logger = logging.getLogger("cambist.inbox")

KEEP_BODIES: Final = timedelta(days=90)
"""For how long raw bodies are kept unless configured otherwise."""

KEEP_REJECTIONS: Final = timedelta(days=30)
"""For how long refused deliveries are kept unless configured otherwise."""

_EVERY_S = 3600.0


@frozen
class Pruned:
    """How far it has got.

    Attributes:
        done: How many rows were looked at so far.
        total: How many there are to look at.
        bodies: How many bodies were dropped with this step.
        rejections: How many refused deliveries were dropped with this step.
    """

    done: int
    total: int
    bodies: int = 0
    rejections: int = 0


async def prune(
    database: Database, keep_bodies: timedelta | None, keep_rejections: timedelta | None, now: datetime
) -> AsyncIterator[Pruned]:
    """Drop what is older, in small steps with a pause after each. ``None`` keeps all.

    What is in quarantine keeps its body: there is nothing else of it yet.
    """
    done = 0
    jobs = []
    if keep_bodies is not None:
        aged = deliveries.c.stored_at < now - keep_bodies
        kept = and_(deliveries.c.body.is_not(None), deliveries.c.problem.is_(None))
        jobs.append((deliveries, and_(aged, kept)))
    if keep_rejections is not None:
        jobs.append((rejections, rejections.c.stored_at < now - keep_rejections))
    spans = [(table, await _span(database, table, chosen), chosen) for table, chosen in jobs]
    total = sum(last - first + 1 for _, (first, last), _ in spans)
    for table, (first, last), chosen in spans:
        for low, high in windows(first, last):
            gone = await _drop(database, table, and_(table.c.id.between(low, high), chosen))
            done += high - low + 1
            bodies, refused = (gone, 0) if table is deliveries else (0, gone)
            yield Pruned(done, total, bodies, refused)


async def _span(database: Database, table: Table, chosen: ColumnElement[bool]) -> tuple[int, int]:
    """Return the first and the last number of the rows that are to go.

    Deliveries stay without their bodies, and grow in number: to step over those would take ever longer.
    """
    async with database.read() as connection:
        query = select(func.min(table.c.id), func.max(table.c.id)).where(chosen)
        first, last = (await connection.execute(query)).one()
    return (int(first or 1), int(last or 0))  # nothing where there are none


async def _drop(database: Database, table: Table, chosen: ColumnElement[bool]) -> int:
    async with database.read() as connection:  # most steps find nothing, and need not hold anyone up
        ids = sorted((await connection.execute(select(table.c.id).where(chosen))).scalars())
    if not ids:
        return 0
    among = and_(table.c.id.in_(ids), chosen)
    statement: Any = delete(table).where(among)
    if table is deliveries:
        statement = update(table).where(among).values(body=None, key_id=None)
    async with careful(database) as connection:
        return int((await connection.execute(statement)).rowcount)


class Retention:
    """Prunes an inbox in the background, once an hour. An asynchronous context manager.

    Args:
        inbox: What to prune.
        bodies: For how long raw bodies are kept; for ever for ``None``.
        refused: For how long refused deliveries are kept; for ever for ``None``.
        every_s: How often, in seconds.
    """

    def __init__(
        self,
        inbox: Inbox,
        bodies: timedelta | None = KEEP_BODIES,
        refused: timedelta | None = KEEP_REJECTIONS,
        *,
        every_s: float = _EVERY_S,
    ) -> None:
        self._inbox = inbox
        self._bodies = bodies
        self._refused = refused
        self._every_s = every_s
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="cambist inbox: retention")
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End after the step that is under way."""
        self._stop.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._stop.is_set():
            try:
                await self._prune()
            except Exception as error:  # noqa: BLE001  # the database is away, or full: there is a next time
                logger.error("old bodies are not dropped: %s", place(error))  # noqa: TRY400
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._every_s)

    async def _prune(self) -> None:
        bodies = refused = 0
        began = time.monotonic()
        now = self._inbox.clock()
        async for step in prune(self._inbox.database, self._bodies, self._refused, now):
            bodies += step.bodies
            refused += step.rejections
            if self._stop.is_set():
                break
        if bodies or refused:
            seconds = time.monotonic() - began
            logger.info("dropped %d bodies and %d refused deliveries in %.1f s", bodies, refused, seconds)
