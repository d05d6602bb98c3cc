"""What only Redis and Valkey have: plain entries, leases, trimming."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

import pytest
from attrs import evolve
from redis.asyncio import Redis

from cambist.errors import ConfigurationError
from cambist_queue import Link, Received, Topic

from .conftest import Readings, linked, message
from .servers import redis as servers
from .servers.redis import asking, running


@pytest.fixture(scope="module", params=["valkey", "redis"])
def binary(request: pytest.FixtureRequest) -> str:
    found: str | None = getattr(servers, request.param)()
    if found is None:
        pytest.skip(f"there is no {request.param}-server")
    return found


@pytest.fixture(scope="module")
def server(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with running(tmp_path_factory.mktemp("redis"), binary) as server:
        yield server


@pytest.fixture
def topic() -> Topic:
    return Topic(f"t{uuid4().hex[:12]}.events", 1, ("main",), redeliver_after_s=1)


@pytest.fixture
async def link(server: servers.Server, topic: Topic) -> AsyncIterator[Link]:
    async with linked(server, topic) as link:
        yield link


@pytest.fixture
async def redis(server: servers.Server) -> AsyncIterator[Redis]:
    async with asking(server) as redis:
        yield redis


async def test_an_entry_is_plain_fields(link: Link, topic: Topic, redis: Redis) -> None:
    await link.send(topic, message(1, id="evt_1", subject="é"))
    ((_, fields),) = await redis.xrange(f"{topic.name}.p0")
    assert fields == {
        b"content-type": b"application/json",
        b"ce_id": b"evt_1",
        b"ce_subject": "é".encode(),
        b"data": b"1",
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"data": b"1", "content-type": "a/b", "ce_id": "x"}, (b"1", "a/b", {"id": "x"})),
        ({"data": b"\xff"}, (b"\xff", None, {})),
        ({"other": "1"}, (b"", None, {})),
        ({"data": b"1", b"ce_\xff": b"\xff", b"\xff": b""}, (b"1", None, {"�": "�"})),
    ],
    ids=["whole", "of data alone", "without data", "in no known characters"],
)
async def test_an_entry_that_another_program_wrote_is_read(
    link: Link,
    topic: Topic,
    redis: Redis,
    fields: Mapping[bytes | str, bytes | str],
    expected: tuple[bytes, str | None, Mapping[str, str]],
) -> None:
    await redis.xadd(f"{topic.name}.p0", dict(fields))
    readings = Readings()
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: bool(readings.got))
    (got,) = readings.got
    assert (got.body, got.content_type, got.headers) == expected


async def test_an_id_is_added_once(link: Link, topic: Topic, redis: Redis) -> None:
    sent = message(1)
    await link.send(topic, sent)
    await asyncio.gather(*[link.send(topic, sent) for _ in range(20)])
    assert await redis.xlen(f"{topic.name}.p0") == 1


@pytest.mark.parametrize("keep", [True, False])
async def test_what_is_acknowledged_goes_unless_it_is_kept(
    server: servers.Server, topic: Topic, redis: Redis, *, keep: bool
) -> None:
    topic = evolve(topic, keep=keep)
    async with linked(server, topic) as link:
        for number in range(3):
            await link.send(topic, message(number))

        async def not_the_last(received: Received) -> None:
            if received.body == b"2":
                await asyncio.Event().wait()

        readings = Readings(not_the_last)
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: len(readings.got) == 2)
            name = f"{topic.name}.p0"
            async with asyncio.timeout(30):
                while (await redis.xpending(name, "main"))["pending"] != 1 or (
                    await redis.xinfo_groups(name)
                )[0]["entries-read"] != 3:
                    await asyncio.sleep(0.02)
    assert await redis.xlen(name) == (3 if keep else 1)


async def test_what_goes_when_it_is_read_is_for_one_group(link: Link, topic: Topic) -> None:
    several = evolve(topic, name=f"{topic.name}x", keep=False, groups=("main", "audit"))
    with pytest.raises(ConfigurationError, match="one group"):
        await link.client.create(several)


async def test_a_topic_says_how_many_partitions_it_has(link: Link, topic: Topic) -> None:
    with pytest.raises(ConfigurationError, match="how many partitions"):
        await link.client.check(evolve(topic, partitions=0))


async def test_what_is_too_old_goes_once_every_group_has_acknowledged_it(
    server: servers.Server, topic: Topic, redis: Redis
) -> None:
    topic = evolve(topic, groups=("main", "audit"), max_age_s=1)
    name = f"{topic.name}.p0"
    async with linked(server, topic) as link:
        for number in range(3):  # long ago
            await redis.xadd(name, {"data": str(number)}, id=f"1-{number + 1}")
        main, audit = Readings(), Readings()
        async with link.client.consume(topic, "main", main):
            await main.until(lambda: len(main.got) == 3)
        await trimmed(link, topic, 3)
        assert await redis.xlen(name) == 4
        pending = await redis.xreadgroup("audit", "reader", {name: ">"}, count=2)
        await redis.xack(name, "audit", pending[0][1][0][0])
        await trimmed(link, topic, 4)
        assert [key for key, _ in await redis.xrange(name)][:2] == [b"1-2", b"1-3"]
        async with link.client.consume(topic, "audit", audit):
            await audit.until(lambda: len(audit.got) == 4)
    assert audit.numbers == [1, 2, 3, 4]


async def trimmed(link: Link, topic: Topic, number: int) -> None:
    """Send a message, as if the last trimming had been long ago."""
    link.client._trimmed.clear()  # type: ignore[attr-defined]
    await link.send(topic, message(number))


async def test_what_is_too_much_goes_unread(server: servers.Server, topic: Topic, redis: Redis) -> None:
    topic = evolve(topic, max_bytes=1_000_000)
    name = f"{topic.name}.p0"
    async with linked(server, topic) as link:
        for number in range(60):  # the small ones first: what a message takes is no measure for the next
            await trimmed(link, topic, number)
        for number in range(60, 100):
            link.client._trimmed.clear()  # type: ignore[attr-defined]
            await link.send(topic, evolve(message(number), body=b"%d" % number + b" " * 100_000))
            assert await redis.memory_usage(name, samples=0) <= 1_000_000
        readings = Readings()
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: 99 in readings.numbers)
    assert readings.numbers == list(range(readings.numbers[0], 100))
    assert len(readings.got) >= 5


async def test_a_message_that_was_removed_while_it_was_handled_holds_nothing_up(
    link: Link, topic: Topic, redis: Redis
) -> None:
    await link.send(topic, message(1))
    await link.send(topic, message(2))
    started = asyncio.Event()

    async def never(_: Received) -> None:
        started.set()
        await asyncio.Event().wait()

    async with link.client.consume(topic, "main", never):
        await asyncio.wait_for(started.wait(), 30)
    await redis.xtrim(f"{topic.name}.p0", maxlen=1, approximate=False)
    readings = Readings()
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: readings.numbers == [2])


async def test_what_another_consumer_left_pending_is_handled_first(
    link: Link, topic: Topic, redis: Redis
) -> None:
    for number in range(4):
        await link.send(topic, message(number))
    await redis.xreadgroup("main", "somebody", {f"{topic.name}.p0": ">"}, count=2)
    readings = Readings()
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: len(readings.got) == 4)
    assert readings.numbers == [0, 1, 2, 3]


async def test_a_reader_that_loses_its_lease_stops_and_acknowledges_nothing(
    link: Link, topic: Topic, redis: Redis
) -> None:
    await link.send(topic, message(1))
    started, ended = asyncio.Event(), asyncio.Event()

    async def long(_: Received) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with link.client.consume(topic, "main", long):
        await asyncio.wait_for(started.wait(), 30)
        await redis.set(f"{topic.name}.p0:lease:main", "another")
        await asyncio.wait_for(ended.wait(), 30)
        assert (await redis.xpending(f"{topic.name}.p0", "main"))["pending"] == 1
    assert await redis.get(f"{topic.name}.p0:lease:main") == b"another"


async def test_without_the_lease_nothing_is_acknowledged_and_nothing_begun(
    link: Link, topic: Topic, redis: Redis
) -> None:
    for number in range(2):
        await link.send(topic, message(number))

    async def robbed(_: Received) -> None:
        if not readings.got:
            await redis.set(f"{topic.name}.p0:lease:main", "another", px=500)

    readings = Readings(robbed)
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: 1 in readings.numbers)
    assert readings.numbers == [0, 0, 1]


async def test_readers_share_the_partitions(server: servers.Server, topic: Topic, redis: Redis) -> None:
    topic = evolve(topic, partitions=5)

    async def owners() -> list[int]:
        found = await redis.mget([f"{topic.name}.p{number}:lease:main" for number in range(5)])
        return sorted(found.count(owner) for owner in set(found) if owner)

    async def until_shared(*expected: int) -> None:
        async with asyncio.timeout(30):
            while await owners() != list(expected):
                await asyncio.sleep(0.05)

    async with (
        linked(server, topic) as link,
        linked(server, topic) as other,
        link.client.consume(topic, "main", Readings()),
    ):
        await until_shared(5)
        async with other.client.consume(topic, "main", Readings()):
            await until_shared(2, 3)
        await until_shared(5)
    assert await owners() == []


async def test_a_consumer_that_is_left_leaves_the_others_alone(server: servers.Server, topic: Topic) -> None:
    async with linked(server, topic) as link:
        staying = Readings()
        other = evolve(topic, name=f"{topic.name}x")
        await link.client.create(other)
        async with link.client.consume(other, "main", staying):
            async with link.client.consume(topic, "main", Readings()):
                pass
            await link.send(other, message(1))
            await staying.until(lambda: staying.numbers == [1])


READER = """
import asyncio, sys
from attrs import evolve
from cambist_queue import Link, Topic, address_of

