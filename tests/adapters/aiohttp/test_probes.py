"""What a request is told that brings no delivery."""

from __future__ import annotations

import logging

import pytest
from aiohttp import ClientSession

from cambist import Pipeline, Receiver, Source
from cambist_aiohttp import serving

from .conftest import Handler

ALLOWED = "GET, HEAD, OPTIONS, POST"
KNOWN = ("/webhooks/shop", "/v1/callback")


@pytest.mark.parametrize("path", KNOWN)
@pytest.mark.parametrize(
    ("method", "status", "allow"), [("GET", 200, None), ("HEAD", 200, None), ("OPTIONS", 204, ALLOWED)]
)
async def test_a_check_of_the_url_finds_it(
    method: str, status: int, allow: str | None, path: str, client: ClientSession, handler: Handler
) -> None:
    async with client.request(method, path) as answer:
        assert (answer.status, answer.headers.get("Allow"), await answer.read()) == (status, allow, b"")
    assert handler.events == []


@pytest.mark.parametrize("path", KNOWN)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "QUERY", "PROPFIND"])
async def test_any_other_method_is_told_which_there_are(
    method: str, path: str, client: ClientSession
) -> None:
    async with client.request(method, path) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, ALLOWED)
        assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", ["/webhooks/another", "/webhooks/shop/s3cret"])
async def test_what_is_not_there_is_404_to_every_method_and_logged(
    method: str, path: str, client: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with client.request(method, path) as answer:
            assert answer.status == 404
    assert "refused with 404" in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_probe_does_not_tell_whether_a_secret_in_the_path_is_right() -> None:
    async def on_event(_event: object) -> None:
        pass

    source = Source("cards", "alchemypay-card", {"auth": "path", "secrets": ["s3cret"]})
    answers = []
    async with (
        serving(Receiver(Pipeline([source]), on_event)) as address,
        ClientSession(address) as session,
    ):
        for method in ("GET", "HEAD", "OPTIONS", "PUT"):
            for path in ("/webhooks/cards/s3cret", "/webhooks/cards/wrong"):
                async with session.request(method, path) as answer:
                    told = [item for item in answer.headers.items() if item[0] != "Date"]
                    answers.append((answer.status, told, await answer.read()))
    assert answers[::2] == answers[1::2]
    assert [status for status, _, _ in answers[::2]] == [200, 200, 204, 405]
