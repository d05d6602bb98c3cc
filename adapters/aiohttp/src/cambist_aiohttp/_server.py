"""A server of our own, for those who have no application to put the routes in."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

from cambist import Receiver, problem
from cambist.errors import place
from cambist_aiohttp._routes import DEFAULT_MAX_BODY, response, setup

logger = logging.getLogger("cambist.aiohttp")


def create_app(
    receiver: Receiver, *, prefix: str = "/webhooks", max_body: int = DEFAULT_MAX_BODY
) -> web.Application:
    """Return an application of the receiver alone, whose every error is problem details (RFC 9457)."""
    app = web.Application(middlewares=[_problems])
    setup(app, receiver, prefix=prefix, max_body=max_body)
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


@asynccontextmanager
async def serving(
    receiver: Receiver,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    prefix: str = "/webhooks",
    max_body: int = DEFAULT_MAX_BODY,
) -> AsyncIterator[str]:
    """Serve inside of this context, and give the address: ``http://127.0.0.1:54321``.

    Args:
        receiver: Takes the deliveries to their sink.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        prefix: Where the sources are.
        max_body: The largest body, in bytes.

    Raises:
        OSError: The address cannot be listened on.
    """
    app = create_app(receiver, prefix=prefix, max_body=max_body)
    # No access log: a path can hold a secret. No decompression: a signature covers the bytes as sent.
    runner = web.AppRunner(app, access_log=None, auto_decompress=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound_host, bound_port = runner.addresses[0][:2]
        yield f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
    finally:
        # Stops listening, lets requests that are under way finish, then closes what is left.
        await runner.cleanup()


async def serve(
    receiver: Receiver,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    prefix: str = "/webhooks",
    max_body: int = DEFAULT_MAX_BODY,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. ``ready`` is called with the address. See `serving`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with serving(receiver, host=host, port=port, prefix=prefix, max_body=max_body) as address:
            if ready is not None:
                ready(address)
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
