"""Transactions that are functions: whole or undone, and in nobody's way."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from inbox_toy import PIPELINE, about
from sqlalchemy import Connection, text

from cambist import Receiver
from cambist_inbox import Inbox
from cambist_inbox._database import Database


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database(url)
    yield opened
    await opened.close()


def begin_a_table(connection: Connection) -> int:
    connection.execute(text("CREATE TABLE numbers (number INTEGER)"))
    return connection.execute(text("INSERT INTO numbers VALUES (1), (2)")).rowcount


def fail(connection: Connection) -> None:
    connection.execute(text("INSERT INTO numbers VALUES (3)"))
    raise ArithmeticError


async def numbers(database: Database) -> list[int]:
    async with database.read() as connection:
        found = await connection.execute(text("SELECT number FROM numbers ORDER BY number"))
        return list(found.scalars())


async def test_a_transaction_is_whole_or_undone(database: Database) -> None:
    assert await database.transact(begin_a_table) == 2
    with pytest.raises(ArithmeticError):
        await database.transact(fail)
    assert await numbers(database) == [1, 2]


async def test_transactions_of_both_kinds_take_turns(sqlite: str) -> None:
    database = Database(sqlite, busy_s=0)  # whoever does not take turns is refused at once
    await database.transact(begin_a_table)
    async with database.write() as connection:
        await connection.execute(text("UPDATE numbers SET number = number + 10"))
        second = asyncio.create_task(database.transact(add_ten))
        await asyncio.wait({second}, timeout=0.1)
        assert not second.done()
    await second
    assert await numbers(database) == [21, 22]
    await database.close()


def add_ten(connection: Connection) -> None:
    connection.execute(text("UPDATE numbers SET number = number + 10 WHERE number > 10"))


async def test_nobody_else_writes_from_the_beginning_on(sqlite: str) -> None:
    """Else one that reads first, and then finds that another has written, could not go on."""
    database = Database(sqlite)
    other = sqlite3.connect(database.url.database or "", timeout=0, check_same_thread=False)

    def read(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM numbers"))
        other.execute("INSERT INTO numbers VALUES (3)")

    await database.transact(begin_a_table)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await database.transact(read)
    other.close()
    await database.close()


async def test_the_loop_goes_on_meanwhile(sqlite: str) -> None:
    database, seen = Database(sqlite), threading.Event()
    asyncio.get_running_loop().call_later(0.01, seen.set)
    assert await database.transact(lambda _: seen.wait(10))
    await database.close()


async def test_a_commit_needs_none_of_the_threads_of_the_loop(sqlite: str) -> None:
    loop, free = asyncio.get_running_loop(), threading.Event()
    async with Inbox(PIPELINE, sqlite) as inbox:
        loop.set_default_executor(ThreadPoolExecutor(1))
        blocked = loop.run_in_executor(None, free.wait)
        try:
            async with asyncio.timeout(10):
                assert (await Receiver(PIPELINE, inbox).receive(about("1"))).status == 200
        finally:
            free.set()
    await blocked


async def test_a_database_that_is_closed_leaves_no_thread(sqlite: str) -> None:
    before, database = threading.active_count(), Database(sqlite)
    await database.transact(begin_a_table)
    assert threading.active_count() > before
    await database.close()
    async with asyncio.timeout(10):
        while threading.active_count() > before:
            await asyncio.sleep(0.001)
