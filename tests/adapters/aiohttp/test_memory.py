"""How much memory senders can take who send no delivery: of a server in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

SERVE = """
import asyncio, sys
from cambist import Pipeline, Receiver, Source
from cambist_aiohttp import Edge, Limits, serving

async def on_event(event):
    pass

async def main():
    pipeline = Pipeline([Source("shop", "coinspaid", {"secrets": ["s3cret"]})])
    async with serving(Receiver(pipeline, on_event), edge=Edge(Limits(head_timeout_s=600))) as address:
        print(address.rpartition(":")[2], flush=True)
        await asyncio.Event().wait()

if sys.argv[1] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""
LINE = b"X-Line: " + b"x" * 8000 + b"\r\n"
CHUNKED = b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
SENDERS, LINES = 200, 60
MORE = 64 * 2**20  # of the 92 MiB that are sent; each byte of a header is kept twice


@pytest.fixture(params=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with subprocess.Popen([sys.executable, "-c", SERVE, request.param], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def peak(process: subprocess.Popen[bytes]) -> int:
    """Return the most memory it has had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\n", id="heads"),
        pytest.param(CHUNKED % b"/webhooks/shop", id="trailers"),
        pytest.param(CHUNKED % b"/webhooks/nowhere", id="trailers to no source"),
    ],
)
def test_heads_and_trailers_that_never_end_take_little(
    server: tuple[subprocess.Popen[bytes], int], head: bytes
) -> None:
    process, port = server
    before = peak(process)
    with ExitStack() as stack:
        for _ in range(SENDERS):
            sender = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            with suppress(ConnectionError):  # what it is about: it is ended
                sender.sendall(head + LINE * LINES)
        # The server has seen to all of them as soon as it answers who comes last.
        last = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        last.sendall(b"GET /webhooks/shop HTTP/1.1\r\nHost: x\r\n\r\n")
        assert last.recv(12) == b"HTTP/1.1 200"
        assert peak(process) - before < MORE
