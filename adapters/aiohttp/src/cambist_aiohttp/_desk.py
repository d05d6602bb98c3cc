"""From an HTTP request to a delivery, and to its answer."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from aiohttp import hdrs, web
from attrs import frozen

from cambist import Acknowledgement, Delivery, Headers, Receiver, problem
from cambist_aiohttp._edge import Edge
from cambist_aiohttp._mounts import has_path_secret
from cambist_aiohttp._probes import probe
from cambist_aiohttp._response import response

logger = logging.getLogger("cambist.aiohttp")


@frozen
class Desk:
    """Where a request becomes a delivery. What is refused here never gets to the receiver.

    Args:
        app: Has the receiver.
        key: Under this key.
        max_body: The largest body, in bytes.
        edge: Says whom to let in.
    """

    app: web.Application
    key: web.AppKey[Receiver]
    max_body: int
    edge: Edge

    async def serve(self, request: web.Request, source: str, *, secret: bool = False) -> web.Response:
        """Return the answer to a request to a source's URL; to the one with a secret in it if so."""
        receiver = self.app[self.key]
        route = receiver.pipeline.route(source)
        if secret and (route is None or not has_path_secret(route.scheme)):
            return self._refused(request, source, problem(404))
        if request.method != hdrs.METH_POST:
            if route is None:
                return self._refused(request, source, problem(404))
            return response(probe(request.method))
        if route is None:
            # It costs no reading: it is refused on the usual road, by its name alone.
            return response(await receiver.receive(self._delivery(request, source, b"")))
        refusal = self.edge.admit(request, source)
        if refusal is not None:
            return self._refused(request, source, refusal)
        try:
            if not _is_received(request, route.provider.media_types):
                return self._refused(request, source, problem(415))
            body = await self.edge.read(request, self.max_body)
            if not isinstance(body, bytes):
                return self._refused(request, source, body)
            answer = await receiver.receive(self._delivery(request, source, body))
            self.edge.answered(source, answer)
            return response(answer)
        finally:
            self.edge.release(request, source)

    def _delivery(self, request: web.Request, source: str, body: bytes) -> Delivery:
        return Delivery(
            source=source,
            headers=Headers(request.raw_headers),
            body=body,
            received_at=datetime.now(UTC),
            path=request.path,
            remote=self.edge.remote(request),
        )

    def _refused(self, request: web.Request, source: str, answer: Acknowledgement) -> web.Response:
        self.edge.refused(source, answer)
        remote = self.edge.remote(request)
        logger.warning("source %r: refused with %d, from %s", source[:64], answer.status, remote)
        return response(answer)


def _is_received(request: web.Request, media_types: tuple[str, ...]) -> bool:
    """Whether the body is of a type that the provider sends. None at all is not held against a signed body.

    A content coding is refused: a signature covers the bytes as sent, and aiohttp would undo the coding.
    """
    codings = request.headers.getall(hdrs.CONTENT_ENCODING, ("identity",))
    return all(coding.strip().lower() == "identity" for coding in codings) and (
        hdrs.CONTENT_TYPE not in request.headers or request.content_type in media_types
    )
