"""How a server ends: nobody whose request is on its way is cut off."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from attrs import define, field

logger = logging.getLogger("cambist.aiohttp")

_GRACE_S: Final = 1.0
_LOOK_S: Final = 0.02


@define(eq=False)
class Drain:
    """Closes connections after an answer that says so. aiohttp by itself closes whatever is idle at once.

    A sender that has connected, or keeps its connection, may have written a request that is not here yet.

    Args:
        timeout_s: How many seconds there are for all requests.
    """

    timeout_s: float
    _closing: bool = field(init=False, default=False)
    _given_up: int = field(init=False, default=0)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Tell the sender that the connection ends with this answer, once the server does."""
        try:
            answer = await handler(request)
        except asyncio.CancelledError:
            self._given_up += self._closing
            raise
        if self._closing:
            answer.force_close()
        return answer

    @property
    def grace_s(self) -> float:
        """For how much of that time connections that look idle are kept."""
        return min(_GRACE_S, self.timeout_s / 4)

    async def begin(self) -> None:
        """Return when those who wait in the kernel are let in, before nobody listens any more."""
        self._closing = True
        await asyncio.sleep(_LOOK_S)

    async def wait(self, server: web.Server) -> None:
        """Return when all connections are closed, or after the grace: the rest is idle, or takes longer."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.grace_s
        while server.connections and loop.time() < until:  # noqa: ASYNC110  # aiohttp has no event for it
            await asyncio.sleep(_LOOK_S)

    def tell(self) -> None:
        """Log how many requests were not answered."""
        if self._given_up:
            logger.warning("%d requests took longer than the server had: not answered", self._given_up)
