"""One way to two databases: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cambist.errors import ConfigurationError
from cambist_inbox._checkpoint import LIMIT, PAGES, Checkpoints, Turn

T = TypeVar("T")

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}

TIMEOUT_S: Final = 10
"""After how many seconds a connection to PostgreSQL, or a statement on it, has failed."""

BUSY_S: Final = 5
"""How many seconds a write waits while another process writes to the same SQLite file."""


class Database:
    """An engine, and transactions on it.

    Args:
        url: ``sqlite:///cambist.db``, ``postgresql://user:password@host/name``.
        timeout_s: After how many seconds a statement on PostgreSQL has failed; ``None`` for never.
        busy_s: How many seconds a write to SQLite waits for another process.
        log_pages: About how long SQLite's log gets before it goes into the file.

    Raises:
        ConfigurationError: The URL is malformed, of another database, or its driver is not installed.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        timeout_s: float | None = TIMEOUT_S,
        busy_s: float = BUSY_S,
        log_pages: int = PAGES,
    ) -> None:
        self.url = database_url(url) if isinstance(url, str) else url
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._log_pages = log_pages
        # SQLite has one writer at a time. Queuing here is fair; its own waiting is not.
        self._turn: Turn = asyncio.Lock() if self.is_sqlite else nullcontext()
        self._engine = self._sqlite(busy_s) if self.is_sqlite else self._postgres(timeout_s)

    def _sqlite(self, busy_s: float) -> AsyncEngine:
        arguments = {"timeout": busy_s, "isolation_level": None}
        engine = create_async_engine(self.url, connect_args=arguments, hide_parameters=True)
        self._writer = create_engine(
            self.url.set(drivername="sqlite+pysqlite"),
            connect_args={**arguments, "cached_statements": 256},
            execution_options={"cambist_writes": True},
            hide_parameters=True,
        )
        self._begin_thread()
        for each in (engine.sync_engine, self._writer):
            event.listen(each, "connect", self._configure_sqlite)
            event.listen(each, "begin", _begin_sqlite)
        return engine

    def _postgres(self, timeout_s: float | None) -> AsyncEngine:
        try:
            engine = create_async_engine(
                self.url,
                connect_args={"timeout": TIMEOUT_S, "command_timeout": timeout_s},
                # What a database or a role is set to must not change what we were tested with.
                isolation_level="READ COMMITTED",
                pool_size=10,
                pool_pre_ping=True,
                hide_parameters=True,
            )
        except ModuleNotFoundError:
            pass
        else:
            event.listen(engine.sync_engine, "connect", _configure_postgres)
            return engine
        raise ConfigurationError("PostgreSQL needs its driver: install cambist-inbox[postgres]")

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that may write; it is committed in the end, or undone if something raises."""
        async with self._turn, self._engine.connect() as connection:
            await connection.execution_options(cambist_writes=True)
            async with connection.begin():
                yield connection
            if self.is_sqlite:
                self._checkpoints.committed()

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Return what a function returns, called in a transaction that is undone if the function raises.

        It is for what is done all the time: on SQLite the whole transaction is one trip to a thread. With
        `write`, each statement is several.
        """
        if not self.is_sqlite:
            async with self.write() as connection:
                return await connection.run_sync(work)
        async with self._turn:
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self._thread, _transact, self._writer, work)
            self._checkpoints.committed()
            return result

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads, and sees one state of the database."""
        async with self._engine.connect() as connection:
            if not self.is_sqlite:
                await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            async with connection.begin():
                yield connection

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
        if self.is_sqlite:
            thread, checkpoints = self._thread, self._checkpoints
            self._begin_thread()
            await checkpoints.close()
            await asyncio.get_running_loop().run_in_executor(thread, self._writer.dispose)
            thread.shutdown(wait=False)

    def _begin_thread(self) -> None:
        # Whoever fills the loop's own threads with work must not hold up a commit. It starts when it is used.
        self._thread = ThreadPoolExecutor(1, "cambist inbox")
        self._checkpoints = Checkpoints(self._writer, self._turn, self._log_pages)

    def _configure_sqlite(self, connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        _turn_on_wal(cursor)
        # A commit is on the disk when it returns, which is what an acknowledgement promises.
        # It copies the log into the file itself only where `Checkpoints` does not get to it.
        log = f"wal_autocheckpoint={2 * LIMIT * self._log_pages}"
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", log):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    async def prepare(self) -> None:
        """Make SQLite's file where there is none, for its owner alone, and see that it can be opened.

        SQLite itself makes a file that anyone may read. And aiosqlite leaves a thread behind where it fails.

        Raises:
            sqlite3.Error: It cannot be opened.
        """
        await asyncio.to_thread(self._prepare)

    def _prepare(self) -> None:
        path = self.url.database if self.is_sqlite else None
        if path and not path.startswith("file:"):
            with suppress(OSError):  # it is there; or SQLite says what is wrong
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            connection = sqlite3.connect(path, timeout=BUSY_S)
            try:
                connection.execute("PRAGMA schema_version")
            finally:
                connection.close()


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
    if "sslmode" in parsed.query:  # libpq's name, which every provider of databases hands out
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


def _transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _turn_on_wal(cursor: Any) -> None:
    # SQLite does not wait here while another process opens the same new file.
    until = time.monotonic() + BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Any) -> None:
    # Python before 3.12 begins transactions by itself, and too late; with isolation_level=None it does not.
    writes = connection.get_execution_options().get("cambist_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _configure_postgres(connection: Any, _record: object) -> None:
    # Where the server is told not to wait for the disk, we are the exception: a 2xx promises it.
    cursor = connection.cursor()
    cursor.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'"
    )
    cursor.close()
    connection.commit()
