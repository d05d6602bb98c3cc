"""What is Kafka's own: its binding, groups whose partitions move, topics that are somebody else's, TLS."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, Self
from uuid import uuid4

import pytest
from attrs import evolve
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat

from cambist import Delivery, PaymentEvent, Pipeline, Source
from cambist.errors import ConfigurationError, SinkError
from cambist_queue import (
    Address,
    Input,
    Link,
    Received,
    RecordOptions,
    Topic,
    Worker,
    address_of,
    dead_letters,
    encode,
    make_topics,
    partition_of,
)

from .conftest import Readings, linked, message
from .servers import kafka
from .servers.certificates import write_certificate
from .servers.process import free_port
from .servers.proxy import Proxy
from .toy import event

confluent = pytest.importorskip("confluent_kafka")
admin = pytest.importorskip("confluent_kafka.admin")
_kafka = pytest.importorskip("cambist_queue._kafka")
_settings = pytest.importorskip("cambist_queue._kafka_settings")
_reader = pytest.importorskip("cambist_queue._kafka_reader")
_sender = pytest.importorskip("cambist_queue._kafka_sender")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka.Server]:
    with running(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[kafka.Server]:
    if reason := kafka.missing():
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    server = kafka.Server(folder, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def topic() -> Topic:
    return Topic(f"t{uuid4().hex[:12]}.events", 2, ("main",), redeliver_after_s=1)


@pytest.fixture
async def link(server: kafka.Server, topic: Topic) -> AsyncIterator[Link]:
    async with linked(server, topic) as link:
        yield link


class Platform:
    """Another program on the same broker, in the driver's own words."""

    def __init__(self, server: kafka.Server) -> None:
        self._settings = {"bootstrap.servers": f"127.0.0.1:{server.port}"}
        self._admin = admin.AdminClient(self._settings)

    def create(self, name: str, partitions: int) -> None:
        self._admin.create_topics([confluent.cimpl.NewTopic(name, partitions, 1)])[name].result()

    def topics(self) -> dict[str, int]:
        found = self._admin.list_topics(timeout=10).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def send(self, name: str, value: bytes | None, key: bytes = b"", **more: Any) -> None:
        producer = confluent.Producer(self._settings)
        producer.produce(name, value, key, **more)
        assert producer.flush(30) == 0

    def read(self, name: str, partition: int) -> Any:
        consumer = confluent.Consumer({**self._settings, "group.id": uuid4().hex})
        consumer.assign([confluent.TopicPartition(name, partition, 0)])
        try:
            record = consumer.poll(30)
            assert record is not None
            assert record.error() is None
            return record
        finally:
            consumer.close()


@pytest.fixture
def platform(server: kafka.Server) -> Platform:
    return Platform(server)


def key_of(partition: int, topic: Topic) -> str:
    return next(key for key in map(str, range(1000)) if partition_of(key, topic.partitions) == partition)


# The binding


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


# Confirming


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


# Partitions


