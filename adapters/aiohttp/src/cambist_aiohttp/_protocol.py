"""What a connection may send before anything comes of it, and what it is answered if it makes no sense."""

from __future__ import annotations

import sys
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from cambist import problem
from cambist_aiohttp._response import response

SOFTWARE: Final = "cambist"
"""What a server of ours says it is. aiohttp tells its release and Python's, which is of use to attackers."""


class Handler(RequestHandler):
    """One connection.

    aiohttp limits each header. What it lacks is added here: a limit for all of a head together, and for the
    trailers of a chunked body, which are headers again.

    Args:
        server: Whose connection it is.
        max_head: After how many bytes that give neither a request nor a part of a body it ends.
    """

    def __init__(self, server: web.Server, max_head: int, **options: Any) -> None:
        super().__init__(server, **options)
        self._max_head = max_head
        self._fruitless = 0
        self._body: Any = None
        self._seen = (0, 0)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, with no more at once than may be for nothing. See `asyncio.Protocol`."""
        if len(data) <= self._max_head:
            self._feed(data)
            return
        for at in range(0, len(data), self._max_head):
            self._feed(data[at : at + self._max_head])

    def _feed(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages:
            self._body = self._messages[-1][1]
        seen = (self._request_count, self._body.total_bytes if self._body is not None else 0)
        if seen != self._seen:
            self._seen, self._fruitless = seen, 0
            return
        self._fruitless += len(data)
        if self._fruitless > self._max_head and self.transport is not None:
            self.transport.abort()
            self._force_close = True  # what is left of what was read is for nobody

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what cannot be read. aiohttp quotes some of it, and a path can hold a secret."""
        answer = super().handle_error(request, status, exc, message)
        if not isinstance(exc, HttpProcessingError):
            return answer
        answer = response(problem(status, headers=(("Server", SOFTWARE),)))
        answer.force_close()
        return answer


class _Server(web.Server):
    """Makes a `Handler` for each connection."""

    max_head: int

    def __call__(self) -> RequestHandler:
        return Handler(self, self.max_head, loop=self._loop, **self._kwargs)


def speak(server: web.Server, max_head: int | None) -> None:
    """Let a server's connections be of ours, before it has its first one.

    Args:
        server: A runner's. aiohttp has no way to have one made of another class.
        max_head: See `Handler`; no limit unless given.
    """
    server.__class__ = _Server
    server.max_head = sys.maxsize if max_head is None else max_head  # type: ignore[attr-defined]
