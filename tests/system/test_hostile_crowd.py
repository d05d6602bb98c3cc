"""A crowd of hostile requests leaves a server serving: heads and bodies that are none, cut off, in a row.

``CAMBIST_HOSTILE=100000`` says how many.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import random
import re
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from attrs import define, field

from . import hostile

COUNT = int(os.environ.get("CAMBIST_HOSTILE", "5000"))
AT_ONCE = 48
GENUINE = b'{"id":1,"type":"deposit","status":"confirmed","error":"","fees":[],"transactions":[]}'
SIGNATURE = hmac.new(hostile.SECRET.encode(), GENUINE, hashlib.sha512).hexdigest()
CONFIG = f"""
[server]
port = 0
trusted_proxies = ["127.0.0.1"]

[limits]
body_timeout_s = 1
head_timeout_s = 1
max_connections = 100

[[sources]]
name = "shop"
provider = "coinspaid"
secrets = ["{hostile.SECRET}"]
"""


@define
class Server:
    """A server in a process of its own.

    Attributes:
        events: How many it has printed.
        accepted: How many deliveries it has answered 200.
    """

    process: Process
    port: int
    stderr: Path
    events: int = field(init=False, default=0)
    accepted: int = field(init=False, default=0)

    async def read(self) -> None:
        """Count its events until it ends."""
        assert self.process.stdout is not None
        async for _ in self.process.stdout:
            self.events += 1

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def memory(self) -> int:
        """Return how many bytes of memory it has."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    (tmp_path / "cambist.toml").write_text(CONFIG)
    stderr = tmp_path / "stderr"
    with stderr.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-m", "cambist_cli", "serve"),
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
            cwd=tmp_path,
        )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        yield Server(process, int(line.rpartition(b":")[2]), stderr)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def genuine(server: Server) -> int:
    """Send a genuine delivery, and return the answer's status."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nX-Processing-Signature: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (SIGNATURE.encode(), len(GENUINE), GENUINE)
        )
        raw = await reader.read()
        writer.close()
    status = int(raw.split()[1]) if raw else 0
    server.accepted += status == 200
    return status


async def attack(server: Server, draw: random.Random, count: int, statuses: Counter[int]) -> None:
    """Send so many requests on one connection, and read as many answers as come."""
    framed = b"".join(hostile.framed(draw) for _ in range(count - 1))
    last = hostile.request(draw)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    raw = b""

    async def read(wanted: float) -> None:
        nonlocal raw
        while len(_answers(raw)) < wanted and (part := await reader.read(65536)):
            raw += part

    try:
        writer.write(framed)
        how = draw.random()
        if how < 0.1:
            writer.transport.abort()
        elif how < 0.8:  # else aiohttp, which reads all of them at once, answers the last one alone
            async with asyncio.timeout(10):
                await read(count - 1)
        writer.write(last)
        if draw.random() < 0.3:
            writer.write_eof()
        async with asyncio.timeout(0.3):  # what is cut off has no answer to wait for
            await read(float("inf"))
    except (OSError, RuntimeError):  # the last: it is closed, and was to be half closed
        pass
    finally:
        writer.close()
    statuses.update(_answers(raw))


def _answers(raw: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", raw) if status != b"100"]


async def crowd(server: Server, seed: int, count: int, statuses: Counter[int]) -> None:
    """Attack, on many connections at once, with genuine deliveries in between."""
    draw = random.Random(seed)
    left = count

    async def member() -> None:
        nonlocal left
        while left > 0:
            size = min(left, draw.choice((1, 1, 4, 16, 64)))
            left -= size
            await attack(server, draw, size, statuses)

    async def customer() -> None:
        while left > 0:
            assert await genuine(server) == 200

    before = server.accepted
    await asyncio.gather(*(member() for _ in range(AT_ONCE)), customer())
    assert server.accepted > before


async def test_a_hostile_crowd_leaves_it_serving(server: Server) -> None:
    statuses: Counter[int] = Counter()
    counting = asyncio.create_task(server.read())
    assert await genuine(server) == 200
    descriptors = server.descriptors()

    await crowd(server, 1, COUNT // 2, statuses)
    memory = server.memory()
    await crowd(server, 2, COUNT - COUNT // 2, statuses)

    assert await genuine(server) == 200
    async with asyncio.timeout(30):
        while server.descriptors() > descriptors:  # of another process
            await asyncio.sleep(0.1)
    assert server.memory() - memory < 64 * 2**20
    told = server.stderr.read_text()
    assert not [line for line in told.splitlines() if not line.startswith("cambist: warning: ")]
    # 200 and 204 are answers to those who only look. Nothing of what was sent is an event.
    assert set(statuses) <= {100, 200, 204, 400, 401, 404, 405, 408, 413, 415, 417, 503}, statuses
    assert statuses.total() > COUNT / 2
    assert statuses[401] > COUNT / 20
    server.process.send_signal(signal.SIGTERM)
    assert await server.process.wait() == 0
    await counting
    assert server.events == server.accepted
    told = server.stderr.read_text()
    for word in ("Traceback", "Error", "never retrieved", hostile.SECRET, hostile.CARD):
        assert word not in told
