"""The receiver inside of an application that exists, with its own routes and middlewares."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import sys
import zlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler as AiohttpHandler
from multidict import CIMultiDict

from cambist import Receiver
from cambist_aiohttp import serve, setup

from .conftest import Handler, signed

BODY = b'{"id": 7}'
TAKEN = b" " * 5


@web.middleware
async def reads(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    await request.read()
    return await handler(request)


@web.middleware
async def reads_text(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    await request.text()
    return await handler(request)


@web.middleware
async def parses(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    if request.body_exists:
        assert await request.json() == {"id": 7}
    return await handler(request)


@web.middleware
async def asks_for_a_form(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    assert not await request.post()
    return await handler(request)


@web.middleware
async def clones(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    return await handler(request.clone(headers={**request.headers, "X-Request-Id": "1"}))


@web.middleware
async def drains(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    await request.content.read()
    return await handler(request)


@web.middleware
async def takes_the_first_bytes(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    await request.content.read(2)
    return await handler(request)


@web.middleware
async def takes_bytes_and_reads(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    await request.content.read(len(TAKEN))
    await request.read()
    return await handler(request)


@web.middleware
async def takes_a_chunk(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    await request.content.readany()
    return await handler(request)


async def own(_request: web.Request) -> web.Response:
    return web.Response(text="the application's own")


@pytest.mark.parametrize("middleware", [None, reads, reads_text, parses, asks_for_a_form, clones])
async def test_the_routes_work_beside_others_and_under_any_middleware(
    middleware: web.Middleware | None, receiver: Receiver, handler: Handler
) -> None:
    app = web.Application(middlewares=[middleware] if middleware else [])
    app.router.add_get("/", own)
    setup(app, receiver, prefix="/hooks")
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/")).text() == "the application's own"
        answer = await client.post("/hooks/shop", data=BODY, headers=signed(receiver, BODY))
        assert answer.status == 200
    assert len(handler.events) == 1


# What is left of the body after these is signed, too: only that it is not the whole tells them.
@pytest.mark.parametrize(
    ("middleware", "left"),
    [(drains, b""), (takes_the_first_bytes, BODY[2:]), (takes_a_chunk, b""), (takes_bytes_and_reads, BODY)],
)
async def test_a_body_that_a_middleware_took_apart_is_never_verified(
    middleware: web.Middleware,
    left: bytes,
    receiver: Receiver,
    handler: Handler,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = web.Application(middlewares=[middleware])
    setup(app, receiver)
    body = TAKEN + BODY if left == BODY else BODY
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/webhooks/shop", data=body, headers=signed(receiver, left))
        assert (answer.status, answer.content_type) == (500, "application/problem+json")
    assert handler.events == []
    assert "let the middleware await request.read(), which keeps it" in caplog.text


async def test_what_a_middleware_has_read_is_held_to_the_limit(receiver: Receiver, handler: Handler) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield BODY

    app = web.Application(middlewares=[reads])
    setup(app, receiver, max_body=len(BODY) - 1)
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/webhooks/shop", data=chunks(), headers=signed(receiver, BODY))
        assert answer.status == 413
    assert handler.events == []


@pytest.mark.parametrize(
    "codings",
    [["gzip"], ["deflate"], ["identity", "gzip"], ["gzip", "identity"], ["identity, gzip"], [""]],
    ids=", then ".join,
)
@pytest.mark.parametrize("over", ["the body", "what was sent"])
async def test_a_compressed_body_is_refused_also_where_the_application_decompresses(
    codings: list[str], over: str, receiver: Receiver, handler: Handler
) -> None:
    app = web.Application()
    setup(app, receiver)
    sent = gzip.compress(BODY) if "gzip" in codings[-1] + codings[0] else zlib.compress(BODY)
    headers = CIMultiDict(signed(receiver, BODY if over == "the body" else sent))
    for coding in codings:
        headers.add("Content-Encoding", coding)
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/webhooks/shop", data=sent, headers=headers)
        assert answer.status in {400, 415}  # 400 is aiohttp's, where it cannot decompress
    assert handler.events == []


async def test_the_limit_of_the_application_does_not_cut_ours(receiver: Receiver) -> None:
    app = web.Application(client_max_size=10)
    setup(app, receiver)
    body = b'{"id": 7}'.ljust(5000)
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/webhooks/shop", data=body, headers=signed(receiver, body))
        assert answer.status == 200


@pytest.mark.skipif(sys.platform == "win32", reason="signals to oneself")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_server_after_the_request_under_way(
    number: signal.Signals, receiver: Receiver, handler: Handler
) -> None:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    entered = asyncio.Event()

    async def slow() -> None:
        entered.set()
        await asyncio.sleep(0.3)

    handler.before = slow
    server = asyncio.create_task(serve(receiver, port=0, ready=address.set_result))
    async with ClientSession(await address) as session:
        request = asyncio.create_task(
            session.post("/webhooks/shop", data=BODY, headers=signed(receiver, BODY))
        )
        await entered.wait()
        os.kill(os.getpid(), number)
        assert (await request).status == 200
        await asyncio.wait_for(server, 5)
    assert len(handler.events) == 1
