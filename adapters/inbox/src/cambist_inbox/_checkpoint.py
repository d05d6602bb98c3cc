"""SQLite's log goes into its file beside the commits, not within one of them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.exc import SQLAlchemyError

from cambist.errors import place

logger = logging.getLogger("cambist.inbox")

PAGES: Final = 10_000
"""After about how many pages the log goes into the file: 40 MiB, for the pages that events touch lie apart."""

_FEWEST, _MOST = 16, 1024  # commits from one time to the next
_PASSES: Final = 2


class Checkpoints:
    """Copies the log into the file in a thread once it is long, and what came meanwhile between two commits.

    The second step is short, and the next commit begins the log anew. Without it, a log that is written to
    all the time would grow all the time. How long it is cannot be seen from outside, since its file stays as
    long as it was: that is told by the number of commits, and by the pages that those before took.

    Args:
        engine: Opens the database.
        writer: The one thread that commits.
        pages: After how many pages.
    """

    def __init__(self, engine: Engine, writer: ThreadPoolExecutor, pages: int = PAGES) -> None:
        self._engine = engine
        self._writer = writer
        self._pages = pages
        self._commits = 0
        self._due = _FEWEST
        self._under_way = False
        self._thread = ThreadPoolExecutor(1, "cambist inbox: checkpoint")
        self._connection: PoolProxiedConnection | None = None

    def committed(self) -> None:
        """Take note of a commit, and begin to copy if it is time."""
        self._commits += 1
        if self._commits >= self._due and not self._under_way:
            self._under_way = True
            self._thread.submit(self._copy)

    async def close(self) -> None:
        """Wait for what is under way, and let the database go."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, lambda: None)  # whatever it does ends in the other thread
        self._thread.shutdown(wait=False)
        await loop.run_in_executor(self._writer, self._let_go)

    def _copy(self) -> None:
        for _ in range(_PASSES):  # the second has little to do, and leaves still less to the commits' thread
            self._checkpoint()
        self._writer.submit(self._finish)

    def _finish(self) -> None:
        length = self._checkpoint()
        if length > 0:
            self._due = min(max(self._pages * self._commits // length, _FEWEST), _MOST)
        self._commits = 0
        self._under_way = False

    def _checkpoint(self) -> int:
        """Copy what no reader needs to stay, and return how many pages the log has, if that is known."""
        try:
            if self._connection is None:
                self._connection = self._engine.raw_connection()
            cursor = self._connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            _, length, _ = cursor.fetchone()
            cursor.close()
        except (SQLAlchemyError, sqlite3.Error) as error:
            logger.warning("SQLite's log was not copied into its file: %s", place(error))
            return 0
        return int(length)

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
