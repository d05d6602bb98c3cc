"""`cambist worker` as processes of its own: whichever is killed, at whatever moment, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cambist import Delivery, PaymentEvent, Pipeline, Source
from cambist_queue import (
    Consumer,
    DeliveryOptions,
    EventOptions,
    Link,
    RawReceiver,
    Topic,
    address_of,
    make_topics,
    split_options,
)

from .conftest import Server

pytest.importorskip("cambist_cli")
pytest.importorskip("cambist_coinspaid")

KILLS = int(os.environ.get("CAMBIST_KILLS", "3"))
SEED = int(os.environ.get("CAMBIST_SEED", random.randrange(10**6)))
WORKERS = 3
SETTLED_S = 120
BODY = {
    "type": "deposit",
    "crypto_address": {"id": 1, "currency": "BTC", "address": "a", "foreign_id": "user-1"},
    "currency_sent": {"currency": "BTC", "amount": "0.00010000"},
    "currency_received": {"currency": "BTC", "amount": "0.00010000"},
    "transactions": [],
    "fees": [],
    "status": "confirmed",
}
PIPELINE = Pipeline([Source("shop", "coinspaid", {"secrets": ["s3cret"]})])


def genuine(number: int) -> Delivery:
    raw = json.dumps({**BODY, "id": number}).encode()
    route = PIPELINE.routes[0]
    bare = Delivery("shop", {}, raw, datetime.now(UTC))
    return Delivery("shop", route.provider.signature(route.settings, bare), raw, bare.received_at)


class Workers:
    """Processes of `cambist worker` that share the queues of one configuration."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        number = len(self._processes)
        with (self._folder / f"worker-{number}.log").open("wb") as log:
            command = [sys.executable, "-m", "cambist_cli", "worker"]
            self._processes.append(subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log))

    async def all_read(self) -> None:
        """Wait until every worker that was not killed reads."""
        async with asyncio.timeout(SETTLED_S):
            while not all(
                "reading" in (self._folder / f"worker-{number}.log").read_text()
                for number, process in enumerate(self._processes)
                if process.poll() is None
            ):
                await asyncio.sleep(0.05)

    def kill(self, chance: random.Random) -> None:
        alive = [process for process in self._processes if process.poll() is None]
        victim = chance.choice(alive)
        victim.kill()
        victim.wait()

    def stop(self) -> list[int]:
        alive = [process for process in self._processes if process.poll() is None]
        for process in alive:
            process.terminate()
        return [process.wait(timeout=30) for process in alive]

    @property
    def told(self) -> str:
        return "".join(log.read_text() for log in self._folder.glob("worker-*.log"))


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    found = Workers(tmp_path)
    yield found
    found.stop()


@pytest.fixture
async def queues(server: Server, topic: Topic, tmp_path: Path) -> dict[str, Any]:
    shared = {"partitions": 6, "redeliver_after_s": 2}
    events = {"topic": topic.name, **shared}
    deliveries = {"topic": topic.name.replace("events", "deliveries"), **shared}
    await make_topics(EventOptions, server.url, events)
    await make_topics(DeliveryOptions, server.url, deliveries)
    tables = [
        '[[sources]]\nname = "shop"\nprovider = "coinspaid"\nsecrets = [{ env = "SHOP_SECRET" }]\n',
        f'[deliveries]\nurl = "{server.url}"\ntopic = "{deliveries["topic"]}"\n',
        "partitions = 6\nredeliver_after_s = 2\n",
        f'[[sinks]]\nurl = "{server.url}"\ntopic = "{events["topic"]}"\n',
        "partitions = 6\nredeliver_after_s = 2\n",
    ]
    (tmp_path / "cambist.toml").write_text("".join(tables))
    return {"events": events, "deliveries": deliveries}


@contextlib.asynccontextmanager
async def consuming(url: str, options: dict[str, Any], handed: list[PaymentEvent]) -> AsyncIterator[None]:
    async def on_event(event: PaymentEvent) -> None:
        handed.append(event)

    async with Consumer(url, on_event, options=options):
        yield


async def test_killing_one_of_three_at_random_loses_nothing(
    server: Server, queues: dict[str, Any], workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_SECRET", "s3cret")
    chance = random.Random(SEED)
    print(f"\nCAMBIST_SEED={SEED}")
    options, rest = split_options(DeliveryOptions, queues["deliveries"])
    handed: list[PaymentEvent] = []
    sent = 0
    for _ in range(WORKERS):
        workers.start()
    async with (
        consuming(server.url, queues["events"], handed),
        Link(address_of(server.url, rest), options.needed) as link,
    ):
        edge = RawReceiver(PIPELINE, link, options.topic)
        await workers.all_read()
        for _ in range(KILLS):
            until = sent + chance.randrange(20, 80)
            while sent < until:
                assert (await edge.receive(genuine(sent))).status == 200
                sent += 1
            workers.kill(chance)
            workers.start()
        async with asyncio.timeout(SETTLED_S):
            while len({event.payment.id for event in handed}) < sent:
                await asyncio.sleep(0.05)
    assert {event.payment.id for event in handed} == {str(number) for number in range(sent)}
    assert max(Counter(event.id for event in handed).values()) == 1
    await workers.all_read()
    assert set(workers.stop()) == {0}
    assert "s3cret" not in workers.told
    assert "Traceback" not in workers.told
