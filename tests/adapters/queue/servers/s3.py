"""As much of an S3 as Tansu asks for: one bucket, in memory, whose conditional writes are atomic.

What was answered is there. Run it as ``python s3.py PORT``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from xml.sax.saxutils import escape

from aiohttp import web
from attrs import frozen

PAGE = 1000


@frozen
class Object:
    body: bytes
    tag: str
    changed: datetime

    @property
    def headers(self) -> dict[str, str]:
        return {"ETag": self.tag, "Last-Modified": f"{self.changed:%a, %d %b %Y %H:%M:%S GMT}"}


class Store:
    """Answers requests. Between looking at a condition and writing, nothing else happens."""

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}
        self._numbers = count(1)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        key = request.path.removeprefix("/").partition("/")[2]
        if not key:
            return self._list(request.query)
        if request.method == "PUT":
            return self._put(key, body, request.headers)
        there = self._objects.get(key)
        if there is None:
            return web.Response(status=404)
        if request.method == "DELETE":
            del self._objects[key]
            return web.Response(status=204)
        if request.headers.get("If-None-Match") == there.tag:
            return web.Response(status=304, headers=there.headers)
        return web.Response(body=there.body, headers=there.headers)

    def _put(self, key: str, body: bytes, headers: Mapping[str, str]) -> web.Response:
        there = self._objects.get(key)
        wanted = headers.get("If-Match")
        if wanted is not None and (there is None or there.tag != wanted):
            return web.Response(status=412)
        if headers.get("If-None-Match") == "*" and there is not None:
            return web.Response(status=412)
        new = Object(body, f'"{next(self._numbers)}"', datetime.now(UTC))
        self._objects[key] = new
        return web.Response(headers=new.headers)

    def _list(self, query: Mapping[str, str]) -> web.Response:
        prefix, after = query.get("prefix", ""), query.get("continuation-token", query.get("start-after", ""))
        keys = sorted(key for key in self._objects if key.startswith(prefix) and key > after)
        page = keys[:PAGE]
        more = len(keys) > PAGE
        listed = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{each.changed:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(each.tag)}</ETag><Size>{len(each.body)}</Size></Contents>"
            for key in page
            for each in (self._objects[key],)
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        return web.Response(
            text=f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{listed}"
            "</ListBucketResult>",
            content_type="application/xml",
        )


def main() -> None:
    application = web.Application(client_max_size=64 * 2**20)
    application.router.add_route("*", "/{rest:.*}", Store().answer)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
