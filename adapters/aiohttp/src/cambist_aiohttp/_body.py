"""The raw bytes of a request, or why there are none. Nothing else is ever verified."""

from __future__ import annotations

import logging

from aiohttp import web

from cambist import Acknowledgement, problem

logger = logging.getLogger("cambist.aiohttp")


async def read_body(request: web.Request, limit: int) -> bytes | Acknowledgement:
    """Return the body as it was sent, or the answer to refuse with.

    Args:
        request: The request; a middleware may have read it before, with `aiohttp.web.Request.read`.
        limit: The largest body, in bytes.
    """
    if request.content_length is not None and request.content_length > limit:
        return problem(413)
    body = await _rest(request, limit) if request.can_read_body else await request.read()
    if body is None or len(body) > limit:
        return problem(413)
    if len(body) != request.content.total_bytes:
        logger.error(
            "the body of a request was taken from request.content before it came here, so that it cannot be "
            "verified: let the middleware await request.read(), which keeps it"
        )
        return problem(500)
    return body


async def _rest(request: web.Request, limit: int) -> bytes | None:
    """Return what is still to be read, or nothing as soon as it is larger than the limit."""
    if request.content.is_eof():  # all of it is here, as most often
        return request.content.read_nowait() if request.content.total_bytes <= limit else None
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
