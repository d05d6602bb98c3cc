"""The AsyncAPI document, read by the official parser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cambist_queue import (
    DeliveryOptions,
    EventOptions,
    QueueTable,
    RecordOptions,
    asyncapi,
    encode,
    encode_delivery,
)
from cambist_queue import _dead as dead

from .toy import PIPELINE, body, event, genuine

PARSER = "@asyncapi/parser@3.6.3"
DOCUMENT = asyncapi(
    [
        QueueTable(EventOptions, "nats://user:p4ssw0rd@127.0.0.1:4222", {"partitions": 4}),
        QueueTable(EventOptions, "redis://cache", {"mode": "structured", "password": "p4ssw0rd"}),
        QueueTable(DeliveryOptions, "amqps://mq/shop", {}),
        QueueTable(RecordOptions, "kafka://k1:9092,k2:9092", {"topic": "anchor-events"}),
    ]
)


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the official parser, which is a package of Node.js."""
    npm = shutil.which("npm")
    if npm is None:
        assert "CI" not in os.environ, "there is no npm"
        pytest.skip("there is no npm to install the official parser with")
    folder = tmp_path_factory.mktemp("parser")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), PARSER]
    done = subprocess.run(install, check=False, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        assert "CI" not in os.environ, done.stderr
        pytest.skip("the official parser cannot be installed")
    shutil.copy(Path(__file__).with_name("check_asyncapi.cjs"), folder)
    return folder


def parsed(parser: Path, document: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        ["node", "check_asyncapi.cjs"],
        input=json.dumps(document),
        capture_output=True,
        check=True,
        text=True,
        cwd=parser,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


ALIKE = asyncapi(
    [
        QueueTable(EventOptions, "nats://one", {}),
        QueueTable(EventOptions, "nats://two", {}),
        QueueTable(EventOptions, "amqp://mq/shop", {}),
        QueueTable(EventOptions, "amqp://mq/bar", {}),
        QueueTable(EventOptions, "redis://cache", {}),
        QueueTable(EventOptions, "redis://cache", {"topic": "cambist-events"}),
    ]
)


@pytest.mark.parametrize("document", [DOCUMENT, ALIKE], ids=["one of each", "alike"])
def test_the_official_parser_finds_nothing_wrong(parser: Path, document: dict[str, Any]) -> None:
    assert parsed(parser, document) == {"version": "3.0.0", "problems": []}


def test_it_would_find_what_is_wrong(parser: Path) -> None:
    broken = {**DOCUMENT, "operations": {"send": {"action": "throw", "channel": {"$ref": "#/channels/no"}}}}
    assert parsed(parser, broken)["problems"]


def test_it_shows_where_brokers_are_and_no_credentials() -> None:
    assert {name: server["protocol"] for name, server in DOCUMENT["servers"].items()} == {
        "nats-127-0-0-1-4222": "nats",
        "redis-cache-6379": "redis",
        "amqps-mq-5671-shop": "amqps",
        "kafka-k1-9092": "kafka",
        "kafka-k2-9092": "kafka",
    }
    assert "p4ssw0rd" not in json.dumps(DOCUMENT)


def test_its_addresses_are_those_of_the_brokers() -> None:
    addresses = {name: channel["address"] for name, channel in DOCUMENT["channels"].items()}
    assert addresses["nats-cambist-events"] == "cambist.events.p{partition}"
    assert addresses["kafka-anchor-events"] == "anchor-events"
    partitions = DOCUMENT["channels"]["nats-cambist-events"]["parameters"]["partition"]["enum"]
    assert partitions == ["0", "1", "2", "3"]


def test_topics_of_one_name_on_several_brokers_are_all_there() -> None:
    ours = {
        name: channel
        for name, channel in ALIKE["channels"].items()
        if "PaymentEvent_binary" in channel["messages"]
    }
    assert [(name, channel["address"].partition(".p{")[0]) for name, channel in ours.items()] == [
        ("nats-one-4222-cambist-events", "cambist.events"),
        ("nats-two-4222-cambist-events", "cambist.events"),
        ("amqp-mq-5672-shop-cambist-events", "cambist.events.{group}"),
        ("amqp-mq-5672-bar-cambist-events", "cambist.events.{group}"),
        ("redis-cambist-events", "cambist.events"),
        ("redis-cambist-events-2", "cambist-events"),
    ]
    assert [channel["servers"][0]["$ref"].rpartition("/")[2] for channel in ours.values()] == [
        "nats-one-4222",
        "nats-two-4222",
        "amqp-mq-5672-shop",
        "amqp-mq-5672-bar",
        "redis-cache-6379",
        "redis-cache-6379",
    ]
    assert ALIKE["servers"]["amqp-mq-5672-bar"]["pathname"] == "/bar"
    assert len(ALIKE["operations"]) == len(ALIKE["channels"]) == 12


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{name}"})


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ("PaymentEvent", json.loads(encode(event(1)).body)),
        ("Attributes", dict(encode(event(1)).headers)),
        ("CloudEvent", json.loads(encode(event(1), "structured").body)),
        ("Delivery", json.loads(encode_delivery(genuine(body(1)), "key").body)),
        (
            "DeadLetter",
            json.loads(dead.of_delivery(genuine(b"{}"), ValueError("no"), PIPELINE).body),  # type: ignore[arg-type]
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_we_write_is_of_the_form_that_it_says(schema: str, document: dict[str, Any]) -> None:
    validator(schema).validate(document)
    assert not validator(schema).is_valid({})
