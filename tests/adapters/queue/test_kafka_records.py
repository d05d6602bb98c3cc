"""Topics on Kafka: ours with their limits, and somebody else's with a Stellar anchor platform's records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from cambist import Delivery, PaymentEvent, Pipeline, Source
from cambist.errors import ConfigurationError
from cambist_queue import Input, Link, RecordOptions, Topic, Worker, address_of, dead_letters, make_topics

from .conftest import Readings, linked
from .kafka_platform import Platform
from .servers.kafka import Server, running

admin = pytest.importorskip("confluent_kafka.admin")
_kafka = pytest.importorskip("cambist_queue._kafka")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture
def platform(server: Server) -> Platform:
    return Platform(server)


async def test_a_topic_is_made_with_its_limits(server: Server, topic: Topic) -> None:
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
        ("retention.bytes", str(2**20 // topic.partitions)),
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
    server: Server, topic: Topic, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    async with linked(server) as link, link.client.consume(topic, "main", Readings()), asyncio.timeout(30):
        while "UNKNOWN_TOPIC" not in caplog.text:
            await asyncio.sleep(0.01)
    assert topic.name not in platform.topics()


@pytest.mark.parametrize("create", [True, False])
async def test_a_topic_that_is_somebody_elses_is_never_made(
    server: Server, topic: Topic, platform: Platform, create: bool
) -> None:
    theirs = evolve(topic, partitions=0)
    with pytest.raises(ConfigurationError, match="not ours to make"):
        async with linked(server, theirs, create=create):
            pass
    assert topic.name not in platform.topics()


def test_a_group_is_named_with_its_topic_unless_that_is_somebody_elses(topic: Topic) -> None:
    assert _kafka.group_id(topic, "main") == f"{topic.name}.main"
    assert _kafka.group_id(evolve(topic, partitions=0), "main") == "main"


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
    server: Server, topic: Topic, platform: Platform
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
