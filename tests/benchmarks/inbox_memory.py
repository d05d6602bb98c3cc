"""How much memory a receiver with an inbox holds, from its first deliveries to its last.

The resident memory of two receivers is sampled. One is driven by direct calls of `Receiver.receive`, without
HTTP, so that a million deliveries take minutes. The other is a process that serves HTTP and relays to a
handler. Of ten deliveries five are new, four have come before, and one is forged. The first tenth of a long
run fills caches of a fixed size (SQLite's is 64 MiB); from there on the memory is to stay where it is.

Run: ``python tests/benchmarks/inbox_memory.py``. ``CAMBIST_DELIVERIES=1000000`` and
``CAMBIST_HTTP_DELIVERIES=50000`` are the full size.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import ClientSession

from cambist import Delivery, PaymentEvent, Pipeline, Receiver, Source
from cambist_aiohttp import serving
from cambist_inbox import Inbox, Relay

DIRECT = int(os.environ.get("CAMBIST_DELIVERIES", "16000"))
OVER_HTTP = int(os.environ.get("CAMBIST_HTTP_DELIVERIES", "4000"))
CALLERS, SAMPLES = 64, 20
BUDGET = 1.1
FILLED = 50_000  # deliveries until SQLite's cache is full

PIPELINE = Pipeline([Source("shop", "coinspaid", {"secrets": ["s3cret"]})])
SAMPLE = json.loads(PIPELINE.routes[0].provider.samples[0].body)
EXPECTED = {"new": 200, "again": 200, "forged": 401}


def deliveries(count: int) -> Iterator[tuple[str, Delivery]]:
    """Make deliveries one by one, so that nothing of them stays."""
    chance = random.Random(1)
    route, new = PIPELINE.routes[0], 0
    for _ in range(count):
        kind = chance.choice(["new"] * 5 + ["again"] * 4 + ["forged"]) if new > CALLERS else "new"
        # What is sent again is answered already, or just about: that happens, too.
        number = new if kind == "new" else chance.randrange(new)
        new += kind == "new"
        body = json.dumps({**SAMPLE, "id": number}).encode()
        delivery = Delivery("shop", {}, body, datetime.now(UTC))
        headers = {} if kind == "forged" else route.provider.signature(route.settings, delivery)
        yield kind, Delivery("shop", headers, body, delivery.received_at)


async def drive(count: int, send: Callable[[Delivery], Awaitable[int]], pid: int) -> list[float]:
    """Send from many callers at once; return the resident memory on the way, in MiB."""
    memory: list[float] = []
    source = iter(enumerate(deliveries(count), 1))

    async def caller() -> None:
        for index, (kind, delivery) in source:
            status = await send(delivery)
            if status != EXPECTED[kind]:
                raise SystemExit(f"a delivery that is {kind} got {status}")
            if index % (count // SAMPLES) == 0:
                memory.append(resident(pid))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CALLERS):
            tasks.create_task(caller())
    return memory


def resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def direct(url: str) -> list[float]:
    """Drive a receiver of this process."""
    async with Inbox(PIPELINE, url) as inbox:
        receiver = Receiver(PIPELINE, inbox)

        async def send(delivery: Delivery) -> int:
            return (await receiver.receive(delivery)).status

        return await drive(DIRECT, send, os.getpid())


async def serve(url: str) -> None:
    """Serve until the standard input ends, and relay to a handler that does nothing."""

    async def on_event(_event: PaymentEvent) -> None:
        pass

    async with (
        Inbox(PIPELINE, url, sinks=["shop"]) as inbox,
        Relay(inbox, {"shop": on_event}),
        serving(Receiver(PIPELINE, inbox)) as address,
    ):
        print(address, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def over_http(url: str) -> list[float]:
    """Drive a receiver in a process of its own."""
    pipe = asyncio.subprocess.PIPE
    arguments = (sys.executable, __file__, "serve", url)
    server = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe)
    assert server.stdin is not None
    assert server.stdout is not None
    address = (await server.stdout.readline()).decode().strip()
    async with ClientSession(f"{address}/webhooks/") as session:

        async def send(delivery: Delivery) -> int:
            headers = {**dict(delivery.headers.items()), "Content-Type": "application/json"}
            async with session.post(delivery.source, data=delivery.body, headers=headers) as response:
                return response.status

        memory = await drive(OVER_HTTP, send, server.pid)
    server.stdin.close()
    if await server.wait():
        raise SystemExit("the server did not end well")
    return memory


def report(name: str, count: int, seconds: float, memory: list[float]) -> None:
    """Print the samples, and what the last ones are to those after the first tenth."""
    early, late = memory[SAMPLES // 10 : SAMPLES // 10 + 3], memory[-3:]
    print(
        f"{name}: {count:,} deliveries in {seconds:.0f} s, MiB {' '.join(f'{each:.0f}' for each in memory)}"
    )
    held = f"budget {BUDGET}" if count >= FILLED else f"no budget: the caches fill until about {FILLED:,}"
    print(f"  ratio {statistics.median(late) / statistics.median(early):.3f}, {held}", flush=True)


def main() -> None:
    """Run each part in a new folder."""
    logging.getLogger("cambist").setLevel(logging.CRITICAL)  # the forged are refused, as they should be
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2]))
        return
    for name, count, part in (("direct calls", DIRECT, direct), ("over HTTP", OVER_HTTP, over_http)):
        if count == 0:
            continue
        with tempfile.TemporaryDirectory(dir=os.environ.get("CAMBIST_FOLDER")) as folder:
            began = time.perf_counter()
            memory = asyncio.run(part(f"sqlite:///{folder}/inbox.db"))
            report(name, count, time.perf_counter() - began, memory)


if __name__ == "__main__":
    main()
