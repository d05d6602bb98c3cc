"""What is Kafka's own: its binding, confirming, groups whose partitions move."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from threading import Thread, current_thread, main_thread
from types import SimpleNamespace
from typing import Any, Literal
from uuid import uuid4

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat

from cambist.errors import SinkError
from cambist_queue import Link, Received, Topic, encode, partition_of

from .conftest import Readings, linked, message
from .kafka_platform import Platform
from .servers.kafka import Server, running
from .toy import event

_reader = pytest.importorskip("cambist_queue._kafka_reader")
_sender = pytest.importorskip("cambist_queue._kafka_sender")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture
def topic() -> Topic:
    return Topic(f"t{uuid4().hex[:12]}.events", 2, ("main",), redeliver_after_s=1)


@pytest.fixture
async def link(server: Server, topic: Topic) -> AsyncIterator[Link]:
    async with linked(server, topic) as link:
        yield link


@pytest.fixture
def platform(server: Server) -> Platform:
    return Platform(server)


def key_of(partition: int, topic: Topic) -> str:
    return next(key for key in map(str, range(1000)) if partition_of(key, topic.partitions) == partition)


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_the_official_sdk_reads_what_is_on_the_topic(
    link: Link, topic: Topic, platform: Platform, mode: Literal["binary", "structured"]
) -> None:
    sent = event(1)
    await link.send(topic, encode(sent, mode))
    key = f"{sent.source}/p-1"
    record = await asyncio.to_thread(platform.read, topic.name, partition_of(key, topic.partitions))
    headers = dict(record.headers())
    assert record.key() == key.encode()
    assert headers["content-type"].startswith(b"application/")
    read = from_kafka(KafkaMessage(headers, record.key(), record.value()), JSONFormat())
    assert read.get_id() == sent.id
    assert read.get_type() == "cambist.payment.completed"
    assert read.get_extension("partitionkey") == key


@pytest.mark.parametrize(
    ("value", "headers", "content_type", "attributes"),
    [
        (b"{}", [("Content-Type", b"text/plain"), ("CE_ID", b"7")], "text/plain", {"id": "7"}),
        (b"{}", [("ce_id", None), ("x", b"\xff")], None, {}),
        (None, [], None, {}),
    ],
    ids=["in other case", "with headers that are no text", "without a value"],
)
async def test_what_another_program_wrote_is_read(
    link: Link,
    topic: Topic,
    platform: Platform,
    value: bytes | None,
    headers: list[tuple[str, bytes | None]],
    content_type: str | None,
    attributes: dict[str, str],
) -> None:
    await asyncio.to_thread(platform.send, topic.name, value, headers=headers, partition=1)
    readings = Readings()
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: bool(readings.got))
    assert readings.got == [Received(value or b"", content_type, attributes, topic.name, 1)]


class Reports:
    """A producer whose server gives these offsets, whatever it has: at once, or when it is told to."""

    def __init__(self, offsets: Iterable[int | None], *, is_held: bool = False) -> None:
        self._offsets = iter(offsets)
        self._is_held = is_held
        self.waiting: list[tuple[asyncio.Future[Any], Any]] = []
        self.is_stopped = False

    async def connect(self) -> None: ...

    async def stop(self) -> None:
        self.is_stopped = True

    async def publish(self, _body: bytes, topic: str, *, partition: int, **_: Any) -> asyncio.Future[Any]:
        report = asyncio.get_running_loop().create_future()
        offset = next(self._offsets)
        written = SimpleNamespace(topic=lambda: topic, partition=lambda: partition, offset=lambda: offset)
        self.waiting.append((report, written))
        if not self._is_held:
            self.answer()
        return report

    def answer(self) -> None:
        for report, written in self.waiting:
            report.set_result(written)
        self.waiting.clear()


@pytest.mark.parametrize("offset", [None, 0, 7], ids=["no place", "a place before", "the place of another"])
async def test_a_message_that_the_server_takes_for_another_one_is_not_confirmed(
    topic: Topic, offset: int | None
) -> None:
    """A server that was killed can know a message's number without having the message."""
    first, second = Reports([6, 7, offset]), Reports([0])
    producers = iter([first, second])
    sender = _sender.Sender(lambda: next(producers))
    await sender.send(topic, message(1))
    await sender.send(topic, message(2))
    with pytest.raises(SinkError, match="nothing says where"):
        await sender.send(topic, message(3))
    await sender.send(topic, message(3))
    await sender.close()
    assert first.is_stopped
    assert second.is_stopped


