"""A server of our own, for those who have no application to put the routes in."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from socket import socket
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from cambist import Receiver, problem
from cambist.errors import place
from cambist_aiohttp._claims import Claims
from cambist_aiohttp._drain import Drain
from cambist_aiohttp._edge import Edge
from cambist_aiohttp._listen import address_of, listen
from cambist_aiohttp._protocol import SOFTWARE
from cambist_aiohttp._response import response
from cambist_aiohttp._routes import DEFAULT_MAX_BODY, setup

logger = logging.getLogger("cambist.aiohttp")

DEFAULT_SHUTDOWN_S: Final = 20.0
"""How many seconds requests under way may take to end when a server ends, unless configured otherwise."""


def create_app(
    receiver: Receiver,
    *,
    prefix: str = "/webhooks",
    max_body: int = DEFAULT_MAX_BODY,
    edge: Edge | None = None,
) -> web.Application:
    """Return an application of the receiver alone, whose every error is problem details (RFC 9457).

    The receiver's `pipeline` may be replaced while it serves: the next request finds the new sources, and the
    paths that they claim.
    """
    app = web.Application(middlewares=[_problems, Claims(receiver).middleware])
    setup(app, receiver, prefix=prefix, max_body=max_body, edge=edge)
    return app


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return response(problem(error.status))
    except Exception as error:  # noqa: BLE001  # aiohttp would log its message, which may hold a value
        logger.error("failed: %s", place(error))  # noqa: TRY400
        return response(problem(500))


def _outermost(handle: Callable[[Any], Awaitable[web.StreamResponse]]) -> Callable[..., Any]:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        try:
            answer = await handle(request)
        except web.HTTPException as error:  # an `Expect` that is refused before any middleware
            answer = response(problem(error.status))
        answer.headers["Server"] = SOFTWARE
        return answer

    return answer


@asynccontextmanager
async def serving(
    receiver: Receiver,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    sockets: Sequence[socket] | None = None,
    prefix: str = "/webhooks",
    max_body: int = DEFAULT_MAX_BODY,
    edge: Edge | None = None,
    shutdown_timeout_s: float = DEFAULT_SHUTDOWN_S,
) -> AsyncIterator[str]:
    """Serve inside of this context, and give the address: ``http://127.0.0.1:54321``.

    In the end it stops listening, answers the requests that are under way, and closes the connections.

    Args:
        receiver: Takes the deliveries to their sink.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        sockets: What to listen on instead, see `listen`. They are closed in the end.
        prefix: Where the sources are.
        max_body: The largest body, in bytes.
        edge: Limits, and what is believed of proxies; none unless given.
        shutdown_timeout_s: How many seconds requests under way may take to end.

    Raises:
        OSError: The address cannot be listened on.
    """
    with ExitStack() as stack:
        if sockets is None:
            sockets = await asyncio.to_thread(listen, host, port)
        for each in sockets:
            stack.enter_context(each)
        edge = edge or Edge()
        app = create_app(receiver, prefix=prefix, max_body=max_body, edge=edge)
        drain = Drain(shutdown_timeout_s)
        app.middlewares.insert(0, drain.middleware)
        # No access log: a path can hold a secret. No decompression: a signature covers the bytes as sent.
        runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            shutdown_timeout=shutdown_timeout_s - drain.grace_s,
            **edge.runner_options(),
        )
        try:
            await runner.setup()
            if runner.server is not None:
                edge.watch(runner.server)
                runner.server.request_handler = _outermost(runner.server.request_handler)
            for each in sockets:
                await web.SockSite(runner, each).start()
            yield address_of(sockets[0])
        finally:
            await drain.begin()
            for site in runner.sites:
                await site.stop()
            if runner.server is not None:
                await drain.wait(runner.server)
            await runner.cleanup()
            drain.tell()


async def serve(
    receiver: Receiver,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    prefix: str = "/webhooks",
    max_body: int = DEFAULT_MAX_BODY,
    edge: Edge | None = None,
    shutdown_timeout_s: float = DEFAULT_SHUTDOWN_S,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. ``ready`` is called with the address. See `serving`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with serving(
            receiver,
            host=host,
            port=port,
            prefix=prefix,
            max_body=max_body,
            edge=edge,
            shutdown_timeout_s=shutdown_timeout_s,
        ) as address:
            if ready is not None:
                ready(address)
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
