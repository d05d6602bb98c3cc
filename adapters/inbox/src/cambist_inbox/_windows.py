"""Long work on a table in small steps, so that whoever accepts deliveries waits for one step at most."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from cambist_inbox._database import Database

SIZE = 200
_LEAST_PAUSE_S = 0.002


def windows(first: int, last: int, size: int = SIZE) -> Iterator[tuple[int, int]]:
    """Return the numbers from first to last in steps, each with its first and last number."""
    for low in range(first, last + 1, size):
        yield low, min(low + size - 1, last)


@asynccontextmanager
async def careful(database: Database) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that overwrites what it drops, and pause after it for as long as it took.

    SQLite would leave the bytes in the file. Its lock is no queue either: who asks again at once gets it.
    """
    began = time.monotonic()
    async with database.write() as connection, _overwriting(database, connection):
        yield connection
    await asyncio.sleep(max(_LEAST_PAUSE_S, time.monotonic() - began))


@asynccontextmanager
async def _overwriting(database: Database, connection: AsyncConnection) -> AsyncIterator[None]:
    if not database.is_sqlite:
        yield
        return
    before = await connection.scalar(text("PRAGMA secure_delete"))
    await connection.execute(text("PRAGMA secure_delete=ON"))
    try:
        yield
    finally:  # the connection goes back to whoever writes next
        await connection.execute(text(f"PRAGMA secure_delete={int(before or 0)}"))


async def flush_log(database: Database) -> None:
    """Empty SQLite's write-ahead log as far as its readers allow: it holds what was written before."""
    if database.is_sqlite:
        await asyncio.to_thread(_checkpoint, database.url.database or "")


def _checkpoint(path: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
