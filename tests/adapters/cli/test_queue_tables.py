"""Tables of queues that do not go together, told when the file is read."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from cambist.errors import ConfigurationError
from cambist_cli._config import Config, load_config

pytest.importorskip("cambist_queue")

SHOP = '[[sources]]\nname = "shop"\nprovider = "mint-public"\n'
SINK = '[[sinks]]\nurl = "nats://u:p4ssw0rd@mq"\n'


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def load(text: str) -> Config:
        (tmp_path / "cambist.toml").write_text(SHOP + text)
        return load_config(tmp_path / "cambist.toml")

    return load


SHARED = [
    (
        SINK + SINK + 'groups = ["other"]\n',
        "[[sinks]] number 2 topic: cambist.events on this broker is a topic of [[sinks]] number 1 already",
        6,
    ),
    (
        SINK + 'topic = "x"\n[deliveries]\nurl = "nats://other,mq:4222"\ntopic = "x"\n',
        "[deliveries] topic: x on this broker is a topic of [[sinks]] number 1 already",
        9,
    ),
    (
        SINK + 'name = "a"\n' + SINK + 'name = "b"\ntopic = "cambist.events.dead"\n',
        "[[sinks]] 'b' topic: cambist.events.dead on this broker is a topic of [[sinks]] 'a' already",
        10,
    ),
    (
        '[[sinks]]\nurl = "kafka://k"\n'
        '[[records]]\nurl = "kafka://k"\ntopic = "cambist.events"\nsource = "shop"\n',
        "[[records]] number 1 topic: cambist.events on this broker is a topic of [[sinks]] number 1 already",
        8,
    ),
]


@pytest.mark.parametrize(("text", "told", "line"), SHARED)
def test_a_topic_is_one_tables(load: Any, text: str, told: str, line: int) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(text)
    assert f"cambist.toml: {told}" in str(refused.value)
    assert "p4ssw0rd" not in str(refused.value)


@pytest.mark.parametrize(("text", "told", "line"), SHARED)
def test_it_is_told_with_its_line(cambist: Any, load: Any, text: str, told: str, line: int) -> None:
    with pytest.raises(ConfigurationError):
        load(text)
    result = cambist("check-config")
    assert result.code == 1
    assert f"cambist.toml:{line}: {told}" in result.out


@pytest.mark.parametrize(
    "text",
    [
        SINK + '[deliveries]\nurl = "nats://mq"\n',
        SINK + '[[sinks]]\nurl = "nats://other"\n',
        SINK + SINK + 'topic = "x"\n',
        SINK + 'topic = "two words"\n' + SINK + 'topic = "two words"\n',  # told where it is opened
        '[[sinks]]\nurl = "gold://mq"\n[[sinks]]\nurl = "gold://mq"\n',  # of another plugin
    ],
    ids=["topics", "brokers", "two topics", "malformed", "another plugin"],
)
def test_tables_that_have_no_topic_in_common_are_read(load: Any, text: str) -> None:
    assert load(text).sinks


def test_without_the_adapter_there_is_nothing_to_compare(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "cambist_cli._queue_tables.find_spec", lambda name: None if name == "cambist_queue" else found(name)
    )
    assert len(load(SINK + SINK).sinks) == 2


@pytest.mark.parametrize("url", ["nats://mq", "amqp://mq", "redis://mq", "gold://mq"])
def test_records_are_read_off_kafka(cambist: Any, load: Any, url: str) -> None:
    records = f'[[records]]\nsource = "shop"\ntopic = "theirs"\nurl = "{url}"\n'
    with pytest.raises(ConfigurationError, match=r"\[\[records\]\] number 1 url: is not like kafka://"):
        load(records)
    result = cambist("check-config")
    assert result.code == 1
    assert "cambist.toml:7: [[records]] number 1 url: is not like kafka://" in result.out


@pytest.mark.parametrize("url", ["kafka://mq", "kafka+tls://mq"])
def test_both_schemes_of_kafka_will_do(load: Any, url: str) -> None:
    (queue,) = load(f'[[records]]\nsource = "shop"\ntopic = "theirs"\nurl = "{url}"\n').records
    assert queue.url == url
