"""What it costs that a 2xx means "on the disk": 64 callers at once, on SQLite, each round side by side.

Three receivers take deliveries in turn. The sink of the first does nothing. That of the second is a group
commit written by hand: one row a delivery, one unique key, `sqlite3` in a thread, the same durability. That
of the third is the `Inbox`, which writes the delivery, its event, and its payment's state, each with its
indexes.

Run: ``python tests/benchmarks/inbox_accept.py``. Prints medians and ratios. ``--profile`` prints where the
inbox's time goes instead.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import itertools
import json
import os
import pstats
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cambist import Delivery, Pipeline, Processed, Receiver, Source, to_json
from cambist.hookspecs import Sink
from cambist_inbox import Inbox

CALLERS = 64
ROUNDS, DELIVERIES = int(os.environ.get("CAMBIST_ROUNDS", "9")), 1024

PIPELINE = Pipeline([Source("shop", "coinspaid", {"secrets": ["s3cret"]})])
SAMPLE = json.loads(PIPELINE.routes[0].provider.samples[0].body)
numbers = itertools.count()


class Cost(NamedTuple):
    """What one delivery takes, in microseconds: of the clock, and of the processors."""

    wall: float
    cpu: float


class Nothing:
    """A sink that keeps nothing."""

    async def publish(self, processed: Processed) -> None:
        """Return at once."""


class ByHand:
    """A group commit of one row a delivery, as short as it can be."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE events (id TEXT PRIMARY KEY, body BLOB, document BLOB)")
        self._waiting: list[tuple[tuple[str, bytes, bytes], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def publish(self, processed: Processed) -> None:
        """Return when it is committed."""
        assert processed.delivery is not None
        event = processed.events[0]
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(((event.id, processed.delivery.body, to_json(event)), future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await asyncio.to_thread(self._commit, [row for row, _ in batch])
            for _, future in batch:
                future.set_result(None)

    def _commit(self, rows: Sequence[tuple[str, bytes, bytes]]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", rows)
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def deliveries() -> list[Delivery]:
    """Return new genuine deliveries."""
    route, made = PIPELINE.routes[0], []
    for number in itertools.islice(numbers, DELIVERIES):
        body = json.dumps({**SAMPLE, "id": number}).encode()
        delivery = Delivery("shop", {}, body, datetime.now(UTC))
        headers = route.provider.signature(route.settings, delivery)
        made.append(Delivery("shop", headers, body, delivery.received_at))
    return made


async def timed(receiver: Receiver, batch: Sequence[Delivery]) -> Cost:
    """Receive all, so many at once."""
    waiting = iter(batch)

    async def caller() -> None:
        for delivery in waiting:
            answer = await receiver.receive(delivery)
            if answer.status != 200:
                raise SystemExit(f"got {answer.status}")

    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return Cost(
        (time.perf_counter() - began) / len(batch) * 1e6, (time.process_time() - cpu) / len(batch) * 1e6
    )


async def main() -> None:
    """Measure in turn, so that a change of the machine's speed meets all alike."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("CAMBIST_FOLDER")) as folder:
        by_hand = ByHand(f"{folder}/by_hand.db")
        async with Inbox(PIPELINE, f"sqlite:///{folder}/inbox.db") as inbox:
            sinks: dict[str, Sink] = {"nothing kept": Nothing(), "by hand": by_hand, "inbox": inbox}
            receivers = {name: Receiver(PIPELINE, sink) for name, sink in sinks.items()}
            if "--profile" in sys.argv:
                await profile(receivers["inbox"])
                return
            costs: dict[str, list[Cost]] = {name: [] for name in receivers}
            for number in range(-1, ROUNDS):
                for name, receiver in receivers.items():
                    batch = deliveries()
                    cost = await timed(receiver, batch)
                    again = await timed(receiver, batch)
                    if number >= 0:
                        costs[name].append(cost)
                        costs.setdefault(f"{name}, redelivered", []).append(again)
        by_hand.close()
    report(costs)


def report(costs: dict[str, list[Cost]]) -> None:
    """Print the medians of all, and the ratios of the inbox's to the others'."""
    for name, found in costs.items():
        wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name}: {wall:.0f} us each ({1e6 / wall:,.0f} a second), {cpu:.0f} us of processor time")
    for floor in ("nothing kept", "by hand"):
        for index, unit in enumerate(("time", "processor time")):
            pairs = zip(costs["inbox"], costs[floor], strict=True)
            ratios = [ours[index] / base[index] for ours, base in pairs]
            low, middle, high = statistics.quantiles(ratios, n=4)
            quartiles = f"half of the rounds {low:.2f} to {high:.2f}"
            print(f"inbox beside {floor!r}, {unit}: ratio {middle:.2f} ({quartiles})")


async def profile(receiver: Receiver) -> None:
    """Print where the time of the event loop's thread goes."""
    await timed(receiver, deliveries())
    batches = [deliveries() for _ in range(ROUNDS)]
    profiler = cProfile.Profile()
    profiler.enable()
    for batch in batches:
        await timed(receiver, batch)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30).sort_stats("cumtime").print_stats(40)


if __name__ == "__main__":
    asyncio.run(main())
