"""What a connection may send before anything comes of it, and what nonsense is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from cambist import Receiver
from cambist_aiohttp import Edge, Limits, serving, setup

from .conftest import signed

BODY = b'{"id": 7}'
SECRET = "in-the-p4th"
MAX_HEADER = 1024
LINE = b"X-Line: " + b"x" * 900 + b"\r\n"
# Nothing ends because of its time while a test runs.
LIMITS = Limits(head_timeout_s=600, idle_timeout_s=600, body_timeout_s=600, max_header=MAX_HEADER)
CHUNKED = b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def port(receiver: Receiver) -> AsyncIterator[int]:
    async with serving(receiver, edge=Edge(LIMITS), max_body=2_000_000, shutdown_timeout_s=1) as address:
        yield int(address.rpartition(":")[2])


def genuine(receiver: Receiver, *lines: bytes, body: bytes = BODY) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in signed(receiver, body).items()).encode()
    return b"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\n" + fields + b"".join(lines) + b"\r\n"


async def answers(port: int, *parts: bytes) -> bytes:
    """Send parts, each after the one before it has been read, and return all until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            for _ in range(3):  # turns of the loop that it shares with the server
                await asyncio.sleep(0)
        async with asyncio.timeout(20):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def ends(port: int, head: bytes) -> None:
    """Wait for the server to end a connection on which lines follow a head, fewer than its parser takes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(20):
            writer.write(head)
            for _ in range(50):
                writer.write(LINE)
                await asyncio.sleep(0)
            while await reader.read(65536):
                pass
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"POST /webhooks/shop HTTP/1.1\r\n", id="a head"),
        pytest.param(CHUNKED % b"/webhooks/shop" + b"2\r\n{}\r\n0\r\n", id="trailers"),
        pytest.param(CHUNKED % b"/webhooks/nowhere" + b"2\r\n{}\r\n0\r\n", id="trailers to no source"),
        pytest.param(CHUNKED % b"/nowhere" + b"0\r\n", id="trailers of no body"),
    ],
)
async def test_what_gives_nothing_ends_the_connection(port: int, head: bytes, receiver: Receiver) -> None:
    await ends(port, head)
    last = genuine(receiver, b"Content-Length: 9\r\nConnection: close\r\n") + BODY
    assert (await answers(port, last)).startswith(b"HTTP/1.1 200")


async def test_a_head_as_long_as_it_may_be_is_served(port: int, receiver: Receiver) -> None:
    close = b"Content-Length: 9\r\nConnection: close\r\n"
    head = genuine(receiver, close, *([LINE] * 3))
    assert (await answers(port, head[:1500], head[1500:], BODY)).startswith(b"HTTP/1.1 200")


async def test_the_framing_of_small_chunks_is_not_held_against_a_body(port: int, receiver: Receiver) -> None:
    body = json.dumps({"id": "7", "more": "x" * 3000}).encode()
    head = genuine(receiver, b"Transfer-Encoding: chunked\r\nConnection: close\r\n", body=body)
    chunks = [b"1\r\n%c\r\n" % byte for byte in body]  # six times as long as the body
    parts = [b"".join(chunks[at : at + 100]) for at in range(0, len(chunks), 100)]
    answer = await answers(port, head, *parts, b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200"), answer


async def test_a_body_is_whole_however_much_is_read_at_once(port: int, receiver: Receiver) -> None:
    body = json.dumps({"id": "7", "more": "x" * 1_500_000}).encode()
    close = b"Connection: close\r\n"
    plain = genuine(receiver, close, b"Content-Length: %d\r\n" % len(body), body=body) + body
    chunked = genuine(receiver, close, b"Transfer-Encoding: chunked\r\n", body=body)
    for sent in (plain, chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)):
        assert (await answers(port, sent)).startswith(b"HTTP/1.1 200")


async def test_a_connection_may_bring_any_number_of_requests(port: int, receiver: Receiver) -> None:
    one = genuine(receiver, b"Content-Length: 9\r\n", LINE) + BODY
    last = genuine(receiver, b"Content-Length: 9\r\nConnection: close\r\n") + BODY
    probe = b"GET /webhooks/shop HTTP/1.1\r\nHost: x\r\n" + LINE + b"\r\n"
    parts = [one[:500], one[500:], probe[:500], probe[500:]] * 50  # heads that come in two
    answer = await answers(port, *parts, last)
    assert answer.count(b"HTTP/1.1 200") >= 51
    assert answer.count(b"HTTP/1.1 ") == 101


@pytest.mark.parametrize(
    ("status", "line", "headers"),
    [
        pytest.param(400, f"POST /webhooks/shop/{SECRET} HTTP/x", "", id="no version"),
        pytest.param(400, f"P\x00ST /webhooks/shop/{SECRET} HTTP/1.1", "", id="no method"),
        pytest.param(400, f"GET /{SECRET * 200} HTTP/1.1", "", id="a long request line"),
        pytest.param(400, "GET / HTTP/1.1", f"X {SECRET}: 1\r\n", id="no header's name"),
        pytest.param(400, "GET / HTTP/1.1", f"X: {SECRET}\x00\r\n", id="no header's value"),
        pytest.param(400, "GET / HTTP/1.1", f"X: {SECRET * 200}\r\n", id="a long header"),
        pytest.param(400, "GET / HTTP/1.1", "X: 1\r\n" * 65, id="too many headers"),
        pytest.param(404, "GET / HTTP/1.1", "X: 1\r\n" * 60, id="not too many"),
        pytest.param(417, "POST /webhooks/shop HTTP/1.1", f"Expect: {SECRET}\r\n", id="Expect"),
        pytest.param(417, f"POST /{SECRET} HTTP/1.1", f"Expect: {SECRET}\r\n", id="Expect, no such path"),
        pytest.param(404, f"POST /{SECRET} HTTP/1.1", "", id="no such path"),
    ],
)
async def test_nonsense_is_answered_with_problem_details_that_quote_nothing(
    port: int, status: int, line: str, headers: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw = f"{line}\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode()
    head, _, body = (await answers(port, raw)).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert b"content-type: application/problem+json" in head.lower()
    assert json.loads(body)["status"] == status
    assert b"\r\nServer: cambist\r\n" in head + b"\r\n"
    assert SECRET.encode() not in head + body
    assert SECRET not in caplog.text


async def test_no_answer_tells_whose_release_it_is(port: int, receiver: Receiver) -> None:
    head = (
        await answers(port, genuine(receiver, b"Content-Length: 9\r\nConnection: close\r\n") + BODY)
    ).lower()
    assert head.startswith(b"http/1.1 200")
    assert b"server: cambist\r\n" in head
    assert b"aiohttp" not in head
    assert b"python" not in head


async def test_an_application_keeps_its_own_answers(receiver: Receiver) -> None:
    async def fail(_request: web.Request) -> web.Response:
        raise RuntimeError

    async def gone(_request: web.Request) -> web.Response:
        raise web.HTTPGone(text="it was here")

    edge = Edge(LIMITS)
    app = web.Application()
    app.router.add_get("/fail", fail)
    app.router.add_get("/gone", gone)
    setup(app, receiver, edge=edge)
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, **edge.runner_options())
    await runner.setup()
    try:
        edge.watch(runner.server)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        get = "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        gone_answer = await answers(port, get.format("/gone").encode())
        assert gone_answer.endswith(b"\r\n\r\nit was here")
        assert b"aiohttp" in gone_answer
        failed = await answers(port, get.format("/fail").encode())
        assert failed.startswith(b"HTTP/1.1 500")
        assert b"text/plain" in failed
        nonsense = await answers(port, f"GET /{SECRET} HTTP/x\r\n\r\n".encode())
        assert b"application/problem+json" in nonsense
        assert SECRET.encode() not in nonsense
        await ends(port, b"GET / HTTP/1.1\r\n")
    finally:
        await runner.cleanup()
