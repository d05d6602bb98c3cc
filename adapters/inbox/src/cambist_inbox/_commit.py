"""Group commit: what waits while one transaction is written goes into the next one, together."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Generic, TypeVar

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    StatementError,
)

from cambist.errors import SinkError, place

logger = logging.getLogger("cambist.inbox")
T = TypeVar("T")
Write = Callable[[Sequence[T]], Awaitable[None]]
Waiting = tuple[T, "asyncio.Future[None] | None", float]


class GroupCommit(Generic[T]):
    """Writes items in batches, one batch at a time, in the order in which they came.

    Args:
        write: Writes a batch in one transaction, or raises and has written nothing.
        limit: The most items in a batch.
        capacity: The most items that wait. What comes then is refused at once: a sender that hears 503 early
            does better than one that hears nothing.
        timeout_s: After how many seconds an item that waits has failed. It may still be written, if its batch
            is on its way.
        weigh: Returns an item's weight, such as its size in bytes.
        budget: The most that the items that wait weigh together, where there is more than one.
    """

    def __init__(
        self,
        write: Write[T],
        *,
        limit: int = 256,
        capacity: int = 4096,
        timeout_s: float = 15,
        weigh: Callable[[T], int] = lambda _: 0,
        budget: int = 0,
    ) -> None:
        self._write = write
        self._weigh = weigh
        self._budget = budget
        self._weight = 0
        self._limit = limit
        self._capacity = capacity
        self._timeout_s = timeout_s
        self._waiting: deque[Waiting[T]] = deque()
        self._offered: deque[T] = deque()
        self._batch: list[Waiting[T]] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="cambist inbox: group commit")

    async def close(self) -> None:
        """Write what waits, and end. What comes after is refused, and what waits if a batch of it fails."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task})
        if self._alarm is not None:
            self._alarm.cancel()

    async def put(self, item: T) -> None:
        """Return when the item is committed.

        Raises:
            SinkError: It was not, or took too long, or too much is waiting, or the inbox is closed.
        """
        if len(self._waiting) >= self._capacity:
            raise SinkError(f"{len(self._waiting)} deliveries wait for the inbox's database already")
        weight = self._weigh(item)
        if self._waiting and self._weight + weight > self._budget:
            raise SinkError(f"deliveries of {self._weight} bytes wait for the inbox's database already")
        self._check_open()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        until = loop.time() + self._timeout_s
        self._waiting.append((item, future, until))
        self._weight += weight
        self._wake.set()
        if self._alarm is None:
            self._alarm = loop.call_at(until, self._give_up)
        await future

    def _give_up(self) -> None:
        """Fail what has waited for too long. One alarm serves all: who came first has waited longest."""
        loop = asyncio.get_running_loop()
        self._alarm = None
        for _, future, until in (*self._batch, *self._waiting):
            if future is None or future.done():
                continue
            if until > loop.time():
                self._alarm = loop.call_at(until, self._give_up)
                return
            problem = f"the inbox did not commit within {self._timeout_s} seconds"
            future.set_exception(SinkError(problem))

    def offer(self, item: T) -> None:
        """Have an item written if there is room in a batch; nobody waits for it.

        Raises:
            SinkError: As much as may wait is offered already, or the inbox is closed.
        """
        if len(self._offered) >= self._capacity // 2:
            raise SinkError(f"{len(self._offered)} refused deliveries wait for the inbox's database already")
        self._check_open()
        self._offered.append(item)
        self._wake.set()

    def _check_open(self) -> None:
        if self._task is None or self._task.done() or self._closing:
            raise SinkError("the inbox is not open")

    async def _run(self) -> None:
        try:
            while self._waiting or self._offered or not self._closing:
                if not self._waiting and not self._offered:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                self._batch = self._next()
                await self._commit(self._batch)
        finally:
            # Whatever ended this task, nobody waits for it in vain.
            self._fail([*self._batch, *self._waiting], "it was ended before it could commit")
            self._waiting.clear()

    def _next(self) -> list[Waiting[T]]:
        """Return the next batch. What is offered gets the room that is left: a flood of it delays nobody."""
        batch: list[Waiting[T]] = []
        while self._waiting and len(batch) < self._limit:
            item, future, until = self._waiting.popleft()
            self._weight -= self._weigh(item)
            if future is not None and not future.done():  # else its sender has given up, and delivers again
                batch.append((item, future, until))
        while self._offered and len(batch) < self._limit:
            batch.append((self._offered.popleft(), None, inf))
        return batch

    async def _commit(self, batch: list[Waiting[T]]) -> None:
        if not batch:
            return
        error = await self._attempt([item for item, _, _ in batch])
        if error is None:
            for _, future, _ in batch:
                if future is not None and not future.done():
                    future.set_result(None)
            return
        if len(batch) > 1 and is_of_an_item(error):
            # One item is at fault. Halving finds it in a few commits, and the others are spared.
            middle = len(batch) // 2
            await self._commit(batch[:middle])
            await self._commit(batch[middle:])
            return
        logger.error("%d deliveries were not committed: %s", len(batch), place(error))
        self._fail(batch, f"it could not commit: {place(error)}")
        if self._closing:
            self._fail(self._waiting, "it is closing, and its database fails")
            self._waiting.clear()
            self._offered.clear()
            self._weight = 0

    async def _attempt(self, items: Sequence[T]) -> Exception | None:
        try:
            await self._write(items)
        except Exception as error:  # noqa: BLE001  # each sender hears 503, and the next batch has its chance
            return error
        return None

    def _fail(self, batch: Sequence[Waiting[T]] | deque[Waiting[T]], reason: str) -> None:
        for _, future, _ in batch:
            if future is not None and not future.done():
                # One error each: an exception that many tasks raise grows with each of them.
                future.set_exception(SinkError(f"the inbox failed: {reason}"))


# What one item alone can be at fault for. Anything else is of the database: away, locked, full.
_CLASSES = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
# The same by the classes of SQLSTATE (PostgreSQL, appendix A): data, integrity, names and types, limits.
_STATES = frozenset({"22", "23", "42", "54"})


def is_of_an_item(error: Exception) -> bool:
    """Whether one item of a batch may be at fault for an error, rather than the database."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return False
        state = getattr(error.orig, "sqlstate", None)
        if isinstance(state, str):
            return state[:2] in _STATES
        # asyncpg tells of a value that it cannot encode by the same class as of a connection that is gone.
        unfit = error.orig is not None and isinstance(error.orig.__cause__, ValueError)
        return isinstance(error, _CLASSES) or unfit
    return isinstance(error, StatementError | ValueError | TypeError | ArithmeticError)
