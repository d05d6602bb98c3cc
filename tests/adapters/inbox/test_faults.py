"""What goes wrong with a database: 503 or a retry, never a 2xx without a commit; it recovers by itself."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from inbox_toy import PIPELINE, START, about, rows, until
from sqlalchemy import event, make_url

from cambist import Acknowledgement, Delivery, Receiver
from cambist.errors import SinkError
from cambist_inbox import Inbox, Relay
from cambist_inbox._schema import deliveries, events, outbox


async def deliver(receiver: Receiver, number: int) -> int:
    answer: Acknowledgement = await receiver.receive(about(str(number), note="x" * 1000))
    return answer.status


async def stored(url: str) -> set[str]:
    async with Inbox(PIPELINE, url) as inbox:
        return {row["reference"] for row in await rows(inbox, events)}


async def test_a_disk_that_is_full(sqlite: str) -> None:
    async with Inbox(PIPELINE, sqlite, sinks=["a"]) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        pages: list[int] = [0]

        def limit(connection: Any) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages[0] or 1_000_000}")

        # The database itself says when it has no room, as it does on a full disk.
        event.listen(inbox.database._writer, "begin", limit, insert=True)
        pages[0] = 60
        answers = {number: await deliver(receiver, number) for number in range(80)}
        assert set(answers.values()) == {200, 503}
        pages[0] = 0
        assert await deliver(receiver, 1000) == 200
    taken = {str(number) for number, status in answers.items() if status == 200}
    assert await stored(sqlite) == taken | {"1000"}


FULL = """
import asyncio, resource, signal, sys
sys.path.insert(0, sys.argv[2])
from inbox_toy import PIPELINE, about
from cambist import Receiver
from cambist_inbox import Inbox

