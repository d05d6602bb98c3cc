"""From an acknowledgement to aiohttp's response."""

from __future__ import annotations

from aiohttp import web
from multidict import CIMultiDict

from cambist import Acknowledgement


def response(acknowledgement: Acknowledgement) -> web.Response:
    """Return an acknowledgement as aiohttp's response."""
    return web.Response(
        status=acknowledgement.status,
        body=acknowledgement.body,
        content_type=acknowledgement.content_type,
        headers=CIMultiDict(acknowledgement.headers),  # a name may be there more than once
    )
