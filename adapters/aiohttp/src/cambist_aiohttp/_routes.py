"""The routes of a receiver in an application."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeAlias, overload

from aiohttp import web

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist.errors import ConfigurationError
from cambist.hookspecs import Sink
from cambist_aiohttp._desk import Desk
from cambist_aiohttp._edge import Edge
from cambist_aiohttp._mounts import MOUNTS, RECEIVER, Mount, check_clashes

_is_prefix = re.compile(r"(/[A-Za-z0-9._~-]+)*").fullmatch

DEFAULT_MAX_BODY: Final = 1024 * 1024
"""The largest body that is taken, in bytes, unless configured otherwise."""

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
OpenSink: TypeAlias = Callable[
    [], AbstractAsyncContextManager[Sink | Callable[[PaymentEvent], Awaitable[object]]]
]


@overload
def setup(
    app: web.Application,
    receiver: Receiver,
    *,
    key: web.AppKey[Receiver] = ...,
    prefix: str = ...,
    max_body: int = ...,
    edge: Edge | None = ...,
) -> None: ...


@overload
def setup(
    app: web.Application,
    receiver: Pipeline,
    sink: OpenSink,
    *,
    key: web.AppKey[Receiver] = ...,
    prefix: str = ...,
    max_body: int = ...,
    edge: Edge | None = ...,
) -> None: ...


def setup(
    app: web.Application,
    receiver: Receiver | Pipeline,
    sink: OpenSink | None = None,
    *,
    key: web.AppKey[Receiver] = RECEIVER,
    prefix: str = "/webhooks",
    max_body: int = DEFAULT_MAX_BODY,
    edge: Edge | None = None,
) -> None:
    """Add a receiver's routes to an application.

    ``POST {prefix}/{source}`` for every source, ``POST {prefix}/{source}/{secret}`` for those whose secret is
    in the path, and each path that a source claims for itself. The body is taken raw, as it is signed, up to
    ``max_body`` bytes. The application's ``client_max_size`` counts where a middleware reads the body first.

    Args:
        app: The application, or one that is added to another.
        receiver: Takes the deliveries to their sink. Or the pipeline of one whose sink the application opens.
        sink: Opens that sink when the application starts, and closes it after the last request. A function
            without arguments that returns an asynchronous context manager.
        key: Where handlers find the receiver: ``request.app[key]``. Each further receiver of an application
            needs a key of its own, ``web.AppKey("market", Receiver)``.
        prefix: Where the sources are.
        max_body: The largest body, in bytes.
        edge: Limits, and what is believed of proxies; none unless given.

    Raises:
        ConfigurationError: The prefix is no path, a source claims one under it, or the key is another
            receiver's. When the application starts: another of its routes takes a source's deliveries.
        TypeError: There is a pipeline without a sink, or a sink beside a receiver.
    """
    if not _is_prefix(prefix):
        raise ConfigurationError(f"prefix: {prefix} is not a path like /webhooks")
    mounts = app.setdefault(MOUNTS, {})
    if key in mounts:
        raise ConfigurationError(
            "key: another receiver of this application has it; pass one of its own, "
            'key=web.AppKey("market", Receiver)'
        )
    if isinstance(receiver, Receiver) and sink is None:
        app[key] = receiver
        pipeline = receiver.pipeline
    elif isinstance(receiver, Pipeline) and sink is not None:
        app.cleanup_ctx.append(_opening(receiver, sink, key))
        pipeline = receiver
    else:
        raise TypeError("setup takes a Receiver, or a Pipeline and a function that opens its sink")
    if not mounts:
        app.on_startup.insert(0, check_clashes)  # before any sink is opened
    mounts[key] = _mount(app, pipeline, prefix, Desk(app, key, max_body, edge or Edge()))


def _opening(
    pipeline: Pipeline, open_sink: OpenSink, key: web.AppKey[Receiver]
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def opened(app: web.Application) -> AsyncIterator[None]:
        async with open_sink() as sink:
            app[key] = Receiver(pipeline, sink)
            yield

    return opened


def _mount(app: web.Application, pipeline: Pipeline, prefix: str, desk: Desk) -> Mount:
    async def by_name(request: web.Request) -> web.StreamResponse:
        return await desk.serve(request, request.match_info["source"])

    async def by_secret(request: web.Request) -> web.StreamResponse:
        return await desk.serve(request, request.match_info["source"], secret=True)

    return Mount(
        pipeline,
        _route(app, f"{prefix}/{{source}}", by_name),
        _route(app, f"{prefix}/{{source}}/{{secret}}", by_secret),
        {
            route.source.name: _claim(app, prefix, desk, route.source)
            for route in pipeline.routes
            if route.source.path is not None
        },
    )


def _claim(app: web.Application, prefix: str, desk: Desk, source: Source) -> web.AbstractResource:
    path = str(source.path)
    if path.startswith(f"{prefix}/"):
        raise ConfigurationError(
            f"path: {path} lies under {prefix}/, where every source is by its name", source=source.name
        )

    async def claimed(request: web.Request) -> web.StreamResponse:
        return await desk.serve(request, source.name)

    return _route(app, path, claimed)


def _route(app: web.Application, path: str, handler: Handler) -> web.AbstractResource:
    # One of our own: the router's `add_resource` would hand out the application's, if that was added last.
    resource = web.DynamicResource(path) if "{" in path else web.PlainResource(path)
    app.router.register_resource(resource)
    resource.add_route("*", handler)
    return resource
