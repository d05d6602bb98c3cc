"""What stands between the network and the receiver."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from aiohttp import ClientPayloadError, web
from attrs import Factory, field, frozen

from cambist import Acknowledgement, problem
from cambist.errors import VerificationError
from cambist.verification import TrustedProxies
from cambist_aiohttp._body import read_body
from cambist_aiohttp._connections import Connections
from cambist_aiohttp._gate import Gate, Visit
from cambist_aiohttp._limits import Limits
from cambist_aiohttp._protocol import speak
from cambist_aiohttp._quiet import QUIET

MAX_HEADERS: Final = 64
"""How many headers a request has at most, and how many trailers."""

_CLOSE: Final = (("Connection", "close"),)


@frozen(eq=False)
class _Guard:
    """What holds the limits, and who is inside."""

    limits: Limits
    gate: Gate = field(init=False, default=Factory(lambda self: Gate(self.limits), takes_self=True))
    connections: Connections = field(
        init=False, default=Factory(lambda self: Connections(self.limits), takes_self=True)
    )
    visits: dict[int, Visit] = field(init=False, factory=dict)  # by the request's `id`: it has no hash


@frozen(eq=False)
class Edge:
    """Whom to let in, where a request came from, and how its body is read. ``Edge()`` lets everybody in.

    Args:
        limits: How much of everything a sender may take; anything unless given.
        proxies: Whose word is taken for where a request came from; nobody's unless given.
        on_refusal: Is called with the source's name and the status of what is refused before the receiver
            sees it.
    """

    limits: Limits | None = None
    proxies: TrustedProxies | None = None
    on_refusal: Callable[[str, int], object] | None = None
    _guard: _Guard | None = field(
        init=False,
        repr=False,
        default=Factory(lambda self: self.limits and _Guard(self.limits), takes_self=True),
    )

    def admit(self, request: web.Request, source: str) -> Acknowledgement | None:
        """Return the answer to refuse a request with before its body is read, or nothing to let it in."""
        if self._guard is None:
            return None
        refusal = _answer(self._guard.gate.wait(source))
        if refusal is None:
            self._guard.visits[id(request)] = Visit(source)
        return refusal

    async def read(self, request: web.Request, limit: int) -> bytes | Acknowledgement:
        """Return the raw body of up to ``limit`` bytes, or the answer to refuse with."""
        try:
            if self._guard is None:
                return await read_body(request, limit)
            return await _read(self._guard, request, limit)
        except (ConnectionError, ClientPayloadError, web.RequestPayloadError):
            return problem(400, headers=_CLOSE)  # cut off, or chunks that are none

    def release(self, request: web.Request, source: str) -> None:
        """Take note that a request which was let in is done, however it ended."""
        if self._guard is not None:
            self._guard.gate.leave(self._guard.visits.pop(id(request)))
            self._guard.connections.waits(request.protocol)

    def refused(self, source: str, answer: Acknowledgement) -> None:
        """Take note of a request that the receiver did not see."""
        if self.on_refusal is not None:
            self.on_refusal(source, answer.status)

    def answered(self, source: str, answer: Acknowledgement) -> None:
        """Take note of the receiver's answer: what is not proven genuine does not use up a source's rate."""
        if self._guard is not None and answer.status == VerificationError.status_hint:
            self._guard.gate.give_back(source)

    def remote(self, request: web.Request) -> str | None:
        """Return the address that the request came from; nothing if a trusted proxy hides or garbles it."""
        if self.proxies is None:
            return request.remote
        try:
            return str(self.proxies.client(request.remote, request.headers.getall(self.proxies.header, ())))
        except VerificationError:
            return None

    def runner_options(self) -> dict[str, Any]:
        """Return what to make an `aiohttp.web.AppRunner` with, so that the limits hold for connections."""
        if self.limits is None:
            return {"logger": QUIET}
        return {
            "logger": QUIET,
            "keepalive_timeout": self.limits.idle_timeout_s,
            "lingering_time": min(2.0, self.limits.body_timeout_s),
            "max_line_size": self.limits.max_header,
            "max_field_size": self.limits.max_header,
            "max_headers": MAX_HEADERS,
        }

    def watch(self, server: web.Server | None) -> None:
        """Hold a server's connections to the limits: ``edge.watch(runner.server)`` before a site starts.

        What makes no sense to it is answered from then on without a word of it.
        """
        if server is None:
            return
        speak(server, None if self.limits is None else self.limits.max_head)
        if self._guard is not None:
            self._guard.connections.watch(server)


async def _read(guard: _Guard, request: web.Request, limit: int) -> bytes | Acknowledgement:
    gate, visit, length = guard.gate, guard.visits[id(request)], request.content_length
    if not gate.reserve(visit, limit if length is None else min(length, limit)):
        return problem(503, headers=_CLOSE)
    if request.content.is_eof():  # it came with its head, as most do: no timer is needed
        body = await read_body(request, limit)
    else:
        try:
            async with gate.patience(visit):
                body = await read_body(request, limit)
        except TimeoutError:
            return problem(408, headers=_CLOSE)
    if not isinstance(body, bytes):
        return body
    refusal = _answer(gate.enter(visit, len(body)))
    if refusal is None:
        guard.connections.works(request.protocol)
        return body
    return refusal


def _answer(wait: float | None) -> Acknowledgement | None:
    """Return what is answered to who has to wait: for a place, or so many seconds for the rate."""
    if wait is None:
        return problem(503)
    return problem(429, headers=(("Retry-After", str(math.ceil(wait))),)) if wait else None
