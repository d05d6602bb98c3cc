"""The two endpoints that documents prescribe answer as they say, byte for byte on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from yarl import URL

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist.testing import load_cases
from cambist_aiohttp import serving

PLUGINS = Path(__file__).parents[1] / "plugins"
CASES = {case.name: case for name in ("anyspend", "stellar") for case in load_cases(PLUGINS / name / "cases")}
ORDER = CASES["order_executed"].delivery.body
AGAIN = CASES["order_executed_again"].delivery.body
EVENT = CASES["document_example"].delivery.body

# The heads of the requests in the document on AnySpend's callback, as each of its clients writes them.
CURL = (
    "POST /v1/internal/anyspend/order-completed HTTP/1.1\r\n"
    "Host: api.example.com\r\n"
    "User-Agent: curl/8.5.0\r\n"
    "Accept: */*\r\n"
    "Authorization: Bearer YOUR_API_TOKEN\r\n"
    "x-api-key: string\r\n"
    "Content-Type: application/json\r\n"
)
FETCH = (
    "POST /v1/internal/anyspend/order-completed HTTP/1.1\r\n"
    "host: api.example.com\r\n"
    "connection: keep-alive\r\n"
    "authorization: Bearer YOUR_API_TOKEN\r\n"
    "content-type: application/json\r\n"
    "x-api-key: string\r\n"
    "accept-encoding: gzip, deflate\r\n"
)
GO = (
    "POST /v1/internal/anyspend/order-completed HTTP/1.1\r\n"
    "Host: api.example.com\r\n"
    "User-Agent: Go-http-client/1.1\r\n"
    "Authorization: Bearer YOUR_API_TOKEN\r\n"
    "Content-Type: application/json\r\n"
    "X-Api-Key: string\r\n"
    "Accept-Encoding: gzip\r\n"
)
# That of the document on the Anchor Platform's events, in C#, with the key that the platform adds.
PLATFORM = (
    "POST /event HTTP/1.1\r\n"
    "Host: callback.business-server.exampleanchor.com\r\n"
    "Content-Type: application/json; charset=utf-8\r\n"
    "X-Api-Key: k3y\r\n"
)


class Answer(NamedTuple):
    """What came back."""

    status: str
    content_type: str | None
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """A plain socket to the server, and what the server handled."""

    def __init__(self, url: URL, handled: list[PaymentEvent]) -> None:
        self.url = url
        self.handled = handled

    async def ask(self, head: str, body: bytes) -> Answer:
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection(self.url.host, self.url.port)
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            content = await reader.readexactly(int(headers.get("content-length", "0")))
            writer.close()
        return Answer(status, headers.get("content-type"), content)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    handled: list[PaymentEvent] = []

    async def on_event(event: PaymentEvent) -> None:
        handled.append(event)

    sources = [
        Source(
            "orders",
            "anyspend-order",
            {"api_keys": ["string"]},
            path="/v1/internal/anyspend/order-completed",
        ),
        Source("anchor", "stellar-anchor", {"auth": "api_key", "secrets": ["k3y"]}, path="/event"),
    ]
    async with serving(Receiver(Pipeline(sources), on_event)) as address:
        yield Wire(URL(address), handled)


@pytest.mark.parametrize("head", [CURL, FETCH, GO], ids=["curl", "JavaScript", "Go"])
async def test_a_completed_order_is_200_with_its_execution_and_its_run(head: str, wire: Wire) -> None:
    answer = await wire.ask(head, ORDER)
    assert (answer.status, answer.content_type) == ("HTTP/1.1 200 OK", "application/json")
    assert answer.json().keys() == {"executionId", "runId"}
    assert all(isinstance(value, str) and value for value in answer.json().values())
    assert [event.id for event in wire.handled] == [answer.json()["executionId"]]


async def test_an_order_that_comes_again_is_answered_the_same(wire: Wire) -> None:
    assert await wire.ask(CURL, AGAIN) == await wire.ask(CURL, ORDER)
    assert len({event.id for event in wire.handled}) == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param(b"{}", "orderId", id="the document's own, which names no order"),
        pytest.param(b'{"any": "object"}', "orderId", id="its other option, any object"),
        pytest.param(b"", "", id="none, though it is required"),
        pytest.param(b"[]", "", id="no object"),
        pytest.param(b"{", "", id="no JSON"),
    ],
)
async def test_an_order_that_cannot_be_one_is_400_bad_request(body: bytes, path: str, wire: Wire) -> None:
    answer = await wire.ask(CURL, body)
    assert (answer.status, answer.content_type) == ("HTTP/1.1 400 Bad Request", "application/problem+json")
    assert [fault["path"] for fault in answer.json()["errors"]] == [path]
    assert wire.handled == []


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="none"),
        pytest.param("x-api-key: String\r\n", id="another"),
        pytest.param("x-api-key: \r\n", id="an empty one"),
        pytest.param("x-api-key: string\r\nx-api-key: other\r\n", id="two"),
        pytest.param("x-api-key: Bearer string\r\n", id="a prefix"),
    ],
)
@pytest.mark.parametrize("body", [ORDER, b"{}", b""], ids=["an order", "no order", "no body"])
async def test_an_order_without_the_key_is_401_unauthorized(key: str, body: bytes, wire: Wire) -> None:
    answer = await wire.ask(CURL.replace("x-api-key: string\r\n", key), body)
    assert (answer.status, answer.content_type) == (
        "HTTP/1.1 401 Unauthorized",
        "application/problem+json",
    )
    assert answer.json().keys() == {"type", "title", "status"}
    assert wire.handled == []


async def test_an_event_is_200_with_an_empty_object(wire: Wire) -> None:
    answer = await wire.ask(PLATFORM, EVENT)
    # The document says that the body is empty. Releases of the platform itself stop at one that is no JSON.
    assert answer == ("HTTP/1.1 200 OK", "application/json", b"{}")
    assert [event.provider_type for event in wire.handled] == ["transaction_created"]


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        pytest.param(PLATFORM, b"{}", "HTTP/1.1 400 Bad Request", id="no event"),
        pytest.param(
            PLATFORM.replace("k3y", "key"), EVENT, "HTTP/1.1 401 Unauthorized", id="not the platform"
        ),
        pytest.param(
            PLATFORM.replace("POST", "PUT"), EVENT, "HTTP/1.1 405 Method Not Allowed", id="not POST"
        ),
    ],
)
async def test_an_event_that_is_refused_is_one_for_the_platform_to_send_again(
    head: str, body: bytes, status: str, wire: Wire
) -> None:
    answer = await wire.ask(head, body)
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert wire.handled == []


@pytest.mark.parametrize("head", [CURL, PLATFORM], ids=["order", "event"])
async def test_the_path_is_as_written_and_no_other(head: str, wire: Wire) -> None:
    for path in ("/events", "/event/", "/Event", "/v1/internal/anyspend/order-completed/", "/"):
        request = head.replace(head.split()[1], path, 1)
        assert (await wire.ask(request, ORDER)).status == "HTTP/1.1 404 Not Found"
    assert wire.handled == []
