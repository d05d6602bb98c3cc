"""Group commit: what waits while one transaction is written goes into the next one, together."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StatementError,
)

from cambist.errors import SinkError, place

logger = logging.getLogger("cambist.inbox")
T = TypeVar("T")
Write = Callable[[Sequence[T]], Awaitable[None]]


class GroupCommit(Generic[T]):
    """Writes items in batches, one batch at a time, in the order in which they came.

    Args:
        write: Writes a batch in one transaction, or raises and has written nothing.
        limit: The most items in a batch.
        capacity: The most items that wait. What comes then is refused at once: a sender that hears 503 early
            does better than one that hears nothing.
        timeout_s: After how many seconds an item that waits has failed. It may still be written.
    """

    def __init__(
        self, write: Write[T], *, limit: int = 256, capacity: int = 4096, timeout_s: float = 15
    ) -> None:
        self._write = write
        self._limit = limit
        self._capacity = capacity
        self._timeout_s = timeout_s
        self._waiting: deque[tuple[T, asyncio.Future[None] | None]] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="cambist inbox: group commit")

    async def close(self) -> None:
        """Write what waits, and end. What comes after is refused."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def put(self, item: T) -> None:
        """Return when the item is committed.

        Raises:
            SinkError: Too much is waiting, it took too long, or the inbox is closed.
            Exception: Whatever ``write`` raised.
        """
        self._admit(self._capacity)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._wake.set()
        try:
            async with asyncio.timeout(self._timeout_s):
                await future
                return
        except TimeoutError:
            pass
        raise SinkError(f"the inbox did not commit within {self._timeout_s} seconds")

    def offer(self, item: T) -> None:
        """Have an item written if there is room; nobody waits for it, and half of the room is not for it.

        Raises:
            SinkError: There is no room.
        """
        self._admit(self._capacity // 2)
        self._waiting.append((item, None))
        self._wake.set()

    def _admit(self, capacity: int) -> None:
        if self._task is None or self._closing:
            raise SinkError("the inbox is not open")
        if len(self._waiting) >= capacity:
            raise SinkError(f"{len(self._waiting)} deliveries wait for the inbox's database already")

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            size = min(len(self._waiting), self._limit)
            await self._commit([self._waiting.popleft() for _ in range(size)])

    async def _commit(self, batch: list[tuple[T, asyncio.Future[None] | None]]) -> None:
        error = await self._attempt([item for item, _ in batch])
        if error is not None and len(batch) > 1 and not _is_away(error):
            # One item is at fault, and the others have to be spared.
            for each in batch:
                await self._commit([each])
            return
        for _, future in batch:
            if future is None or future.done():  # nobody waits, or no longer
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
        if error is not None:
            logger.error("%d deliveries were not committed: %s", len(batch), place(error))

    async def _attempt(self, items: Sequence[T]) -> Exception | None:
        try:
            await self._write(items)
        except Exception as error:  # noqa: BLE001  # each sender hears 503, and the next batch has its chance
            return error
        return None


# What one item alone can be at fault for. Anything else is of the database as a whole: away, locked, full.
_OF_AN_ITEM = (IntegrityError, DataError, ProgrammingError, NotSupportedError, StatementError)


def _is_away(error: Exception) -> bool:
    return isinstance(error, OperationalError | InterfaceError) or not isinstance(error, _OF_AN_ITEM)
