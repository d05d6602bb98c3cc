"""What each request is answered, and what reaches the handler. Over a real socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from cambist import Acknowledgement, Receiver
from cambist_aiohttp import serving

from .conftest import SECRET, Handler, signed

BODY = b'{"id": 7}'
JSON = {"Content-Type": "application/json"}


async def test_a_genuine_request_is_answered_200_and_reaches_the_handler(
    client: ClientSession, receiver: Receiver, handler: Handler
) -> None:
    async with client.post("/webhooks/shop", data=BODY, headers=signed(receiver, BODY)) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
    (event,) = handler.events
    assert event.source == "shop"
    assert event.received_at is not None


async def test_headers_of_an_answer_may_repeat(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async def receive(_: object) -> Acknowledgement:
        return Acknowledgement(headers=(("X-Part", "1"), ("X-Part", "2")))

    monkeypatch.setattr(receiver, "receive", receive)
    async with (
        serving(receiver) as address,
        ClientSession(address) as session,
        session.post("/webhooks/shop", data=BODY, headers=signed(receiver, BODY)) as answer,
    ):
        assert answer.headers.getall("X-Part") == ["1", "2"]


async def test_a_path_that_a_source_claims_leads_to_it(
    client: ClientSession, receiver: Receiver, handler: Handler
) -> None:
    async with client.post("/v1/callback", data=BODY, headers=signed(receiver, BODY)) as answer:
        assert answer.status == 200
    assert [event.source for event in handler.events] == ["own"]


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "headers"),
    [
        pytest.param(400, "POST", "/webhooks/shop", b"[]", None, id="not the documented form"),
        pytest.param(400, "POST", "/webhooks/shop", b"{", None, id="not JSON"),
        pytest.param(401, "POST", "/webhooks/shop", BODY, JSON, id="no signature"),
        pytest.param(401, "POST", "/webhooks/shop", BODY, {**JSON, "X-Signature": "00"}, id="a wrong one"),
        pytest.param(401, "POST", "/webhooks/shop", BODY, {**JSON, "X-Signature": "ÿ€"}, id="not ASCII"),
        pytest.param(401, "POST", "/webhooks/shop", BODY, {"X-Signature": "00"}, id="no content type"),
        pytest.param(404, "POST", "/webhooks/another", BODY, JSON, id="no such source"),
        pytest.param(404, "POST", "/nowhere", BODY, JSON, id="no such path"),
        pytest.param(405, "PUT", "/webhooks/shop", None, {}, id="not POST"),
        pytest.param(405, "DELETE", "/v1/callback", None, {}, id="not POST, own path"),
        pytest.param(413, "POST", "/webhooks/shop", b"x" * 1001, JSON, id="too large"),
        pytest.param(415, "POST", "/webhooks/shop", BODY, {"Content-Type": "text/plain"}, id="not JSON type"),
        pytest.param(
            415, "POST", "/webhooks/shop", BODY, {**JSON, "Content-Encoding": "br"}, id="content coding"
        ),
    ],
)
async def test_what_is_refused_is_answered_with_problem_details_that_leak_nothing(
    status: int,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str] | None,
    client: ClientSession,
    receiver: Receiver,
    handler: Handler,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent = signed(receiver, body or b"") if headers is None else headers
    async with client.request(
        method, path, data=body, headers=sent, skip_auto_headers={"Content-Type"}
    ) as answer:
        text = await answer.text()
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        assert (await answer.json(content_type=None))["status"] == status
        if status == 405:
            assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert handler.events == []
    signature = sent.get("X-Signature", SECRET)
    for leak in (SECRET, signature, "Traceback"):
        assert leak not in text
        assert leak not in caplog.text
    async with client.post("/webhooks/shop", data=BODY, headers=signed(receiver, BODY)) as answer:
        assert answer.status == 200  # the next one is served


async def test_a_body_without_a_length_is_held_to_the_limit_too(
    client: ClientSession, receiver: Receiver
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 100

    async with client.post("/webhooks/shop", data=endless(), headers=JSON) as answer:
        assert answer.status == 413


async def test_a_body_over_the_limit_is_refused_before_its_end(client: ClientSession) -> None:
    assert client._base_url is not None
    reader, writer = await asyncio.open_connection(client._base_url.host, client._base_url.port)
    head = "POST /webhooks/shop HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    chunk = f"{1001:x}\r\n{'x' * 1001}\r\n"  # and no chunk that ends the body
    writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n{chunk}".encode())
    async with asyncio.timeout(30):
        assert (await reader.readline()).split()[1] == b"413"
    writer.close()


async def test_a_body_of_exactly_the_limit_is_taken(client: ClientSession, receiver: Receiver) -> None:
    body = b'{"id": 7}'.ljust(1000)
    async with client.post("/webhooks/shop", data=body, headers=signed(receiver, body)) as answer:
        assert answer.status == 200


async def test_a_body_in_chunks_is_verified_as_sent(client: ClientSession, receiver: Receiver) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for byte in BODY:
            yield bytes([byte])

    async with client.post("/webhooks/shop", data=chunks(), headers=signed(receiver, BODY)) as answer:
        assert answer.status == 200


async def test_a_json_type_with_a_charset_is_taken(client: ClientSession, receiver: Receiver) -> None:
    headers = signed(receiver, BODY, **{"Content-Type": "application/json; charset=utf-8"})
    async with client.post("/webhooks/shop", data=BODY, headers=headers) as answer:
        assert answer.status == 200


async def test_200_comes_only_after_the_handler_has_returned(
    client: ClientSession, receiver: Receiver, handler: Handler
) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        entered.set()
        await release.wait()

    handler.before = wait
    request = asyncio.create_task(client.post("/webhooks/shop", data=BODY, headers=signed(receiver, BODY)))
    await entered.wait()
    done, _ = await asyncio.wait([request], timeout=0.2)
    assert not done
    release.set()
    answer = await request
    assert (answer.status, len(handler.events)) == (200, 1)


async def test_a_handler_that_raises_is_answered_503_so_that_the_provider_comes_again(
    client: ClientSession, receiver: Receiver, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise RuntimeError("the database at 10.0.0.7 is gone")

    handler.before = fail
    async with client.post("/webhooks/shop", data=BODY, headers=signed(receiver, BODY)) as answer:
        assert answer.status == 503
        assert "Retry-After" in answer.headers
        assert "10.0.0.7" not in await answer.text()
    assert "10.0.0.7" not in caplog.text
    handler.before = None
    async with client.post("/webhooks/shop", data=BODY, headers=signed(receiver, BODY)) as answer:
        assert answer.status == 200


async def test_every_refusal_is_logged(
    client: ClientSession, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for path, body, kind in (
            ("/webhooks/shop", BODY, "application/json"),
            ("/webhooks/another", BODY, "application/json"),
            ("/webhooks/shop", b"x" * 1001, "application/json"),
            ("/webhooks/shop", BODY, "text/plain"),
        ):
            await (await client.post(path, data=body, headers={"Content-Type": kind})).read()
    assert [record.getMessage().split("refused with ")[1][:3] for record in caplog.records] == [
        *("401", "404", "413", "415")
    ]
