"""One way to two databases: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cambist.errors import ConfigurationError

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_BUSY_S = 5


class Database:
    """An engine, and transactions on it.

    Args:
        url: ``sqlite:///cambist.db``, ``postgresql://user:password@host/name``.
        timeout_s: After how many seconds a connection or a statement has failed.

    Raises:
        ConfigurationError: The URL is malformed, of another database, or its driver is not installed.
    """

    def __init__(self, url: str, *, timeout_s: float = 10) -> None:
        self.url = database_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = self._sqlite() if self.is_sqlite else self._postgres(timeout_s)
        # SQLite has one writer at a time. Queuing here is fair; its own waiting is not.
        self._turn = asyncio.Lock() if self.is_sqlite else nullcontext()

    def _sqlite(self) -> AsyncEngine:
        engine = create_async_engine(self.url, connect_args={"timeout": _BUSY_S, "isolation_level": None})
        event.listen(engine.sync_engine, "connect", _configure_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine

    def _postgres(self, timeout_s: float) -> AsyncEngine:
        arguments = {"timeout": timeout_s, "command_timeout": timeout_s}
        try:
            return create_async_engine(self.url, connect_args=arguments, pool_size=10, pool_pre_ping=True)
        except ModuleNotFoundError:
            pass
        raise ConfigurationError("PostgreSQL needs its driver: install cambist-inbox[postgres]")

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that may write; it is committed in the end, or undone if something raises."""
        async with self._turn, self._engine.connect() as connection:
            await connection.execution_options(cambist_writes=True)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads, and sees one state of the database."""
        async with self._engine.connect() as connection, connection.begin():
            yield connection

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def database_url(url: str) -> URL:
    """Return a URL with the driver that we use.

    Raises:
        ConfigurationError: It is malformed, or of another database. It shows nothing of the URL, which may
            hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in _DRIVERS:
        raise ConfigurationError(
            "url: is not like sqlite:///cambist.db or postgresql://user:password@host/name"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigurationError("url: an inbox needs a file: sqlite:///cambist.db")
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # A commit is on the disk when it returns, which is what an acknowledgement promises.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # Python before 3.12 begins transactions by itself, and too late; with isolation_level=None it does not.
    writes = connection.get_execution_options().get("cambist_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def sqlite_version_is_supported() -> bool:
    """Whether the SQLite of this Python knows RETURNING, which came with 3.35."""
    return sqlite3.sqlite_version_info >= (3, 35)
