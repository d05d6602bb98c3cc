"""URLs of brokers and the keys beside them."""

from __future__ import annotations

from typing import Any

import pytest

from cambist import Secret
from cambist.errors import ConfigurationError
from cambist_queue import (
    DeliveryOptions,
    EventOptions,
    RecordOptions,
    address_of,
    partition_of,
    split_options,
)


@pytest.mark.parametrize(
    ("url", "module", "servers", "path"),
    [
        ("nats://127.0.0.1", "nats", ("127.0.0.1:4222",), ""),
        ("nats://a:1,b:2,c", "nats", ("a:1", "b:2", "c:4222"), ""),
        ("amqp://mq/shop%2Feu", "rabbit", ("mq:5672",), "shop/eu"),
        ("amqps://mq", "rabbit", ("mq:5671",), ""),
        ("redis://[::1]:7000/3", "redis", ("[::1]:7000",), "3"),
        ("rediss://cache", "redis", ("cache:6379",), ""),
        ("kafka://k1:9092,k2", "kafka", ("k1:9092", "k2:9092"), ""),
    ],
)
def test_a_url_says_where_the_broker_is(url: str, module: str, servers: tuple[str, ...], path: str) -> None:
    found = address_of(url)
    assert (found.broker, found.servers, found.path) == (module, servers, path)
    assert (found.tls is not None) == (url.partition(":")[0] in ("amqps", "rediss"))


def test_credentials_stand_in_the_url_or_beside_it() -> None:
    inside = address_of("amqp://us%40er:p%3Aw@mq")
    beside = address_of("amqp://mq", {"user": "us@er", "password": {"value": "p:w", "label": "MQ"}})
    for each in (inside, beside):
        assert each.user == "us@er"
        assert each.password is not None
        assert each.password.reveal() == "p:w"
        assert "p:w" not in repr(each)
    given = address_of("amqp://mq", {"user": "u", "password": Secret("x", "label")}).password
    assert isinstance(given, Secret)


def test_redis_knows_a_user_without_a_name() -> None:
    found = address_of("redis://:pw@cache")
    assert (found.user, found.password is not None) == (None, True)


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("ftp://host", {}, "url: its scheme"),
        ("nats://", {}, "url: a server"),
        ("nats://host:port", {}, "url: a server"),
        ("nats://a,,b", {}, "url: a server"),
        ("nats://host?x=p4ssw0rd", {}, "url: has a query"),
        ("nats://[::1", {}, "url: its scheme"),
        ("nats://host", {"tls": {}}, "tls: nats:// is in clear"),
        ("nats+tls://host", {"tls": {"ca": "x"}}, "tls: is a table of"),
        ("nats+tls://host", {"tls": {"ca_file": "/nowhere/ca"}}, "tls: a file of it cannot be read"),
        ("nats+tls://host", {"tls": {"check_hostname": "no"}}, "tls.check_hostname"),
        ("nats://host", {"password": ["p4ssw0rd"]}, "password:"),
        ("nats://host", {"timeout_s": 0}, "timeout_s:"),
        ("nats://host", {"timeout_s": True}, "timeout_s:"),
        ("nats://host", {"user": 1}, "user:"),
        ("nats://p4ssw0rd@host", {}, "password: is missing"),
        ("amqp://user@mq", {}, "password: is missing"),
        ("amqp://mq", {"user": "user"}, "password: is missing"),
        ("kafka://user:@host", {}, "password: is missing"),
        ("redis://user@cache", {}, "password: is missing"),
        ("nats://:p4ssw0rd@host", {}, "user: is missing"),
        ("amqp://mq", {"password": "p4ssw0rd"}, "user: is missing"),
        ("kafka://host", {"password": {"value": "p4ssw0rd"}}, "user: is missing"),
        ("redis://cache", {"allow_loss": "yes"}, "allow_loss: is neither"),
        ("nats://host", {"allow_loss": True}, "allow_loss: is not known here"),
        ("nats://host", {"subject": "p4ssw0rd"}, "subject: is not known here"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(url: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        address_of(url, options)
    assert str(refused.value).startswith(told)
    assert "p4ssw0rd" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        (EventOptions, {"topic": "two words"}, "topic: is not like"),
        (EventOptions, {"topic": 1}, "topic: is not like"),
        (EventOptions, {"partitions": 0}, "partitions:"),
        (EventOptions, {"partitions": True}, "partitions:"),
        (EventOptions, {"groups": []}, "groups:"),
        (EventOptions, {"groups": "main"}, "groups:"),
        (EventOptions, {"groups": ["a", "a"]}, "groups:"),
        (EventOptions, {"mode": "batch"}, "mode:"),
        (EventOptions, {"mode": ["binary"]}, "mode:"),
        (EventOptions, {"max_age_s": 1}, "max_age_s:"),
        (EventOptions, {"max_age_s": "for ever"}, "max_age_s: is neither"),
        (EventOptions, {"max_bytes": "1G"}, "max_bytes:"),
        (EventOptions, {"create": 1}, "create:"),
        (EventOptions, {"redeliver_after_s": "30"}, "redeliver_after_s:"),
        (DeliveryOptions, {"order": "random"}, "order:"),
        (DeliveryOptions, {"card_numbers": "yes"}, "card_numbers:"),
        (RecordOptions, {}, "topic: is missing"),
        (RecordOptions, {"topic": "t", "group": "a.b"}, "group:"),
    ],
)
def test_a_key_of_a_queue_is_checked(kind: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        split_options(kind, options)
    assert str(refused.value).startswith(told)


@pytest.mark.parametrize(("given", "kept"), [("forever", None), (None, None), (60, 60)])
def test_events_are_kept_for_a_time_or_for_ever(given: Any, kept: int | None) -> None:
    options, _ = split_options(EventOptions, {"max_age_s": given})
    assert options.topic.max_age_s == kept


def test_the_other_keys_are_the_addresss() -> None:
    given, rest = split_options(EventOptions, {"topic": "t", "groups": ["a", "b"], "user": "u"})
    assert (given.topic.name, given.topic.groups, rest) == ("t", ("a", "b"), {"user": "u"})


@pytest.mark.parametrize(
    ("key", "partition"),
    # CRC-32 as zlib, PNG and Ethernet have it: "123456789" gives 0xCBF43926, which is its check value.
    [("", 0), ("123456789", 0xCBF43926 % 16)],
)
def test_the_partition_of_a_key_is_the_same_in_every_language(key: str, partition: int) -> None:
    assert partition_of(key, 16) == partition