async def test_an_answer_that_nobody_waits_for_any_more_is_believed_as_well(topic: Topic) -> None:
    """It may be the first one of a batch, whose others have places: -1 and what follows."""
    producer = Reports([None, 0], is_held=True)
    sender = _sender.Sender(lambda: producer)
    sends = [asyncio.create_task(sender.send(topic, message(number))) for number in (1, 2)]
    while len(producer.waiting) < 2:
        await asyncio.sleep(0)
    sends[0].cancel()
    await asyncio.wait(sends[:1])
    producer.answer()
    with pytest.raises(SinkError, match="nothing says where"):
        await sends[1]
    await sender.close()


async def test_what_is_under_way_in_a_partition_that_moves_is_cancelled_and_moves_with_it(
    server: Server, topic: Topic
) -> None:
    under_way: defaultdict[int, int] = defaultdict(int)
    started, cancelled, worst = set[int](), set[int](), 0

    async def never(received: Received) -> None:
        nonlocal worst
        under_way[received.partition] += 1
        worst = max(worst, under_way[received.partition])
        started.add(received.partition)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.add(received.partition)
            raise
        finally:
            under_way[received.partition] -= 1

    async def second(received: Received) -> None:
        nonlocal worst
        worst = max(worst, under_way[received.partition] + 1)

    readings = Readings(second)
    async with linked(server, topic) as link, linked(server, topic) as other:
        for partition in range(topic.partitions):
            await link.send(topic, message(partition, key_of(partition, topic)))
        async with link.client.consume(topic, "main", never):
            async with asyncio.timeout(30):
                while len(started) < topic.partitions:
                    await asyncio.sleep(0.01)
            async with other.client.consume(topic, "main", readings):
                await readings.until(lambda: bool(readings.got))
                moved = {each.partition for each in readings.got}
                assert moved == cancelled
                assert len(moved) == 1
    assert worst == 1


async def test_a_message_whose_handler_fails_is_handled_again_before_the_next_one(
    link: Link, topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0

    async def fails_twice(_: Received) -> None:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise RuntimeError("of 4242424242")

    readings = Readings(fails_twice)
    for number in range(3):
        await link.send(topic, message(number))
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: len(readings.got) == 3)
    assert readings.numbers == [0, 1, 2]
    assert calls == 5
    assert "4242424242" not in caplog.text


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[set[int]]]:
    """The partitions that are not fetched, after each change."""
    changes, threads, pause = list[set[int]](), set[Thread](), _reader.Reader._pause

    def noting(reader: Any, consumer: Any, wanted: set[int]) -> None:
        threads.add(current_thread())
        if wanted != reader._paused:
            changes.append(wanted)
        pause(reader, consumer, wanted)

    monkeypatch.setattr(_reader.Reader, "_pause", noting)
    yield changes
    assert main_thread() not in threads  # it would wait for a commit, and all else for it


async def test_a_partition_whose_messages_pile_up_is_not_fetched_until_they_are_fewer(
    link: Link, topic: Topic, paused: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    release, waiting, append = asyncio.Event(), list[int](), _reader.Lane.append

    def counting(lane: Any, record: Any) -> None:
        append(lane, record)
        waiting.append(len(lane._waiting))

    async def hold(received: Received) -> None:
        if received.partition == 0:
            await release.wait()

    monkeypatch.setattr(_reader.Lane, "append", counting)
    readings = Readings(hold)
    slow, quick = key_of(0, topic), key_of(1, topic)
    await asyncio.gather(*(link.send(topic, message(number, slow)) for number in range(400)))
    async with link.client.consume(topic, "main", readings), asyncio.timeout(60):
        while not paused:
            await asyncio.sleep(0.01)
        for number in range(1000, 1005):
            await link.send(topic, message(number, quick))
        await readings.until(lambda: readings.numbers == [1000, 1001, 1002, 1003, 1004])
        assert paused == [{0}]
        assert 64 <= max(waiting) < 64 + 100
        release.set()
        await readings.until(lambda: len(readings.got) == 405)
    assert readings.numbers[5:] == list(range(400))
    assert paused[1] == set()


async def test_a_partition_that_was_paused_and_moved_is_read_when_it_comes_back(
    server: Server, topic: Topic, paused: list[set[int]]
) -> None:
    release, moved = asyncio.Event(), asyncio.Event()

    async def hold(_: Received) -> None:
        await release.wait()

    async def never(_: Received) -> None:
        moved.set()
        await asyncio.Event().wait()

    readings = Readings(hold)
    keys = [key_of(partition, topic) for partition in range(2)]
    async with linked(server, topic) as link, linked(server, topic) as other, asyncio.timeout(60):
        await asyncio.gather(*(link.send(topic, message(number, keys[number % 2])) for number in range(400)))
        async with link.client.consume(topic, "main", readings):
            while {0, 1} not in paused:
                await asyncio.sleep(0.01)
            async with other.client.consume(topic, "main", never):
                await moved.wait()
            release.set()
            await readings.until(lambda: len(set(readings.numbers)) == 400)
