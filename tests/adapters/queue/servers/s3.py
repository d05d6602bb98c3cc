"""As much of an S3 as Tansu asks for: one bucket, in memory, whose conditional writes are atomic.

What was answered is there. Run it as ``python s3.py PORT``.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right, insort
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
    headers: Mapping[str, str]
    listed: str


def object_of(key: str, body: bytes, tag: str) -> Object:
    now = datetime.now(UTC)
    return Object(
        body,
        {"ETag": tag, "Last-Modified": f"{now:%a, %d %b %Y %H:%M:%S GMT}"},
        f"<Contents><Key>{escape(key)}</Key><LastModified>{now:%Y-%m-%dT%H:%M:%SZ}</LastModified>"
        f"<ETag>{escape(tag)}</ETag><Size>{len(body)}</Size></Contents>",
    )


class Store:
    """Answers requests. Between looking at a condition and writing, nothing else happens."""

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}
        self._keys: list[str] = []
        self._tags = count(1)

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
            self._keys.remove(key)
            return web.Response(status=204)
        if request.headers.get("If-None-Match") == there.headers["ETag"]:
            return web.Response(status=304, headers=there.headers)
        return web.Response(body=there.body, headers=there.headers)

    def _put(self, key: str, body: bytes, headers: Mapping[str, str]) -> web.Response:
        there = self._objects.get(key)
        wanted = headers.get("If-Match")
        if wanted is not None and (there is None or there.headers["ETag"] != wanted):
            return web.Response(status=412)
        if headers.get("If-None-Match") == "*" and there is not None:
            return web.Response(status=412)
        if there is None:
            insort(self._keys, key)
        new = self._objects[key] = object_of(key, body, f'"{next(self._tags)}"')
        return web.Response(headers=new.headers)

    def _list(self, query: Mapping[str, str]) -> web.Response:
        prefix = query.get("prefix", "")
        after = query.get("continuation-token", query.get("start-after", ""))
        start = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
        page = self._keys[start : start + PAGE + 1]
        keys = page[: bisect_right(page, prefix, key=lambda key: key[: len(prefix)])]
        listed = "".join(self._objects[key].listed for key in keys[:PAGE])
        if len(keys) > PAGE:
            listed += f"<NextContinuationToken>{escape(keys[PAGE - 1])}</NextContinuationToken>"
        more = str(len(keys) > PAGE).lower()
        return web.Response(
            text=f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{listed}</ListBucketResult>",
            content_type="application/xml",
        )


def main() -> None:
    application = web.Application(client_max_size=64 * 2**20)
    application.router.add_route("*", "/{rest:.*}", Store().answer)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