async def main(url, name):
    topic = Topic(name, 1, ("main",), redeliver_after_s=1)
    async with Link(address_of(url), (topic,)) as link:
        async def handle(received):
            print("begin", received.body.decode(), flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            print("end", received.body.decode(), flush=True)
        async with link.client.consume(topic, "main", handle):
            await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def reader(server: servers.Server, topic: Topic) -> Iterator[subprocess.Popen[str]]:
    """A process that says when it begins and ends a message; each ends with a line on its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-c", READER, server.url, topic.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 60)).strip()


async def test_what_a_killed_reader_was_at_is_handled_by_another_one(
    server: servers.Server, link: Link, topic: Topic
) -> None:
    for number in range(3):
        await link.send(topic, message(number))
    with reader(server, topic) as process:
        assert await line(process) == "begin 0"
        readings = Readings()
        async with link.client.consume(topic, "main", readings):
            os.kill(process.pid, signal.SIGKILL)
            await readings.until(lambda: len(readings.got) == 3)
    assert readings.numbers == [0, 1, 2]


async def test_a_reader_that_stood_still_starts_nothing_more(
    server: servers.Server, link: Link, topic: Topic, redis: Redis
) -> None:
    for number in range(3):
        await link.send(topic, message(number))
    with reader(server, topic) as process:
        assert await line(process) == "begin 0"
        os.kill(process.pid, signal.SIGSTOP)
        hold = asyncio.Event()

        async def at_the_second(received: Received) -> None:
            if received.body == b"1":
                await hold.wait()

        readings = Readings(at_the_second)
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: readings.numbers == [0])
            assert process.stdin is not None
            process.stdin.write("\n\n\n")
            process.stdin.flush()
            os.kill(process.pid, signal.SIGCONT)
            # It is awake, and has found that the lease is another's, when it is among the readers again.
            async with asyncio.timeout(30):
                while await redis.zcard(f"{topic.name}:readers:main") < 2:
                    await asyncio.sleep(0.02)
            hold.set()
            await readings.until(lambda: len(readings.got) == 3)
        process.kill()
        rest, _ = process.communicate()
    assert readings.numbers == [0, 1, 2]
    assert "begin" not in rest
