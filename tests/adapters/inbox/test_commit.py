"""Group commit: shared transactions, and what becomes of those that wait when one fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from cambist.errors import SinkError
from cambist_inbox._commit import GroupCommit, is_of_an_item


class Disk:
    """Keeps the batches, as slowly as a test asks for."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.tries = 0
        self.go = asyncio.Event()
        self.go.set()
        self.fail: Callable[[Sequence[Any]], Exception | None] = lambda _: None

    async def write(self, items: Sequence[Any]) -> None:
        self.tries += 1
        await self.go.wait()
        if error := self.fail(items):
            raise error
        self.batches.append(list(items))


@pytest.fixture
def disk() -> Disk:
    return Disk()


@asynccontextmanager
async def opened(disk: Disk, **limits: Any) -> AsyncIterator[GroupCommit[Any]]:
    commits: GroupCommit[Any] = GroupCommit(disk.write, **limits)
    commits.start()
    try:
        yield commits
    finally:
        disk.go.set()
        await commits.close()


async def waiting(commits: GroupCommit[Any], items: Sequence[Any]) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(commits.put(item)) for item in items]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


def an_error(kind: type[DBAPIError], cause: BaseException | None = None, **members: Any) -> DBAPIError:
    original = Exception("secret")
    original.__cause__ = cause
    for name, value in members.items():
        setattr(original, name, value)
    return kind("SELECT", None, original)


async def test_what_waits_is_written_together(disk: Disk) -> None:
    async with opened(disk, limit=4) as commits:
        disk.go.clear()
        tasks = await waiting(commits, range(10))
        disk.go.set()
        await asyncio.gather(*tasks)
    assert disk.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_nobody_returns_before_the_commit(disk: Disk) -> None:
    async with opened(disk) as commits:
        disk.go.clear()
        (task,) = await waiting(commits, [1])
        await asyncio.sleep(0.02)
        assert not task.done()
        disk.go.set()
        await task


async def test_one_at_fault_is_found_in_a_few_commits(disk: Disk) -> None:
    disk.fail = lambda items: an_error(IntegrityError) if 77 in items else None
    async with opened(disk) as commits:
        disk.go.clear()
        tasks = await waiting(commits, range(128))
        disk.go.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [number for number, answer in enumerate(answers) if answer is not None] == [77]
    assert sorted(item for batch in disk.batches for item in batch) == [n for n in range(128) if n != 77]
    assert disk.tries <= 2 * 7 + 3


async def test_a_database_that_is_away_is_tried_once_for_all(disk: Disk) -> None:
    disk.fail = lambda _: an_error(OperationalError)
    async with opened(disk) as commits:
        disk.go.clear()
        tasks = await waiting(commits, range(100))
        disk.go.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert disk.tries == 1
        disk.fail = lambda _: None
        await commits.put("later")
    assert {type(answer) for answer in answers} == {SinkError}
    assert disk.batches == [["later"]]


