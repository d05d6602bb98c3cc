"""The receiver inside of an application that exists, with its own routes and middlewares."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler as AiohttpHandler

from cambist import Receiver
from cambist_aiohttp import serve, setup

from .conftest import Handler, signed

BODY = b'{"id": 7}'


@web.middleware
async def reads_the_body_first(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    await request.read()
    return await handler(request)


@web.middleware
async def parses_the_body_first(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    if request.body_exists:
        assert await request.json() == {"id": 7}
    return await handler(request)


async def own(_request: web.Request) -> web.Response:
    return web.Response(text="the application's own")


@pytest.mark.parametrize("middlewares", [[], [reads_the_body_first], [parses_the_body_first]])
async def test_the_routes_work_beside_others_and_under_any_middleware(
    middlewares: list[web.Middleware], receiver: Receiver, handler: Handler
) -> None:
    app = web.Application(middlewares=middlewares)
    app.router.add_get("/", own)
    setup(app, receiver, prefix="/hooks")
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/")).text() == "the application's own"
        answer = await client.post("/hooks/shop", data=BODY, headers=signed(receiver, BODY))
        assert answer.status == 200
    assert len(handler.events) == 1


async def test_the_limit_of_the_application_does_not_cut_ours(receiver: Receiver) -> None:
    app = web.Application(client_max_size=10)
    setup(app, receiver)
    body = b'{"id": 7}'.ljust(5000)
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/webhooks/shop", data=body, headers=signed(receiver, body))
        assert answer.status == 200


async def test_several_receivers_live_in_one_application(receiver: Receiver, handler: Handler) -> None:
    app = web.Application()
    setup(app, receiver, prefix="/a", max_body=5)
    inner = web.Application()
    setup(inner, receiver)
    app.add_subapp("/b", inner)
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/a/shop", data=BODY, headers=signed(receiver, BODY))
        assert answer.status == 413
        answer = await client.post("/b/webhooks/shop", data=BODY, headers=signed(receiver, BODY))
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
