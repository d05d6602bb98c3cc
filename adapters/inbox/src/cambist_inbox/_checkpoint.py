"""SQLite's log goes into its file beside the commits, not within one of them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Final, cast

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.exc import SQLAlchemyError

from cambist.errors import place

logger = logging.getLogger("cambist.inbox")
Turn = AbstractAsyncContextManager[object]

PAGES: Final = 10_000
"""After about how many pages the log goes into the file: 40 MiB, for what events touch lies apart."""

LIMIT: Final = 4
"""From how many times that length on commits wait for the copy, so that the log cannot grow for ever."""

_FEWEST, _MOST = 16, 1024  # commits from one time to the next
_PASSES: Final = 2
_WAIT_MS: Final = 50  # for other processes' writes, past the limit; whoever reads may take much longer
_AFTER_IN_VAIN: Final = 256


class Checkpoints:
    """Copies the log into the file once it is long, and what came meanwhile when no commit is under way.

    The second step is short, and the next commit begins the log anew. Without it, a log that is written to
    all the time would grow all the time. How long it is cannot be seen from outside, since its file stays as
    long as it was: that is told by the number of commits, and by the pages that those before took.

    Args:
        engine: Opens the database.
        turn: Who has it is the only one of this process that writes.
        pages: After how many pages.
    """

    def __init__(self, engine: Engine, turn: Turn, pages: int = PAGES) -> None:
        self._engine = engine
        self._turn = turn
        self._pages = pages
        self._commits = 0
        self._due = _FEWEST
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "cambist inbox: checkpoint")
        self._connection: PoolProxiedConnection | None = None

    def committed(self) -> None:
        """Take note of a commit, and begin to copy if it is time."""
        self._commits += 1
        if self._commits >= self._due and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name="cambist inbox: checkpoint")

    async def close(self) -> None:
        """Wait for what is under way, and let the database go."""
        if self._task is not None:
            await asyncio.wait({self._task})
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        loop, length = asyncio.get_running_loop(), 0
        for _ in range(_PASSES):  # the second has little to do, and leaves still less to the turn
            _, length = await loop.run_in_executor(self._thread, self._checkpoint, "PASSIVE")
        mode = "RESTART" if length > LIMIT * self._pages else "PASSIVE"
        async with self._turn:
            in_vain, length = await loop.run_in_executor(self._thread, self._checkpoint, mode)
            if in_vain:
                self._due = _AFTER_IN_VAIN
            elif length > 0:
                self._due = min(max(self._pages * self._commits // length, _FEWEST), _MOST)
            self._commits = 0

    def _checkpoint(self, mode: str) -> tuple[bool, int]:
        """Return whether somebody was in the way, and how many pages the log has, if that is known."""
        try:
            if self._connection is None:
                self._connection = self._engine.raw_connection()
                self._connection.cursor().execute(f"PRAGMA busy_timeout={_WAIT_MS}").close()
            cursor = self._connection.cursor()
            cursor.execute(f"PRAGMA wal_checkpoint({mode})")
            in_vain, length, _ = cast("tuple[int, int, int]", cursor.fetchone())
            cursor.close()
        except (SQLAlchemyError, sqlite3.Error) as error:
            logger.warning("SQLite's log was not copied into its file: %s", place(error))
            return True, 0
        return bool(in_vain), length

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
