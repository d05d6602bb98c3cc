"""SQLite's log: it stays short while it is written to, and no commit waits until it is copied."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sqlite3
import threading
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from cambist_inbox._checkpoint import _PASSES, LIMIT, Checkpoints
from cambist_inbox._database import Database

PAGE = 4096
PAGES = 64
COMMITS = 400
TEN_PAGES = 10 * PAGE
WRITTEN = COMMITS * TEN_PAGES


async def opened(url: str, stack: AsyncExitStack) -> Database:
    database = Database(url, log_pages=PAGES)
    stack.push_async_callback(database.close)
    await database.transact(lambda c: c.execute(text("CREATE TABLE IF NOT EXISTS blobs (data BLOB)")))
    return database


def write(connection: Connection) -> None:
    connection.execute(text("INSERT INTO blobs VALUES (zeroblob(:size))"), {"size": TEN_PAGES})


def leave_it_to_us(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA wal_autocheckpoint=0")


async def work(database: Database, commits: int) -> None:
    for _ in range(commits):
        await database.transact(write)


def log_of(database: Database) -> int:
    return Path(f"{database.url.database}-wal").stat().st_size


def in_the_thread_that_copies() -> bool:
    return threading.current_thread().name.startswith("cambist inbox: checkpoint")


@pytest.mark.parametrize("writers", [1, 2])
async def test_the_log_stays_short_while_it_is_written_to(sqlite: str, writers: int) -> None:
    async with AsyncExitStack() as stack:
        databases = [await opened(sqlite, stack) for _ in range(writers)]
        for database in databases:
            await database.transact(leave_it_to_us)
        await asyncio.gather(*(work(each, COMMITS // writers) for each in databases))
        assert log_of(databases[0]) < WRITTEN / 2


async def test_what_is_committed_meanwhile_is_copied_too(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed, checkpoint, calls = threading.Event(), Checkpoints._checkpoint, itertools.count(1)

    def overtaken(self: Checkpoints, mode: str) -> tuple[bool, int]:
        result = checkpoint(self, mode)
        if next(calls) % (_PASSES + 1):  # else it has its turn: nobody commits
            committed.clear()
            committed.wait(10)
        return result

    monkeypatch.setattr(Checkpoints, "_checkpoint", overtaken)
    async with AsyncExitStack() as stack:
        database = await opened(sqlite, stack)
        stack.callback(lambda: monkeypatch.setattr(committed, "wait", lambda _: None))
        stack.callback(committed.set)
        await database.transact(leave_it_to_us)
        for _ in range(COMMITS):
            await work(database, 1)
            committed.set()
        assert log_of(database) < WRITTEN / 2


async def test_statements_one_by_one_count_as_well(sqlite: str) -> None:
    async with AsyncExitStack() as stack:
        database = await opened(sqlite, stack)
        for _ in range(COMMITS):
            async with database.write() as connection:
                await connection.exec_driver_sql("PRAGMA wal_autocheckpoint=0")
                await connection.run_sync(write)
        assert log_of(database) < WRITTEN / 2


async def test_a_log_that_nobody_copies_in_time_is_copied_by_the_commits(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoints, "committed", lambda _: None)
    async with AsyncExitStack() as stack:
        database = await opened(sqlite, stack)
        await work(database, COMMITS)
        assert log_of(database) < (2 * LIMIT * PAGES + 100) * PAGE < WRITTEN / 2


async def test_a_long_log_waits_for_other_writers_to_pause(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the limit, what is copied is all of it: not what was there before another one wrote."""
    modes, checkpoint = [], Checkpoints._checkpoint

    def noted(self: Checkpoints, mode: str) -> tuple[bool, int]:
        modes.append(mode)
        return checkpoint(self, mode)

    monkeypatch.setattr(Checkpoints, "_checkpoint", noted)
    async with AsyncExitStack() as stack:
        database = await opened(sqlite, stack)
        await database.transact(leave_it_to_us)
        with closing(sqlite3.connect(database.url.database or "")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM blobs").fetchall()
            await work(database, COMMITS // 4)  # nothing of it can be copied to where the reader looks
            assert log_of(database) > COMMITS // 4 * TEN_PAGES
        modes.clear()
        async with asyncio.timeout(30):
            while "RESTART" not in modes:
                await work(database, 1)
        before = log_of(database)
        await work(database, COMMITS // 8)
        assert log_of(database) == before  # it has begun anew


async def test_a_commit_does_not_wait_for_the_copy(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    free, copying = threading.Event(), threading.Event()

    def blocked(*_: Any) -> tuple[bool, int]:
        copying.set()
        free.wait()
        return False, 0

    monkeypatch.setattr(Checkpoints, "_checkpoint", blocked)
    async with AsyncExitStack() as stack:
        database = await opened(sqlite, stack)
        stack.callback(free.set)
        async with asyncio.timeout(30):
            while not copying.is_set():
                await work(database, 1)
            await work(database, 10)


async def test_a_copy_that_fails_fails_no_commit(
    sqlite: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack:
        database = await opened(sqlite, stack)

        connect = database._writer.raw_connection

        def refuse() -> Any:
            if in_the_thread_that_copies():
                raise sqlite3.OperationalError("disk I/O error")
            return connect()

        monkeypatch.setattr(database._writer, "raw_connection", refuse)
        with caplog.at_level(logging.WARNING, "cambist.inbox"):
            async with asyncio.timeout(30):
                while not caplog.records:
                    await work(database, 1)
        assert "SQLite's log was not copied into its file: OperationalError" in caplog.text
        await work(database, 1)


async def test_a_database_is_as_good_as_new_when_it_was_closed(sqlite: str) -> None:
    async with AsyncExitStack() as stack:
        database = await opened(sqlite, stack)
        await work(database, COMMITS // 8)
        await database.close()
        await work(database, COMMITS // 8)
