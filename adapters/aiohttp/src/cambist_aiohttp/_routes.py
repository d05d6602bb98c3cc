"""From an HTTP request to a delivery, and from an acknowledgement to a response."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from aiohttp import hdrs, web
from multidict import CIMultiDict

from cambist import Acknowledgement, Delivery, Headers, Receiver, problem
from cambist.errors import ConfigurationError
from cambist.verification import PathSecret

logger = logging.getLogger("cambist.aiohttp")

DEFAULT_MAX_BODY: Final = 1024 * 1024
"""The largest body that is taken, in bytes, unless configured otherwise."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def setup(
    app: web.Application, receiver: Receiver, *, prefix: str = "/webhooks", max_body: int = DEFAULT_MAX_BODY
) -> None:
    """Add the receiver's routes to an application.

    ``POST {prefix}/{source}`` for every source, ``POST {prefix}/{source}/{secret}`` for those whose secret is
    in the path, and each path that a source claims for itself. The body is taken raw, as it is signed, up to
    ``max_body`` bytes. The application's ``client_max_size`` counts where a middleware reads the body first.

    Args:
        app: The application.
        receiver: Takes the deliveries to their sink.
        prefix: Where the sources are.
        max_body: The largest body, in bytes.

    Raises:
        ConfigurationError: A source claims a path under the prefix.
    """
    by_name = _handler(receiver, max_body, lambda request: request.match_info["source"])
    app.router.add_route("*", f"{prefix}/{{source}}", by_name)
    by_secret = _handler(receiver, max_body, lambda request: request.match_info["source"], secret=True)
    app.router.add_route("*", f"{prefix}/{{source}}/{{secret}}", by_secret)
    for route in receiver.pipeline.routes:
        if route.source.path is not None:
            if route.source.path.startswith(f"{prefix}/"):
                raise ConfigurationError(
                    f"path: {route.source.path} lies under {prefix}/, where every source is by its name",
                    source=route.source.name,
                )
            app.router.add_route(
                "*", route.source.path, _handler(receiver, max_body, _always(route.source.name))
            )


def _always(name: str) -> Callable[[web.Request], str]:
    return lambda _request: name


def _has_path_secret(scheme: object) -> bool:
    return isinstance(scheme, PathSecret) or any(map(_has_path_secret, getattr(scheme, "schemes", ())))


def _handler(
    receiver: Receiver, max_body: int, source_of: Callable[[web.Request], str], *, secret: bool = False
) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method != hdrs.METH_POST:
            return response(problem(405, headers=(("Allow", "POST"),)))
        source = source_of(request)
        route = receiver.pipeline.route(source)
        if secret and (route is None or not _has_path_secret(route.scheme)):
            return _refused(request, source, 404)
        # A source that does not exist costs no reading: it is refused on the usual road, by its name alone.
        body: bytes | None = b""
        if route is not None:
            if not _is_received(request, route.provider.media_types):
                return _refused(request, source, 415)
            body = await _body(request, max_body)
        if body is None:
            return _refused(request, source, 413)
        delivery = Delivery(
            source=source,
            headers=Headers(request.raw_headers),
            body=body,
            received_at=datetime.now(UTC),
            path=request.path,
            remote=request.remote,
        )
        return response(await receiver.receive(delivery))

    return handle


def response(acknowledgement: Acknowledgement) -> web.Response:
    """Return an acknowledgement as aiohttp's response."""
    return web.Response(
        status=acknowledgement.status,
        body=acknowledgement.body,
        content_type=acknowledgement.content_type,
        headers=CIMultiDict(acknowledgement.headers),  # a name may be there more than once
    )


def _refused(request: web.Request, source: str, status: int) -> web.Response:
    logger.warning("source %r: refused with %d, from %s", source, status, request.remote)
    return response(problem(status))


def _is_received(request: web.Request, media_types: tuple[str, ...]) -> bool:
    """Whether the body is of a type that the provider sends. None at all is not held against a signed body.

    A content coding is refused: a signature covers the bytes as sent, and aiohttp would undo the coding.
    """
    coding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    return coding == "identity" and (
        hdrs.CONTENT_TYPE not in request.headers or request.content_type in media_types
    )


async def _body(request: web.Request, limit: int) -> bytes | None:
    """Return the raw body, or nothing if it is larger than the limit."""
    if request.content_length is not None and request.content_length > limit:
        return None
    if not request.can_read_body:  # empty, or a middleware has read it and aiohttp has kept it
        body = await request.read()
        return body if len(body) <= limit else None
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