async def test_errors_show_a_place_and_no_value(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    disk.fail = lambda _: an_error(IntegrityError)
    with caplog.at_level(logging.DEBUG):
        async with opened(disk) as commits:
            with pytest.raises(SinkError, match=r"IntegrityError at test_commit.py:\d+ in write") as raised:
                await commits.put(1)
    assert "secret" not in caplog.text + str(raised.value)
    assert raised.value.__context__ is None


async def test_a_sender_that_gives_up_leaves_the_others(disk: Disk) -> None:
    async with opened(disk) as commits:
        disk.go.clear()
        first, second, third = await waiting(commits, [1, 2, 3])
        second.cancel()
        await asyncio.sleep(0)
        disk.go.set()
        await asyncio.gather(first, third)
        assert second.cancelled()
        await commits.put(4)
    assert [item for batch in disk.batches for item in batch if item != 2] == [1, 3, 4]


async def test_what_takes_too_long_has_failed_though_it_may_be_written(disk: Disk) -> None:
    async with opened(disk, timeout_s=0.02) as commits:
        disk.go.clear()
        with pytest.raises(SinkError, match=r"did not commit within 0\.02 seconds"):
            await commits.put(1)
        with pytest.raises(SinkError, match="did not commit"):
            await commits.put(2)  # it waits behind the first, and nobody waits for it any more
        disk.go.set()
        await commits.put(3)
    assert disk.batches == [[1], [3]]


async def test_each_item_has_its_own_time(disk: Disk) -> None:
    async with opened(disk, timeout_s=0.02) as commits:
        disk.go.clear()
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*(commits.put(item) for item in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [SinkError] * 3


async def test_an_alarm_that_rings_early_fails_nothing(disk: Disk) -> None:
    async with opened(disk) as commits:
        disk.go.clear()
        tasks = await waiting(commits, [1, 2])
        ring(commits)
        disk.go.set()
        await asyncio.gather(*tasks)
    assert disk.batches == [[1, 2]]


async def test_an_alarm_that_rings_early_rings_again(disk: Disk) -> None:
    async with opened(disk, timeout_s=0.02) as commits:
        disk.go.clear()
        tasks = await waiting(commits, [1, 2])
        ring(commits)
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [SinkError] * 2


def ring(commits: GroupCommit[Any]) -> None:
    assert commits._alarm is not None
    commits._alarm.cancel()
    commits._give_up()


async def test_what_has_no_room_is_refused_at_once(disk: Disk) -> None:
    async with opened(disk, capacity=4, limit=1) as commits:
        disk.go.clear()
        tasks = await waiting(commits, ["on its way"])
        tasks += await waiting(commits, range(4))
        with pytest.raises(SinkError, match="4 deliveries wait"):
            await commits.put("more")
        disk.go.set()
        await asyncio.gather(*tasks)


async def test_what_weighs_too_much_together_is_refused_at_once(disk: Disk) -> None:
    async with opened(disk, limit=1, weigh=len, budget=10) as commits:
        disk.go.clear()
        tasks = await waiting(commits, ["on its way"])
        tasks += await waiting(commits, ["a" * 6, "b" * 4])
        with pytest.raises(SinkError, match="deliveries of 10 bytes wait"):
            await commits.put("c")
        disk.go.set()
        await asyncio.gather(*tasks)
        disk.go.clear()
        tasks = await waiting(commits, ["on its way"])
        tasks += await waiting(commits, ["larger than the budget, and alone"])
        disk.go.set()
        await asyncio.gather(*tasks)
        await commits.put("c" * 10)


async def test_what_is_offered_delays_nobody(disk: Disk) -> None:
    async with opened(disk, capacity=8, limit=4) as commits:
        disk.go.clear()
        (first,) = await waiting(commits, ["first"])
        for number in range(4):
            commits.offer(f"offered {number}")
        with pytest.raises(SinkError, match="4 refused deliveries wait"):
            commits.offer("no more")
        tasks = await waiting(commits, range(6))  # they come later, and all have room
        disk.go.set()
        await asyncio.gather(first, *tasks)
    assert disk.batches == [
        ["first"],
        [0, 1, 2, 3],
        [4, 5, "offered 0", "offered 1"],
        ["offered 2", "offered 3"],
    ]


async def test_closing_writes_what_waits_and_refuses_the_rest(disk: Disk) -> None:
    async with opened(disk, limit=2) as commits:
        disk.go.clear()
        tasks = await waiting(commits, range(5))
        closing = asyncio.create_task(commits.close())
        await asyncio.sleep(0)
        with pytest.raises(SinkError, match="not open"):
            await commits.put("late")
        with pytest.raises(SinkError, match="not open"):
            commits.offer("late")
        disk.go.set()
        await asyncio.gather(closing, *tasks)
    assert [item for batch in disk.batches for item in batch] == [0, 1, 2, 3, 4]


async def test_closing_does_not_wait_for_a_database_that_is_away(disk: Disk) -> None:
    disk.fail = lambda _: an_error(OperationalError)
    async with opened(disk, limit=1) as commits:
        disk.go.clear()
        tasks = await waiting(commits, range(50))
        commits.offer("refused")
        closing = asyncio.create_task(commits.close())
        await asyncio.sleep(0)
        disk.go.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await closing
    assert {type(answer) for answer in answers} == {SinkError}
    assert disk.tries == 1


async def test_whoever_ends_the_writer_leaves_nobody_waiting(disk: Disk) -> None:
    commits: GroupCommit[Any] = GroupCommit(disk.write, limit=1)
    with pytest.raises(SinkError, match="not open"):
        await commits.put("early")
    commits.start()
    disk.go.clear()
    tasks = await waiting(commits, range(3))
    (writer,) = [task for task in asyncio.all_tasks() if task.get_name() == "cambist inbox: group commit"]
    writer.cancel()
    async with asyncio.timeout(2):
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(SinkError, match="not open"):
            await commits.put("late")
        await commits.close()
    assert {type(answer) for answer in answers} == {SinkError}


@pytest.mark.parametrize(
    ("error", "of_an_item"),
    [
        (an_error(IntegrityError), True),
        (an_error(OperationalError), False),
        (an_error(InterfaceError), False),
        (an_error(InterfaceError, cause=UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates")), True),
        (an_error(DBAPIError, sqlstate=asyncpg.CharacterNotInRepertoireError.sqlstate), True),
        (an_error(DBAPIError, sqlstate=asyncpg.DiskFullError.sqlstate), False),
        (an_error(DBAPIError, sqlstate=asyncpg.AdminShutdownError.sqlstate), False),
        (an_error(DBAPIError, sqlstate=asyncpg.ReadOnlySQLTransactionError.sqlstate), False),
        (OverflowError(), True),
        (UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates"), True),
        (OSError(), False),
        (TimeoutError(), False),
    ],
)
def test_what_one_item_can_be_at_fault_for(error: Exception, of_an_item: bool) -> None:
    assert is_of_an_item(error) is of_an_item
