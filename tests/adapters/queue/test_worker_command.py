"""`cambist worker` as a process: what it says of itself, and what it takes over while it runs."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cambist import Delivery, Pipeline, Source
from cambist_queue import DeliveryOptions, Link, RawReceiver, Topic, address_of, make_topics, split_options

from .conftest import Server
from .test_workers import BODY

pytest.importorskip("cambist_cli")
pytest.importorskip("cambist_coinspaid")

from cambist_cli._config import load_config
from cambist_cli._sinks import Stdout
from cambist_cli._worker import Working

BROKERS = ("nats",)
SOURCE = '[[sources]]\nname = "{}"\nprovider = "coinspaid"\nsecrets = [{{ env = "SHOP_SECRET" }}]\n'
WITHIN_S = 60


class Process:
    """A worker whose lines can be waited for."""

    def __init__(self, folder: Path) -> None:
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cambist_cli", "worker"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()

    @property
    def told(self) -> str:
        return "".join(self._lines)

    async def says(self, text: str) -> None:
        """Wait until it has said something."""

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: text in self.told, WITHIN_S)

        assert await asyncio.to_thread(wait), self.told

    def end(self) -> int:
        """Have it end, and return its code."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WITHIN_S)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_SECRET", "s3cret")
    return tmp_path


@pytest.fixture
def worker(folder: Path) -> Iterator[Any]:
    started: list[Process] = []

    def start() -> Process:
        started.append(Process(folder))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.end()


def nobody() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


async def test_while_its_broker_is_away_it_does_not_say_that_it_reads_and_can_be_ended(
    folder: Path, worker: Any
) -> None:
    url = f"nats://127.0.0.1:{nobody()}"
    (folder / "cambist.toml").write_text(
        f'[deliveries]\nurl = "{url}"\ntimeout_s = 1\n{SOURCE.format("shop")}'
    )
    running = worker()
    await running.says("cannot be reached, and is tried again")
    assert running.end() == 0
    assert "reading" not in running.told
    assert "Traceback" not in running.told


async def test_it_reads_once_its_broker_is_there(folder: Path, worker: Any, own_server: Server) -> None:
    options = {"topic": "late.deliveries", "partitions": 2}
    await make_topics(DeliveryOptions, own_server.url, options)
    table = (
        f'[deliveries]\nurl = "{own_server.url}"\ntopic = "late.deliveries"\npartitions = 2\ntimeout_s = 1\n'
    )
    (folder / "cambist.toml").write_text(table + SOURCE.format("shop"))
    own_server.kill()
    running = worker()
    await running.says("cannot be reached, and is tried again")
    assert "reading" not in running.told
    own_server.start()
    await running.says("reading\n")
    assert running.end() == 0


async def test_it_takes_changed_sources_over_and_its_inbox_does(
    folder: Path, worker: Any, server: Server, topic: Topic
) -> None:
    options = {"topic": topic.name, "partitions": 1}
    await make_topics(DeliveryOptions, server.url, options)
    head = f'[deliveries]\nurl = "{server.url}"\ntopic = "{topic.name}"\npartitions = 1\n'
    head += '[inbox]\nurl = "sqlite:///inbox.db"\n'
    config = folder / "cambist.toml"
    config.write_text(head + SOURCE.format("shop"))
    running = worker()
    await running.says("reading\n")

    config.write_text(head + SOURCE.format("shop") + "quarantine = 1\n")
    running.process.send_signal(signal.SIGHUP)
    await running.says("not reloaded, all stays as it was: cambist.toml: [[sources]]")

    config.write_text(head + SOURCE.format("shop") + SOURCE.format("new"))
    running.process.send_signal(signal.SIGHUP)
    await running.says("reloaded cambist.toml: sources shop, new")

    given, rest = split_options(DeliveryOptions, options)
    pipeline = Pipeline([Source("new", "coinspaid", {"secrets": ["s3cret"]})])
    async with Link(address_of(server.url, rest), given.needed) as link:
        edge = RawReceiver(pipeline, link, given.topic)
        assert (await edge.receive(_genuine(pipeline))).status == 200
        await _stored(folder)
    assert running.end() == 0
    assert "s3cret" not in running.told
    assert "dead letter" not in running.told


def _genuine(pipeline: Pipeline) -> Delivery:
    raw = json.dumps({**BODY, "id": 1}).encode()
    route = pipeline.routes[0]
    bare = Delivery("new", {}, raw, datetime.now(UTC))
    return Delivery("new", route.provider.signature(route.settings, bare), raw, bare.received_at)


async def _stored(folder: Path) -> None:
    """Wait until the inbox has an event of the new source."""

    def events() -> str:
        command = [sys.executable, "-m", "cambist_cli", "events", "--json"]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout

    async with asyncio.timeout(WITHIN_S):
        while '"source":"new"' not in await asyncio.to_thread(events):
            await asyncio.sleep(0.1)


RECORDS = '[[records]]\nurl = "kafka://127.0.0.1:9092"\ntopic = "platform"\nsource = "anchor"\n'
ANCHOR = '[[sources]]\nname = "anchor"\nprovider = "stellar-anchor"\n'
SIGNED = 'auth = "api_key"\nsecrets = ["k"]\n'
OPEN = 'auth = "none"\n'


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (OPEN, ""),
        (SIGNED, "source 'anchor': asks for api-key, and a record carries no proof"),
        (f"{OPEN}quarantine = true\n", "source 'anchor': quarantine: needs an inbox"),
    ],
    ids=["as it was", "with a proof", "with quarantine"],
)
def test_what_records_need_is_looked_at_again(
    folder: Path, caplog: pytest.LogCaptureFixture, change: str, told: str
) -> None:
    pytest.importorskip("cambist_stellar")
    path = folder / "cambist.toml"
    path.write_text(RECORDS + ANCHOR + OPEN)
    config = load_config(path)
    registry, pipeline = config.wire()
    current = Working(config, registry, pipeline, sink=Stdout())
    path.write_text(RECORDS + ANCHOR + change)
    with caplog.at_level("ERROR"):
        assert current.reload() is not bool(told)
    assert told in caplog.text
    assert (current.pipeline is pipeline) is bool(told)
    assert [route.source.name for route in current.pipeline.routes] == ["anchor"]