async def main():
    async with Inbox(PIPELINE, sys.argv[1]) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        for number in range(60):
            answer = await receiver.receive(about(str(number), note="x" * 5000))
            print(number, answer.status, flush=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        print("later", (await receiver.receive(about("later"))).status, flush=True)

asyncio.run(main())
"""


async def test_files_that_cannot_grow(sqlite: str) -> None:
    command = [sys.executable, "-c", FULL, sqlite, str(Path(__file__).parent)]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, check=True
    )
    answers = dict(line.split() for line in done.stdout.splitlines())
    assert set(answers.values()) == {"200", "503"}
    assert answers["later"] == "200"
    assert await stored(sqlite) == {name for name, status in answers.items() if status == "200"}


async def test_another_process_holds_the_lock_for_too_long(sqlite: str) -> None:
    async with Inbox(PIPELINE, sqlite, sinks=["a"]) as inbox:
        await inbox.database.close()
        inbox.database = type(inbox.database)(sqlite, busy_s=0.2)
        receiver, seen = Receiver(PIPELINE, inbox), []

        async def handler(each: Any) -> None:
            seen.append(each.payment.id)

        async with Relay(inbox, {"a": handler}, poll_s=0.02):
            with holding(make_url(sqlite).database or ""):
                answers = await asyncio.gather(*(deliver(receiver, number) for number in range(20)))
                assert set(answers) == {503}
            assert await deliver(receiver, 1) == 200
            await until(lambda: seen == ["1"])
    assert await stored(sqlite) == {"1"}


@contextmanager
def holding(path: str) -> Iterator[None]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_short_lock_is_waited_for(sqlite: str) -> None:
    async with Inbox(PIPELINE, sqlite) as inbox:
        with holding(make_url(sqlite).database or ""):
            answer = asyncio.create_task(deliver(Receiver(PIPELINE, inbox), 1))
            await asyncio.sleep(0.3)
        assert await answer == 200


class Proxy:
    """Stands between us and PostgreSQL, and is cut, goes dumb, or lets all through."""

    def __init__(self, host: str, port: int) -> None:
        self.to = host, port
        self.open = asyncio.Event()
        self.open.set()
        self.refuses = False
        self.writers: set[asyncio.StreamWriter] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.close()
            return
        to_reader, to_writer = await asyncio.open_connection(*self.to)
        self.writers |= {writer, to_writer}
        for pair in ((reader, to_writer), (to_reader, writer)):
            task = asyncio.create_task(self.pump(*pair))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self.open.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


@asynccontextmanager
async def proxy(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    parsed = make_url(url)
    between = Proxy(parsed.host or "", parsed.port or 5432)
    server = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield between, parsed.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
    finally:
        between.open.set()
        between.cut()
        server.close()
        await server.wait_closed()
        for task in list(between.tasks):
            task.cancel()
        await asyncio.gather(*between.tasks, return_exceptions=True)


async def test_postgres_goes_away_and_comes_back(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A claim that is committed and not heard of lasts as long as a sink may take, and this.
    monkeypatch.setattr("cambist_inbox._relay._GRACE_S", 0.5)
    answers: dict[int, int] = {}
    seen: set[str] = set()
    numbers = iter(range(10_000))

    async def handler(each: Any) -> None:
        seen.add(each.payment.id)

    async with (
        proxy(postgres) as (between, through),
        Inbox(PIPELINE, through, sinks=["a"]) as inbox,
        Relay(inbox, {"a": handler}, poll_s=0.05, timeout_s=1),
    ):
        receiver = Receiver(PIPELINE, inbox)

        async def send(stop: asyncio.Event) -> None:
            while not stop.is_set():
                number = next(numbers)
                answers[number] = await deliver(receiver, number)
                await asyncio.sleep(0.001)

        for _ in range(4):
            stop = asyncio.Event()
            senders = [asyncio.create_task(send(stop)) for _ in range(8)]
            await asyncio.sleep(0.2)
            between.refuses = True
            between.cut()
            await asyncio.sleep(0.1)
            between.refuses = False
            await asyncio.sleep(0.1)
            stop.set()
            await asyncio.gather(*senders)
        assert await deliver(receiver, 99_999) == 200
        taken = {str(number) for number, status in answers.items() if status == 200} | {"99999"}
        await until(lambda: taken <= seen)
    assert set(answers.values()) == {200, 503}
    kept = await stored(postgres)
    assert (
        taken <= kept <= {str(number) for number in answers} | {"99999"}
    )  # a 503 may be committed, a 200 is


async def test_postgres_says_nothing_any_more(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No error and no answer, as when a cable is pulled: senders hear 503 in time, and all goes on later."""
    async with proxy(postgres) as (between, through), Inbox(PIPELINE, through) as inbox:
        await inbox.database.close()
        monkeypatch.setattr("cambist_inbox._database.TIMEOUT_S", 0.3)
        inbox.database = type(inbox.database)(through, timeout_s=0.3)
        receiver = Receiver(PIPELINE, inbox)
        assert await deliver(receiver, 1) == 200
        between.open.clear()
        async with asyncio.timeout(10):
            assert await asyncio.gather(*(deliver(receiver, number) for number in (2, 3))) == [503, 503]
        between.open.set()
        between.cut()
        async with asyncio.timeout(20):
            assert await deliver(receiver, 4) == 200
    assert {"1", "4"} <= await stored(postgres)


async def test_a_commit_whose_answer_is_lost_is_no_2xx_and_doubles_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        once, lost = inbox._write_once, iter([OSError])

        async def write(*arguments: Any) -> None:
            await once(*arguments)
            if failure := next(lost, None):
                raise failure

        monkeypatch.setattr(inbox, "_write_once", write)
        receiver = Receiver(PIPELINE, inbox)
        assert await deliver(receiver, 1) == 503
        assert await deliver(receiver, 1) == 200
        (event_row,) = await rows(inbox, events)
        assert len(await rows(inbox, outbox)) == 1
    assert event_row["times"] == 2


async def test_a_clock_that_steps_back_an_hour(url: str) -> None:
    now, seen = [datetime(2026, 1, 31, 12, tzinfo=UTC)], []

    async def handler(each: Any) -> None:
        seen.append(each.status.value)

    async with Inbox(PIPELINE, url, sinks=["a"], clock=lambda: now[0]) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        async with Relay(inbox, {"a": handler}, poll_s=0.02):
            for state in ("created", "processing", "completed"):
                assert (await receiver.receive(about("1", state))).status == 200
                assert (await receiver.receive(about("1", state))).status == 200
                now[0] -= timedelta(hours=1)
            await until(lambda: len(seen) == 3)
        assert [row["times"] for row in await rows(inbox, deliveries)] == [2, 2, 2]
    assert seen == ["created", "processing", "completed"]


async def test_senders_that_hang_up(url: str) -> None:
    async with Inbox(PIPELINE, url) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        senders = [asyncio.create_task(deliver(receiver, number)) for number in range(200)]
        await asyncio.sleep(0)
        for sender in senders[::2]:
            sender.cancel()
        answers = await asyncio.gather(*senders, return_exceptions=True)
        assert answers[1::2] == [200] * 100
        assert all(isinstance(each, asyncio.CancelledError) for each in answers[::2])
        again = await asyncio.gather(*(deliver(receiver, number) for number in range(200)))
        assert set(again) == {200}
    assert await stored(url) == {str(number) for number in range(200)}


async def test_an_inbox_that_is_closed_or_not_open(sqlite: str) -> None:
    inbox = Inbox(PIPELINE, sqlite)
    receiver = Receiver(PIPELINE, inbox)
    assert await deliver(receiver, 1) == 503
    async with inbox:
        assert await deliver(receiver, 2) == 200
    assert await deliver(receiver, 3) == 503
    assert (await receiver.receive(Delivery("shop", {}, b"", START))).status == 401
    assert await stored(sqlite) == {"2"}


@pytest.mark.parametrize("what", ["a folder that is not there", "no database", "a folder"])
async def test_a_file_that_cannot_be_opened(tmp_path: Path, what: str) -> None:
    path = tmp_path / "inbox.db"
    if what == "no database":
        path.write_bytes(b"x" * 10_000)
    elif what == "a folder":
        path.mkdir()
    else:
        path = tmp_path / "none" / "inbox.db"
    with pytest.raises(
        SinkError, match=r"cannot be opened: (unable to open database file|file is not a database)"
    ):
        async with Inbox(PIPELINE, f"sqlite:///{path}"):
            pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where it may not")
async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)  # noqa: ASYNC240
    with pytest.raises(SinkError, match="cannot be opened"):
        async with Inbox(PIPELINE, f"sqlite:///{tmp_path}/inbox.db"):
            pass


@pytest.mark.parametrize("change", [{"port": 1}, {"database": "there_is_none"}])
async def test_a_server_that_cannot_be_reached(postgres: str, change: dict[str, Any]) -> None:
    url = make_url(postgres).set(password="hunter2", **change).render_as_string(hide_password=False)
    with pytest.raises(SinkError, match=r"cannot be opened: .*(Connect|does not exist)") as raised:
        async with Inbox(PIPELINE, url):
            pass
    assert "hunter2" not in str(raised.value)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="nothing here tells of open files")
async def test_nothing_is_left_open(sqlite: str) -> None:
    before = open_files()
    for _ in range(3):
        async with Inbox(PIPELINE, sqlite) as inbox:
            assert await deliver(Receiver(PIPELINE, inbox), 1) == 200
        with pytest.raises(SinkError):
            async with Inbox(PIPELINE, f"{sqlite}/none"):
                pass
    assert open_files() <= before
