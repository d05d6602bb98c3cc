"""The paths that sources claim, as they are now: a receiver's pipeline may be replaced while it serves."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler
from attrs import define, field

from cambist import Pipeline, Receiver
from cambist_aiohttp._mounts import MOUNTS, RECEIVER


@define(eq=False)
class Claims:
    """Leads a request to the source that claims its path. aiohttp takes no routes once it serves.

    Args:
        receiver: Whose sources these are.
    """

    receiver: Receiver
    _pipeline: Pipeline | None = field(init=False, default=None)
    _names: dict[str, str] = field(init=False, factory=dict)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lead the request there, and away from where no source is any more."""
        mount = request.app[MOUNTS][RECEIVER]
        found = request.match_info.route.resource
        if found is mount.by_name or found is mount.by_secret:
            return await handler(request)
        name = self._name(request.path)
        if name is not None:
            request.match_info["source"] = name
            (route,) = mount.by_name
            return await route.handler(request)
        if found in mount.claimed.values():
            raise web.HTTPNotFound
        return await handler(request)

    def _name(self, path: str) -> str | None:
        if self._pipeline is not self.receiver.pipeline:
            self._pipeline = self.receiver.pipeline
            self._names = {
                route.source.path: route.source.name for route in self._pipeline.routes if route.source.path
            }
        return self._names.get(path)
