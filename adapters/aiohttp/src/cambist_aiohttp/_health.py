"""What an operator's probes ask, on an address of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aiohttp import web
from attrs import define

from cambist.errors import place

logger = logging.getLogger("cambist.aiohttp")


class Rendered(Protocol):
    """Numbers as a text, such as `cambist_aiohttp.Metrics`."""

    @property
    def content_type(self) -> str:
        """Its media type."""
        ...

    def render(self) -> bytes:
        """Return it."""
        ...


@define
class Health:
    """Tells whether deliveries can be received.

    Args:
        sinks: Where events go, by name: those that have an ``async def ready()`` are asked. With an inbox
            that is the inbox alone, since it keeps what its sinks cannot take.
        timeout_s: For how many seconds they have to answer.
        is_stopping: Set it when no more deliveries are to be sent here.
    """

    sinks: Mapping[str, object]
    timeout_s: float = 5
    is_stopping: bool = False

    async def troubles(self) -> dict[str, str]:
        """Return what is wrong, by the sink's name; nothing if deliveries can be received."""
        if self.is_stopping:
            return {"server": "stopping"}
        checks = [self._trouble(name, sink) for name, sink in self.sinks.items()]
        found = zip(self.sinks, await asyncio.gather(*checks), strict=True)
        return {name: trouble for name, trouble in found if trouble}

    async def _trouble(self, name: str, sink: object) -> str:
        ready = getattr(sink, "ready", None)
        if ready is None:
            return ""
        try:
            async with asyncio.timeout(self.timeout_s):
                await ready()
        except Exception as error:  # noqa: BLE001  # its text may hold a password
            logger.warning("the sink %r is not ready: %s", name, place(error))
            return "not reachable"
        return ""


def admin_app(health: Health, metrics: Rendered | None = None) -> web.Application:
    """Return an application with ``/healthz``, ``/readyz`` and ``/metrics``, for a private address.

    Args:
        health: What ``/readyz`` asks.
        metrics: What ``/metrics`` shows; without it there is no such path.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        troubles = await health.troubles()
        body: dict[str, Any] = (
            {"status": "not ready", "troubles": troubles} if troubles else {"status": "ready"}
        )
        return web.json_response(body, status=503 if troubles else 200)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    if metrics is not None:
        app.router.add_get("/metrics", _shown(metrics))
    return app


def _shown(metrics: Rendered) -> Callable[[web.Request], Any]:
    async def show(_: web.Request) -> web.Response:
        body = await asyncio.to_thread(metrics.render)  # of several processes it reads many files
        return web.Response(body=body, headers={"Content-Type": metrics.content_type})

    return show
