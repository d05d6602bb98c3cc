"""Does a server that works as fast as it can need more and more memory or files? Exits 1 if so.

`cambist serve` is a process of its own, with an inbox in SQLite. 64 connections deliver new events to it
without a pause. The warm-up lasts for a quarter of the time, and until SQLite's cache of 64 MiB is full:
some 60,000 deliveries for each process. Of the rest, the medians of the first and of the last third are
compared.

Run: ``python tests/benchmarks/soak.py``. ``CAMBIST_SOAK_S=300`` is the full length. The default is too short
to fill the cache, and tells of open files and errors only. ``CAMBIST_SOAK_WORKERS`` says how many processes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import count
from pathlib import Path

from attrs import frozen

SECONDS = float(os.environ.get("CAMBIST_SOAK_S", "20"))
WORKERS = int(os.environ.get("CAMBIST_SOAK_WORKERS", "1"))
CONNECTIONS = 64
FILLED = 60_000 * WORKERS
MORE_KIB = 4096  # of memory, that is no growth: what an allocator keeps differs by as much
MORE_FILES = 4  # SQLite opens and closes its own
CONFIG = f"""
[server]
port = 0
workers = {WORKERS}
[inbox]
url = "sqlite:///inbox.db"
[[sources]]
name = "shop"
provider = "coinspaid"
secrets = ["s3cret"]
"""


@frozen
class Look:
    """What a server has at one time, with its workers: memory that is its own in KiB, and open files."""

    at: float
    delivered: int
    memory: int
    files: int


def look(pid: int, delivered: int) -> Look:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    memory = files = 0
    for each in (str(pid), *children):
        rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        memory += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss_Anon:"))
        files += sum(1 for _ in Path(f"/proc/{each}/fd").iterdir())
    return Look(time.monotonic(), delivered, memory, files)


def delivery(number: int) -> bytes:
    body = json.dumps(
        {
            "id": number,
            "foreign_id": f"order-{number}",
            "type": "deposit",
            "crypto_address": {
                "id": 1,
                "currency": "BTC",
                "address": "address",
                "foreign_id": f"order-{number}",
            },
            "currency_sent": {"currency": "BTC", "amount": "0.01000000"},
            "currency_received": {
                "currency": "BTC",
                "amount": "0.01000000",
                "amount_minus_fee": "0.00990000",
            },
            "transactions": [],
            "fees": [],
            "error": "",
            "status": "confirmed",
        }
    ).encode()
    signature = hmac.new(b"s3cret", body, hashlib.sha512).hexdigest()
    head = (
        "POST /webhooks/shop HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Processing-Signature: {signature}\r\n\r\n"
    )
    return head.encode() + body


async def deliver(port: int, numbers: count[int], until: float, answers: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < until:
        writer.write(delivery(next(numbers)))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        answers[head[9:12].decode()] += 1
    writer.close()


async def soak(pid: int, port: int) -> tuple[list[Look], Counter[str]]:
    looks: list[Look] = []
    answers: Counter[str] = Counter()
    numbers = count(1)
    until = time.monotonic() + SECONDS

    async def watch() -> None:
        while time.monotonic() < until - 0.5:
            await asyncio.sleep(SECONDS / 120)
            looks.append(look(pid, answers.total()))

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        for _ in range(CONNECTIONS):
            group.create_task(deliver(port, numbers, until, answers))
    return looks, answers


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "stderr").open("w+") as stderr,
    ):
        (Path(folder) / "cambist.toml").write_text(CONFIG)
        command = [sys.executable, "-m", "cambist_cli", "serve"]
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as server:
            assert server.stdout
            port = int(server.stdout.readline().rpartition(":")[2])
            looks, answers = asyncio.run(soak(server.pid, port))
            server.send_signal(signal.SIGTERM)
            code = server.wait(60)
        stderr.seek(0)
        said = stderr.read()
    warm = [each for each in looks if each.at > looks[0].at + SECONDS / 4]
    full = [each for each in warm if each.delivered > FILLED]
    rate = answers.total() / SECONDS
    print(f"{SECONDS:.0f} s, {WORKERS} process(es), {rate:,.0f} deliveries a second, answers {dict(answers)}")
    wrong = [] if set(answers) == {"200"} else ["not every delivery was answered with 200"]
    wrong += grown("open files", [each.files for each in warm], MORE_FILES)
    wrong += grown("KiB of memory", [each.memory for each in full], MORE_KIB)
    if code or said:
        wrong.append(f"exit code {code}, and on stderr: {said}")
    print("; ".join(wrong) or "no growth, no error")
    return int(bool(wrong))


def grown(what: str, found: list[int], tolerance: int) -> list[str]:
    """Print how many there were after the warm-up and in the end. Return what is wrong with that."""
    third = len(found) // 3
    if third < 3:
        print(f"{what}: the run was too short to tell")
        return []
    first, last = statistics.median(found[:third]), statistics.median(found[-third:])
    print(f"{what}: {first:,.0f} after the warm-up, {last:,.0f} at the end")
    return [f"{what}: more and more"] if last - first > tolerance else []


if __name__ == "__main__":
    sys.exit(main())
