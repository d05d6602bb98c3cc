"""Every call of the document: the request to the letter, and its answer as our own class."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="needs cambist-anyspend[client]")
pytest.importorskip("stamina", reason="needs cambist-anyspend[client]")

from aiohttp import BasicAuth, ClientSession

from cambist import Secret
from cambist_anyspend.client import (
    AnswerError,
    DeliveryRecord,
    RefusedError,
    SentDelivery,
    Webhook,
    WebhooksClient,
)

from .conftest import ENDPOINT
from .platform import ADMIN, Platform, answers

Does = Callable[[WebhooksClient], Awaitable[Any]]

# The answers that the document shows.
LISTED = """{ "success": true, "data": [ { "id": "wh_abc123", "url": "https://myapp.com/webhooks/anyspend",
"events": ["payment.completed", "payment.failed"], "is_active": true, "success_count": 142,
"failure_count": 3, "last_triggered_at": "2026-02-27T10:30:00Z", "created_at": "2026-01-15T08:00:00Z",
"updated_at": "2026-02-27T10:30:00Z" } ]}"""
CREATED = """{ "success": true, "data": { "id": "wh_abc123", "url": "https://myapp.com/webhooks/anyspend",
"events": ["payment.completed", "payment.failed", "checkout.completed"], "secret": "whsec_a1b2c3d4e5f6...",
"is_active": true, "success_count": 0, "failure_count": 0, "last_triggered_at": null,
"created_at": "2026-02-27T12:00:00Z", "updated_at": "2026-02-27T12:00:00Z" }}"""
SENT = (
    """{ "success": true, "data": { "delivery_id": "del_xyz789", "status": "sent", "response_code": 200 }}"""
)
DELIVERIES = """{ "success": true, "data": [ { "id": "del_xyz789", "event_type": "payment.completed",
"status": "success", "response_code": 200, "response_time_ms": 245, "attempts": 1,
"created_at": "2026-02-27T10:30:00Z" }, { "id": "del_xyz790", "event_type": "payment.failed",
"status": "failed", "response_code": 500, "response_time_ms": 3012, "attempts": 3,
"created_at": "2026-02-27T09:15:00Z" } ]}"""
RETRIED = """{ "success": true, "data": { "delivery_id": "del_xyz790", "status": "sent",
"response_code": 200, "attempts": 4 }}"""
ONE = json.dumps({"success": True, "data": json.loads(LISTED)["data"][0]})

WEBHOOK = Webhook(
    id="wh_abc123",
    url="https://myapp.com/webhooks/anyspend",
    events=("payment.completed", "payment.failed"),
    is_active=True,
    success_count=142,
    failure_count=3,
    last_triggered_at=datetime(2026, 2, 27, 10, 30, tzinfo=UTC),
    created_at=datetime(2026, 1, 15, 8, 0, tzinfo=UTC),
    updated_at=datetime(2026, 2, 27, 10, 30, tzinfo=UTC),
)
THREE = ["payment.completed", "payment.failed", "checkout.completed"]
CREATION = {"url": "https://myapp.com/webhooks/anyspend", "events": THREE}
CHANGE = {"events": ["payment.completed", "checkout.completed"], "is_active": False}
RECORDS = (
    DeliveryRecord(
        "del_xyz789", "payment.completed", "success", 200, 245, 1, datetime(2026, 2, 27, 10, 30, tzinfo=UTC)
    ),
    DeliveryRecord(
        "del_xyz790", "payment.failed", "failed", 500, 3012, 3, datetime(2026, 2, 27, 9, 15, tzinfo=UTC)
    ),
)

# Call, method, path below /api/v1, body, the document's answer, ours.
CALLS: dict[str, tuple[Does, str, str, Any, str, Any]] = {
    "list": (lambda c: c.list(), "GET", "/webhooks", None, LISTED, (WEBHOOK,)),
    "get": (lambda c: c.get("wh_abc123"), "GET", "/webhooks/wh_abc123", None, ONE, WEBHOOK),
    "update": (
        lambda c: c.update("wh_abc123", **CHANGE),
        "PATCH",
        "/webhooks/wh_abc123",
        CHANGE,
        ONE,
        WEBHOOK,
    ),
    "update of the url alone": (
        lambda c: c.update("wh_abc123", url=ENDPOINT),
        "PATCH",
        "/webhooks/wh_abc123",
        {"url": ENDPOINT},
        ONE,
        WEBHOOK,
    ),
    "delete": (
        lambda c: c.delete("wh_abc123"),
        "DELETE",
        "/webhooks/wh_abc123",
        None,
        '{"success": true}',
        None,
    ),
    "delete, answered with nothing": (
        lambda c: c.delete("wh_abc123"),
        "DELETE",
        "/webhooks/wh_abc123",
        None,
        "",
        None,
    ),
    "send_test": (
        lambda c: c.send_test("wh_abc123"),
        "POST",
        "/webhooks/wh_abc123/test",
        None,
        SENT,
        SentDelivery("del_xyz789", "sent", 200),
    ),
    "deliveries": (
        lambda c: c.deliveries("wh_abc123"),
        "GET",
        "/webhooks/wh_abc123/deliveries",
        None,
        DELIVERIES,
        RECORDS,
    ),
    "retry": (
        lambda c: c.retry("wh_abc123", "del_xyz790"),
        "POST",
        "/webhooks/wh_abc123/deliveries/del_xyz790/retry",
        None,
        RETRIED,
        SentDelivery("del_xyz790", "sent", 200, 4),
    ),
}


@pytest.mark.parametrize(
    ("does", "method", "path", "body", "answer", "expected"), CALLS.values(), ids=list(CALLS)
)
async def test_a_call(
    does: Does,
    method: str,
    path: str,
    body: Any,
    answer: str,
    expected: Any,
    client: WebhooksClient,
    platform: Platform,
) -> None:
    platform.next.append(answers(200, answer))
    assert await does(client) == expected
    (seen,) = platform.seen
    assert (seen.method, seen.path) == (method, f"/api/v1{path}")
    assert seen.headers["Authorization"] == f"Bearer {ADMIN}"
    assert (json.loads(seen.body) if seen.body else None) == body
    assert seen.headers["Connection"] == "close"  # a kept connection could break under a POST
    assert seen.headers.get("Content-Type") == (None if body is None else "application/json")


async def test_create_gives_the_secret_as_a_secret(client: WebhooksClient, platform: Platform) -> None:
    platform.next.append(answers(201, CREATED))
    created = await client.create("https://myapp.com/webhooks/anyspend", iter(THREE))
    assert json.loads(platform.seen[0].body) == CREATION
    assert (platform.seen[0].method, platform.seen[0].path) == ("POST", "/api/v1/webhooks")
    assert isinstance(created.secret, Secret)
    assert created.secret.reveal() == "whsec_a1b2c3d4e5f6..."
    assert created.secret.label == "wh_abc123"
    assert (created.webhook.events, created.webhook.last_triggered_at) == (tuple(THREE), None)
    assert "whsec_" not in f"{created!r} {created} {created.secret}"


async def test_the_life_of_a_webhook(client: WebhooksClient, platform: Platform) -> None:
    created = await client.create(ENDPOINT, ["payment.completed"])
    name = created.webhook.id
    assert created.secret.reveal() == platform.secret(name)
    assert await client.list() == (created.webhook,)
    assert await client.get(name) == created.webhook
    paused = await client.update(name, is_active=False, events=["*"])
    assert (paused.is_active, paused.events, paused.url) == (False, ("*",), ENDPOINT)
    sent = await client.send_test(name)
    assert sent == SentDelivery(sent.delivery_id, "sent", 200)
    failed = platform.add_delivery(name, status="failed", response_code=None, attempts=3)
    records = await client.deliveries(name)
    assert [record.id for record in records] == [sent.delivery_id, failed]
    assert (records[1].status, records[1].response_code) == ("failed", None)
    assert await client.retry(name, failed) == SentDelivery(failed, "sent", 200, 4)
    await client.delete(name)
    assert await client.list() == ()


async def test_what_the_document_does_not_know_is_taken(client: WebhooksClient, platform: Platform) -> None:
    shown = json.loads(LISTED)["data"][0]
    odd = {**shown, "events": ["*", "refund.made"], "owner": {"id": 7}, "success_count": -1}
    odd |= {"created_at": "yesterday", "updated_at": 1, "failure_count": "3", "last_triggered_at": ""}
    platform.next.append(answers(200, json.dumps({"success": True, "data": [odd], "has_more": False})))
    (found,) = await client.list()
    assert found.events == ("*", "refund.made")
    assert (found.success_count, found.failure_count) == (None, 3)
    assert (found.last_triggered_at, found.created_at, found.updated_at) == (None, None, None)
    record = {"id": 7, "event_type": "refund.made", "status": "parked"}
    platform.next.append(answers(200, json.dumps({"success": True, "data": [record]})))
    assert await client.deliveries("wh_1") == (DeliveryRecord("7", "refund.made", "parked"),)


async def test_a_given_session_is_used_and_stays_open(platform: Platform, quick: Any) -> None:
    async with ClientSession(raise_for_status=True, headers={"X-Own": "1"}) as session:
        async with WebhooksClient(
            ADMIN, base_url=platform.url + "/", session=session, limits=quick
        ) as client:
            assert await client.list() == ()
        assert await client.list() == ()
        assert not session.closed
    assert [seen.headers["X-Own"] for seen in platform.seen] == ["1", "1"]
    assert "Authorization" not in session.headers


async def test_a_given_session_does_not_change_what_an_error_is(platform: Platform, quick: Any) -> None:
    async with ClientSession(raise_for_status=True) as session:
        client = WebhooksClient(ADMIN, base_url=platform.url, session=session, limits=quick)
        with pytest.raises(RefusedError, match="AnySpend answered 404"):
            await client.get("wh_none")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # newer releases of aiohttp have another way
async def test_a_session_with_credentials_of_its_own_is_refused(platform: Platform, quick: Any) -> None:
    async with ClientSession(auth=BasicAuth("own", "s3cret")) as session:
        client = WebhooksClient(ADMIN, base_url=platform.url, session=session, limits=quick)
        with pytest.raises(AnswerError, match="the session cannot send the request"):
            await client.list()
    assert platform.seen == []


async def test_the_own_session_is_closed(client: WebhooksClient) -> None:
    own = client._own
    assert own is not None
    await client.__aexit__(None, None, None)
    assert own.closed
    async with client:
        assert await client.list() == ()
