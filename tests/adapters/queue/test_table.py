"""A table of a queue: what it shows, which brokers it can name, and where its messages are."""

from __future__ import annotations

from typing import Any

import pytest

from cambist.errors import ConfigurationError
from cambist_queue import DeliveryOptions, EventOptions, QueueTable, RecordOptions, asyncapi, make_topics


def test_it_shows_no_password() -> None:
    options = {"password": {"value": "p4ssw0rd"}, "tls": {"key_file": "p4ssw0rd"}}
    assert "p4ssw0rd" not in repr(QueueTable(EventOptions, "nats://user:p4ssw0rd@host", options))


@pytest.mark.parametrize("url", ["nats://host", "amqp://host", "redis://host", "rediss://host"])
async def test_a_provider_s_own_queue_is_one_of_kafka(url: str) -> None:
    table = QueueTable(RecordOptions, url, {"topic": "theirs"})
    told = "^url: its scheme is neither kafka nor kafka\\+tls"
    with pytest.raises(ConfigurationError, match=told):
        table.read()
    with pytest.raises(ConfigurationError, match=told):
        asyncapi([table])
    with pytest.raises(ConfigurationError, match=told):
        await make_topics(table.kind, table.url, table.options)


def places(kind: Any, url: str, **options: Any) -> frozenset[tuple[str, ...]]:
    return QueueTable(kind, url, options).places()


def test_its_messages_are_in_its_topic_and_that_of_dead_letters_on_each_server() -> None:
    assert places(DeliveryOptions, "nats://a,b:1") == {
        ("nats", server, "", topic)
        for server in ("a:4222", "b:1")
        for topic in ("cambist.deliveries", "cambist.deliveries.dead")
    }


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (("amqp://mq", "a"), ("amqp://mq//", "a"), True),
        (("amqp://mq/shop", "a"), ("amqp://mq/bar", "a"), False),
        (("redis://cache", "a"), ("redis://u:p@CACHE:6379/0", "a"), True),
        (("redis://cache/1", "a"), ("redis://cache/2", "a"), False),
        (("kafka://k1,k2", "a"), ("kafka://k2,k3", "a"), True),
        (("kafka://k1", "a"), ("kafka://k1:1", "a"), False),
        (("nats://n", "a"), ("nats://n", "b"), False),
        (("nats://n", "a"), ("nats://n", "a.dead"), True),
        (("nats://n:1", "a"), ("redis://n:1", "a"), False),
    ],
)
def test_a_topic_of_one_broker_is_one_place(one: Any, other: Any, *, shared: bool) -> None:
    (url, topic), (other_url, other_topic) = one, other
    first, second = places(EventOptions, url, topic=topic), places(EventOptions, other_url, topic=other_topic)
    assert bool(first & second) == shared
