"""AnySpend's management API as its document has it, on a real server, and what can go wrong with one.

Documents: https://docs.b3.fun/anyspend/api/webhooks-api for the calls, https://docs.b3.fun/anyspend/api/errors
for the errors. The state is in memory. `Platform.next` makes the next requests go wrong.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from attrs import define, field, frozen

ADMIN = "asp_admin_0123456789abcdef"
READER = "asp_reader_0123456789abcdef"
LARGEST = 10 * 1024 * 1024

# Status → the category that the document gives its errors.
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "idempotency_error",
    429: "rate_limit_error",
    500: "api_error",
}


@frozen
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@define
class Platform:
    """The state of the API.

    Attributes:
        webhooks: By identifier, each with its secret.
        deliveries: By the webhook's identifier, then by their own.
        next: What the next requests meet before they are served, or in place of it.
        seen: Every request.
        delivers: Whether it really delivers; if not, every endpoint answers 200.
    """

    webhooks: dict[str, dict[str, Any]] = field(factory=dict)
    deliveries: dict[str, dict[str, dict[str, Any]]] = field(factory=dict)
    next: deque[Fault] = field(factory=deque)
    seen: list[Seen] = field(factory=list)
    delivers: bool = False
    url: str = ""
    count: int = 0

    def secret(self, webhook_id: str) -> str:
        found: str = self.webhooks[webhook_id]["secret"]
        return found

    def add_delivery(self, webhook_id: str, **fields: Any) -> str:
        """Put a delivery into the history."""
        self.count += 1
        delivery = {
            "id": f"del_{self.count}",
            "event_type": "payment.completed",
            "status": "success",
            "response_code": 200,
            "response_time_ms": 245,
            "attempts": 1,
            "created_at": "2026-02-27T10:30:00Z",
            **fields,
        }
        self.deliveries.setdefault(webhook_id, {})[delivery["id"]] = delivery
        return str(delivery["id"])

    # The calls.

    async def list(self, request: web.Request) -> web.Response:
        return data([public(webhook) for webhook in self.webhooks.values()])

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not str(body.get("url", "")).startswith("https://") and not self.delivers:
            return error(400, "invalid_url", "The 'url' must be an HTTPS URL.", param="url")
        if not body.get("events"):
            return error(400, "missing_required_field", "The 'events' field is required.", param="events")
        self.count += 1
        made = "2026-02-27T12:00:00Z"
        webhook = {
            "id": f"wh_{self.count}",
            "url": body["url"],
            "events": body["events"],
            "secret": f"whsec_{self.count}_a1b2c3d4e5f6",
            "is_active": True,
            "success_count": 0,
            "failure_count": 0,
            "last_triggered_at": None,
            "created_at": made,
            "updated_at": made,
        }
        self.webhooks[webhook["id"]] = webhook
        return data(webhook)

    async def get(self, request: web.Request) -> web.Response:
        return data(public(self._webhook(request)))

    async def update(self, request: web.Request) -> web.Response:
        webhook, body = self._webhook(request), await request.json()
        if unknown := set(body) - {"url", "events", "is_active"}:
            return error(400, "unknown_field", "Unknown field.", param=min(unknown))
        webhook.update(body, updated_at="2026-02-27T13:00:00Z")
        return data(public(webhook))

    async def delete(self, request: web.Request) -> web.Response:
        del self.webhooks[self._webhook(request)["id"]]
        return data({"deleted": True})

    async def test(self, request: web.Request) -> web.Response:
        webhook = self._webhook(request)
        delivery_id = self.add_delivery(webhook["id"], event_type="test.ping")
        body = {
            "type": "test.ping",
            "webhook_id": webhook["id"],
            "timestamp": "2026-02-27T12:00:00Z",
            "data": {},
        }
        code = await self._deliver(webhook, delivery_id, "test.ping", body)
        return data({"delivery_id": delivery_id, "status": "sent", "response_code": code})

    async def history(self, request: web.Request) -> web.Response:
        webhook = self._webhook(request)
        return data(list(self.deliveries.get(webhook["id"], {}).values()))

    async def retry(self, request: web.Request) -> web.Response:
        webhook = self._webhook(request)
        delivery = self.deliveries.get(webhook["id"], {}).get(request.match_info["delivery"])
        if delivery is None:
            return error(404, "delivery_not_found", "No such delivery.")
        if delivery["status"] != "failed":
            return error(400, "delivery_not_failed", "The delivery must have a failed status.")
        body = {"type": delivery["event_type"], "data": {}}
        code = await self._deliver(webhook, delivery["id"], delivery["event_type"], body)
        delivery.update(status="sent", attempts=delivery["attempts"] + 1, response_code=code)
        answer = {"delivery_id": delivery["id"], "status": "sent", "response_code": code}
        return data({**answer, "attempts": delivery["attempts"]})

    def _webhook(self, request: web.Request) -> dict[str, Any]:
        found = self.webhooks.get(request.match_info["webhook"])
        if found is None:
            raise _Error(error(404, "webhook_not_found", "No such webhook."))
        return found

    async def _deliver(self, webhook: dict[str, Any], delivery_id: str, type_: str, body: Any) -> int | None:
        """Sign and send, as the document says: HMAC-SHA256 in hex, with the whole secret."""
        if not self.delivers:
            return 200
        raw = json.dumps(body, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "X-AnySpend-Signature": hmac.new(webhook["secret"].encode(), raw, hashlib.sha256).hexdigest(),
            "X-AnySpend-Webhook-Id": webhook["id"],
            "X-AnySpend-Delivery-Id": delivery_id,
            "X-AnySpend-Event": type_,
        }
        try:
            async with (
                ClientSession(timeout=ClientTimeout(5)) as session,
                session.post(webhook["url"], data=raw, headers=headers) as answer,
            ):
                return answer.status
        except (ClientError, OSError):
            return None

    # Around each call.

    @property
    def app(self) -> web.Application:
        @web.middleware
        async def around(request: web.Request, handler: Any) -> web.StreamResponse:
            body = await request.read()
            self.seen.append(Seen(request.method, request.path, dict(request.headers), body))
            if self.next:
                wrong = await self.next.popleft()(request)
                if wrong is not None:
                    return wrong
            key = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if key not in {ADMIN, READER}:
                return error(401, "invalid_api_key", "The API key is invalid.")
            if key == READER and request.method != "GET":
                return error(403, "insufficient_permissions", "This needs admin permission.")
            try:
                answer: web.StreamResponse = await handler(request)
            except _Error as failed:
                return failed.answer
            except web.HTTPException as failed:
                return error(failed.status, "unknown_path", "No such path.")
            if after := request.get("after"):
                return await after(request)  # type: ignore[no-any-return]
            return answer

        app = web.Application(middlewares=[around], client_max_size=LARGEST)
        base, one = "/api/v1/webhooks", "/api/v1/webhooks/{webhook}"
        app.add_routes(
            [
                web.get(base, self.list),
                web.post(base, self.create),
                web.get(one, self.get),
                web.patch(one, self.update),
                web.delete(one, self.delete),
                web.post(f"{one}/test", self.test),
                web.get(f"{one}/deliveries", self.history),
                web.post(f"{one}/deliveries/{{delivery}}/retry", self.retry),
            ]
        )
        return app

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[Platform]:
        """Serve on this machine, on a free port unless given; ``url`` is then the address for a client."""
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}/api/v1"
            yield self
        finally:
            await runner.cleanup()


class _Error(Exception):
    def __init__(self, answer: web.Response) -> None:
        super().__init__()
        self.answer = answer


def data(value: Any) -> web.Response:
    return web.json_response({"success": True, "data": value})


def error(status: int, code: str, message: str, **more: Any) -> web.Response:
    headers = more.pop("headers", None)
    body = {"type": TYPES.get(status, "api_error"), "code": code, "message": message, **more}
    return web.json_response({"error": body}, status=status, headers=headers)


def public(webhook: dict[str, Any]) -> dict[str, Any]:
    """A webhook without its secret, which only `create` tells."""
    return {key: value for key, value in webhook.items() if key != "secret"}


# What can go wrong.


def answers(status: int = 200, body: bytes | str = b"", **headers: str) -> Fault:
    """Answer this in place of serving the request. ``Retry_After`` means ``Retry-After``."""
    raw = body.encode() if isinstance(body, str) else body
    given = {name.replace("_", "-"): value for name, value in headers.items()}

    async def fault(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=raw, headers={"Content-Type": "application/json", **given})

    return fault


def fails(status: int, **headers: str) -> Fault:
    """Answer an error of this status as the document has it."""
    body = {
        "error": {"type": TYPES.get(status, "api_error"), "code": "some_code", "message": "Some message."}
    }
    return answers(status, json.dumps(body), **headers)


def drops(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


async def dropped(request: web.Request) -> web.StreamResponse:
    """Break the connection before the request is served."""
    drops(request)
    return web.Response()


async def served_and_dropped(request: web.Request) -> None:
    """Serve the request, and break the connection before it is answered."""
    request["after"] = dropped


def served_and(fault: Fault) -> Fault:
    """Serve the request, and answer something else."""

    async def first(request: web.Request) -> None:
        request["after"] = fault

    return first


async def hangs(_: web.Request) -> web.StreamResponse:
    """Answer nothing for long."""
    await asyncio.sleep(30)
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    """Answer a body that has no end, up to 64 MiB."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(1024):
        await response.write(b" " * 65536)
    return response


async def trickling(request: web.Request) -> web.StreamResponse:
    """Answer one byte at a time, for half a minute."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(600):
        await response.write(b" ")
        await asyncio.sleep(0.05)
    return response


async def cut_short(request: web.Request) -> web.StreamResponse:
    """Announce more than is sent."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"success":true,')
    drops(request)
    return response
