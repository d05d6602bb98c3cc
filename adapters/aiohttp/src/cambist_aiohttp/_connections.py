"""Who is connected, and who has to go."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from attrs import define, field

from cambist_aiohttp._limits import Limits


@define(eq=False)
class Connections:
    """Keeps a server's connections within their number and their time.

    aiohttp closes a connection on which nothing comes after a request. What it lacks is added here: a time
    for the first head, which may drip in, and a number.

    Args:
        limits: The number and the time.
    """

    limits: Limits
    _open: dict[RequestHandler, asyncio.Transport] = field(init=False, factory=dict, repr=False)
    # Who keeps us waiting: the longest first. A dictionary keeps the order in which keys are put in.
    _waiting: dict[RequestHandler, None] = field(init=False, factory=dict, repr=False)
    _deadlines: dict[RequestHandler, float] = field(init=False, factory=dict, repr=False)
    _timer: asyncio.TimerHandle | None = field(init=False, default=None, repr=False)

    def watch(self, server: web.Server) -> None:
        """Begin, before the server has its first connection."""
        made, lost, factory = server.connection_made, server.connection_lost, server.request_factory

        def connection_made(handler: Any, transport: asyncio.Transport) -> None:
            made(handler, transport)
            self._opened(handler, transport)

        def connection_lost(handler: Any, exc: BaseException | None = None) -> None:
            lost(handler, exc)
            self._closed(handler)

        def request_factory(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> Any:
            self._deadlines.pop(protocol, None)
            if protocol in self._open:
                self.waits(protocol)
            return factory(message, payload, protocol, writer, task)

        server.connection_made = connection_made  # type: ignore[method-assign]
        server.connection_lost = connection_lost  # type: ignore[method-assign]
        server.request_factory = request_factory

    def waits(self, handler: RequestHandler) -> None:
        """Take note that from now on we wait for this sender."""
        self._waiting.pop(handler, None)
        if handler in self._open:
            self._waiting[handler] = None

    def works(self, handler: RequestHandler) -> None:
        """Take note that from now on the sender waits for us."""
        self._waiting.pop(handler, None)

    def _opened(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        self._open[handler] = transport
        self._waiting[handler] = None
        loop = asyncio.get_running_loop()
        self._deadlines[handler] = loop.time() + self.limits.head_timeout_s
        if self._timer is None:
            self._timer = loop.call_later(self.limits.head_timeout_s, self._sweep)
        if len(self._open) > self.limits.max_connections and self._waiting:
            self._drop(next(iter(self._waiting)))

    def _closed(self, handler: RequestHandler) -> None:
        for known in (self._open, self._waiting, self._deadlines):
            known.pop(handler, None)

    def _drop(self, handler: RequestHandler) -> None:
        transport = self._open.get(handler)
        self._closed(handler)
        if transport is not None:
            # Later, since aiohttp has to begin with it first; and not closed, since it may have an answer to
            # send that nobody reads.
            asyncio.get_running_loop().call_soon(transport.abort)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while self._deadlines:
            handler, deadline = next(iter(self._deadlines.items()))
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._sweep)
                return
            self._drop(handler)
        self._timer = None
