"""What is Kafka's own: its binding, confirming, groups whose partitions move."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from uuid import uuid4

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat

from cambist.errors import SinkError
from cambist_queue import Link, Received, Topic, address_of, encode, partition_of

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
    """A producer whose server gives these offsets, whatever it has."""

    def __init__(self, offsets: Iterable[int | None]) -> None:
        self._offsets = iter(offsets)
        self.is_stopped = False

    async def connect(self) -> None: ...

    async def stop(self) -> None:
        self.is_stopped = True

    async def publish(self, _body: bytes, topic: str, *, partition: int, **_: Any) -> asyncio.Future[Any]:
        report = asyncio.get_running_loop().create_future()
        offset = next(self._offsets)
        report.set_result(
            SimpleNamespace(topic=lambda: topic, partition=lambda: partition, offset=lambda: offset)
        )
        return report


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


async def test_a_partition_whose_messages_pile_up_is_not_fetched_until_they_are_fewer(
    link: Link, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, lanes, wanted = asyncio.Event(), set[Any](), list[bool]()
    pause = _reader.Lane._pause

    def noting(lane: Any, is_wanted: bool) -> None:
        lanes.add(lane)
        wanted.append(is_wanted)
        pause(lane, is_wanted)

    async def hold(received: Received) -> None:
        if received.partition == 0:
            await release.wait()

    monkeypatch.setattr(_reader.Lane, "_pause", noting)
    readings = Readings(hold)
    slow, quick = key_of(0, topic), key_of(1, topic)
    await asyncio.gather(*(link.send(topic, message(number, slow)) for number in range(400)))
    async with link.client.consume(topic, "main", readings), asyncio.timeout(60):
        while not wanted:
            await asyncio.sleep(0.01)
        for number in range(1000, 1005):
            await link.send(topic, message(number, quick))
        await readings.until(lambda: readings.numbers == [1000, 1001, 1002, 1003, 1004])
        assert wanted == [True]
        assert all(64 <= len(lane._waiting) < 64 + 100 for lane in lanes)
        release.set()
        await readings.until(lambda: len(readings.got) == 405)
    assert readings.numbers[5:] == list(range(400))
    assert wanted[1] is False


async def test_leaving_and_closing_end_when_the_broker_is_gone(tmp_path: Path, topic: Topic) -> None:
    with running(tmp_path) as server:
        readings = Readings()
        address = address_of(server.url, {"timeout_s": 2})
        async with asyncio.timeout(60), Link(address, (topic,), create=True) as link:
            for number in range(5):
                await link.send(topic, message(number))
            async with link.client.consume(topic, "main", readings):
                await readings.until(lambda: len(readings.got) == 5)
                server.kill()
                with suppress(SinkError):
                    await link.send(topic, message(5))