async def test_what_is_under_way_in_a_partition_that_moves_is_cancelled_and_moves_with_it(
    server: kafka.Server, topic: Topic
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


# Topics


async def test_a_topic_is_made_with_its_limits(server: kafka.Server, topic: Topic) -> None:
    topic = evolve(topic, max_age_s=3600, max_bytes=2**20)
    async with linked(server, topic):
        pass
    resource = admin.ConfigResource(admin.ResourceType.TOPIC, topic.name)
    client = admin.AdminClient({"bootstrap.servers": f"127.0.0.1:{server.port}"})
    found = await asyncio.to_thread(client.describe_configs([resource])[resource].result)
    assert {name: entry.value for name, entry in found.items()}.items() >= {
        ("cleanup.policy", "delete"),
        ("flush.messages", "1"),
        ("max.message.bytes", str(8 * 2**20)),
        ("retention.bytes", str(2**19)),
        ("retention.ms", "3600000"),
    }


@pytest.mark.parametrize(
    ("nodes", "changes", "replicas", "config"),
    [
        (1, {}, 1, {"flush.messages": "1", "retention.ms": "-1", "retention.bytes": "-1"}),
        (2, {}, 2, {"flush.messages": "1"}),
        (3, {}, 3, {"min.insync.replicas": "2"}),
        (9, {}, 3, {"min.insync.replicas": "2"}),
        (1, {"keep": False}, 1, {"retention.ms": str(7 * 24 * 3600 * 1000)}),
        (1, {"keep": False, "max_age_s": 60}, 1, {"retention.ms": "60000"}),
    ],
)
def test_what_is_confirmed_outlives_a_server(
    topic: Topic, nodes: int, changes: dict[str, Any], replicas: int, config: dict[str, str]
) -> None:
    new = _kafka._new(evolve(topic, **changes), nodes)
    assert new.replication_factor == replicas
    assert new.config.items() >= config.items()


async def test_reading_a_topic_that_is_missing_does_not_make_it(
    server: kafka.Server, topic: Topic, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    async with linked(server) as link, link.client.consume(topic, "main", Readings()), asyncio.timeout(30):
        while "UNKNOWN_TOPIC" not in caplog.text:
            await asyncio.sleep(0.01)
    assert topic.name not in platform.topics()


@pytest.mark.parametrize("create", [True, False])
async def test_a_topic_that_is_somebody_elses_is_never_made(
    server: kafka.Server, topic: Topic, platform: Platform, create: bool
) -> None:
    theirs = evolve(topic, partitions=0)
    with pytest.raises(ConfigurationError, match="not ours to make"):
        async with linked(server, theirs, create=create):
            pass
    assert topic.name not in platform.topics()


def test_a_group_is_named_with_its_topic_unless_that_is_somebody_elses(topic: Topic) -> None:
    assert _kafka.group_id(topic, "main") == f"{topic.name}.main"
    assert _kafka.group_id(evolve(topic, partitions=0), "main") == "main"


# The records of a Stellar anchor platform

PIPELINE = Pipeline(
    [
        Source("anchor", "stellar-anchor", {"auth": "none"}),
        Source("signed", "stellar-anchor", {"auth": "api_key", "secrets": ["k"]}),
    ]
)


def record(number: int, status: str = "pending_anchor") -> dict[str, Any]:
    return {
        "type": "transaction_status_changed",
        "id": f"1b2c3d4e-0000-4000-8000-{number:012}",
        "sep": "24",
        "transaction": {
            "id": f"5a6b7c8d-0000-4000-8000-{number % 5:012}",
            "sep": "24",
            "kind": "deposit",
            "status": status,
            "amount_expected": {"amount": "20.5", "asset": "iso4217:USD"},
            "started_at": "2026-01-15T11:58:20.481337Z",
            "updated_at": f"2026-01-15T12:00:{number:02}Z",
        },
    }


def over_http(record: dict[str, Any]) -> PaymentEvent:
    """Return the event of the callback that the platform makes of a record."""
    callback = {
        "id": record["id"],
        "type": record["type"],
        "timestamp": "2026-01-15T13:00:00Z",
        "payload": {"transaction": record["transaction"]},
    }
    body = json.dumps(callback).encode()
    return PIPELINE.process(Delivery("anchor", {}, body, datetime.now(UTC))).events[0]


async def test_the_platforms_records_become_the_events_of_its_callbacks(
    server: kafka.Server, topic: Topic, platform: Platform
) -> None:
    options = {"topic": topic.name, "group": "normaliser"}
    await asyncio.to_thread(platform.create, topic.name, 3)
    await make_topics(RecordOptions, server.url, options)
    records = [record(number) for number in range(15)]
    for number, each in enumerate(records):
        key = each["transaction"]["id"].encode()
        await asyncio.to_thread(platform.send, topic.name, json.dumps(each).encode(), key)
        if number == 5:
            await asyncio.to_thread(platform.send, topic.name, b'{"type":4111111111111111}', key)
            await asyncio.to_thread(platform.send, topic.name, None, key)
    got: list[PaymentEvent] = []

    async def on_event(event: PaymentEvent) -> None:
        got.append(event)

    sink: Any = on_event
    theirs = evolve(RecordOptions(topic.name, "normaliser").topic, redeliver_after_s=1)
    letters = evolve(dead_letters(theirs), redeliver_after_s=1)
    readings = Readings()
    async with Link(address_of(server.url), (theirs, letters)) as link:
        worker = Worker(PIPELINE, sink, (Input(link, theirs, "normaliser", source="anchor"),))
        async with worker, link.client.consume(letters, "inspect", readings), asyncio.timeout(60):
            while len(got) < len(records) or len(readings.got) < 2:
                await asyncio.sleep(0.01)
    assert sorted(event.id for event in got) == sorted(over_http(each).id for each in records)
    for number in range(5):
        expected = [over_http(each).id for each in records[number::5]]
        assert [event.id for event in got if event.id in expected] == expected
    assert all(b"4111111111111111" not in each.body for each in readings.got)
    assert platform.topics()[topic.name] == 3


# Connecting


class TlsProxy(Proxy):
    """Speaks TLS on a port of its own, and in clear with the server behind it."""

    def __init__(self, target: int, at: int, certificate: Path, key: Path) -> None:
        super().__init__(target)
        self._at = at
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._at, ssl=self._context)
        return self


async def test_tls_to_a_certificate_that_is_trusted(tmp_path: Path, topic: Topic) -> None:
    port = free_port()
    url = f"kafka+tls://127.0.0.1:{port}"
    readings = Readings()
    with running(tmp_path, advertised=port) as server:
        certificate, key = write_certificate(tmp_path)
        async with TlsProxy(server.port, port, certificate, key):
            address = address_of(url, {"tls": {"ca_file": str(certificate)}, "timeout_s": 10})
            async with Link(address, (topic,), create=True) as link:
                await asyncio.wait_for(link.connected(), 30)
                await link.send(topic, message(1))
                async with link.client.consume(topic, "main", readings):
                    await readings.until(lambda: readings.numbers == [1])
            async with Link(address_of(url, {"timeout_s": 2}), (topic,)) as link:
                with pytest.raises(SinkError, match="not reached"):
                    await link.ready()


async def test_a_server_that_asks_for_a_user_and_knows_none_is_not_connected(
    tmp_path: Path, topic: Topic, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with running(tmp_path, options=("--authentication",)) as server:
        url = server.url.replace("//", "//cambist:the-pa%24%24word@")
        async with Link(address_of(url, {"timeout_s": 2}), (topic,)) as link:
            with pytest.raises(SinkError, match="not reached"):
                await link.send(topic, message(1))
    assert "the-pa" not in caplog.text + "".join(capfd.readouterr())


def address(options: dict[str, Any] | None = None, scheme: str = "kafka") -> Address:
    return address_of(f"{scheme}://cambist:the-password@broker", options)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (address_of("kafka://broker"), {"security.protocol": "plaintext"}),
        (
            address_of("kafka+tls://broker", {"tls": {"check_hostname": False}}),
            {"security.protocol": "ssl", "ssl.endpoint.identification.algorithm": "none"},
        ),
        (address(), {"security.protocol": "sasl_plaintext", "sasl.mechanism": "SCRAM-SHA-512"}),
        (address({"mechanism": "SCRAM-SHA-256"}), {"sasl.mechanism": "SCRAM-SHA-256"}),
        (
            address({"mechanism": "PLAIN"}, "kafka+tls"),
            {
                "security.protocol": "sasl_ssl",
                "ssl.endpoint.identification.algorithm": "https",
                "sasl.mechanism": "PLAIN",
                "sasl.username": "cambist",
                "sasl.password": "the-password",
            },
        ),
    ],
)
def test_an_address_in_the_drivers_words(address: Address, expected: dict[str, str]) -> None:
    found = _settings.shared(address)
    assert found.items() >= expected.items()
    assert ("sasl.password" in found) == (address.user is not None)
    admin.AdminClient(found, logger=_settings.SILENT)  # it refuses a key or a value that it does not know


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("kafka://u:p@broker", {"mechanism": "PLAIN"}, "mechanism: PLAIN shows the password"),
        ("kafka://broker", {"mechanism": "GSSAPI"}, "mechanism: is none of SCRAM-SHA-512"),
        ("nats://broker", {"mechanism": "PLAIN"}, "mechanism: is not known here"),
        ("kafka://u@broker", {}, "password: is missing"),
        ("kafka://broker/topic", {}, "url: has something after its servers"),
    ],
)
async def test_an_address_that_is_not_one_of_kafka_is_refused(
    url: str, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        _kafka.connection(address_of(url, options))
