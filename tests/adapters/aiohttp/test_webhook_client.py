"""The client for the tests of applications: what it sends is what a provider would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist.errors import ConfigurationError
from cambist_aiohttp import setup
from cambist_aiohttp.testing import WebhookClient

WALLET_KEY = "GA5WUJ54Z23KILLCUOUNAKTPBVZWKMQVO4O6EQ5GHLAERIMLLHNCSKYH"
SOURCES = [
    Source("signed", "coinspaid", {"secrets": ["s3cret"], "api_key": "account"}),
    Source("keyed", "anyspend-order", {"api_keys": ["s3cret"]}),
    Source("bearer", "stellar-anchor", {"auth": "jwt", "secrets": ["s3cret"]}),
    Source("timed", "alchemypay-card", {"auth": "signed", "secrets": ["s3cret"]}),
    Source("path", "alchemypay-card", {"auth": "path", "secrets": ["s3cret"]}),
    Source("near", "alchemypay-card", {"auth": "path", "secrets": ["s3cret"]}, allow=("127.0.0.1",)),
    Source("far", "coinspaid", {"secrets": ["s3cret"]}, allow=("203.0.113.7",)),
    Source("basic", "alchemypay-card", {"auth": "basic", "username": "u", "secrets": ["s3cret"]}),
    Source("wallet", "stellar-wallet", {"signing_key": WALLET_KEY, "callback_host": "wallet.example"}),
]
SIGNABLE = [source.name for source in SOURCES if source.name not in ("wallet", "far")]


@pytest.fixture
def handled() -> list[PaymentEvent]:
    return []


@pytest.fixture
async def webhooks(handled: list[PaymentEvent]) -> AsyncIterator[WebhookClient]:
    async def on_event(event: PaymentEvent) -> None:
        handled.append(event)

    app = web.Application()
    setup(app, Receiver(Pipeline(SOURCES), on_event))
    async with TestClient(TestServer(app)) as client:
        yield WebhookClient(client)


@pytest.mark.parametrize("source", SIGNABLE)
async def test_a_sample_is_received_as_genuine(
    source: str, webhooks: WebhookClient, handled: list[PaymentEvent]
) -> None:
    answer = await webhooks.send(source)
    assert answer.status == 200
    assert {event.source for event in handled} == {source}


@pytest.mark.parametrize("source", [name for name in SIGNABLE if name not in ("path", "near")])
async def test_one_that_is_not_signed_is_refused(
    source: str, webhooks: WebhookClient, handled: list[PaymentEvent]
) -> None:
    assert (await webhooks.send(source, signed=False)).status == 401
    assert handled == []


async def test_one_from_where_none_is_allowed_is_refused(
    webhooks: WebhookClient, handled: list[PaymentEvent]
) -> None:
    assert (await webhooks.send("far")).status == 401
    assert handled == []


async def test_a_header_of_ones_own_takes_the_place_of_another(webhooks: WebhookClient) -> None:
    answer = await webhooks.send("signed", headers={"x-processing-signature": "00" * 64})
    assert answer.status == 401
    answer = await webhooks.send("signed", headers={"Content-Type": "text/plain"})
    assert answer.request_info.headers.getall("Content-Type") == ["text/plain"]


async def test_a_sample_is_chosen_by_its_name_and_the_answer_is_read(
    webhooks: WebhookClient, handled: list[PaymentEvent]
) -> None:
    answer = await webhooks.send("keyed", sample="order_refunded")
    assert (await answer.json()).keys() == {"executionId", "runId"}
    assert [event.provider_status for event in handled] == ["refunded"]


async def test_a_body_of_ones_own_is_sent_byte_for_byte(
    webhooks: WebhookClient, handled: list[PaymentEvent]
) -> None:
    body = b'{ "id":1,\t"type":"deposit","status":"confirmed" }'
    assert (await webhooks.send("signed", body=body)).status == 200
    assert [event.provider_status for event in handled] == ["confirmed"]
    assert (await webhooks.send("signed", body=b"")).status == 400


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"source": "shop"}, LookupError, "there is no source 'shop'; there are: signed, keyed, "),
        ({"source": "signed", "sample": "x"}, LookupError, "coinspaid has no sample 'x'; it has: "),
        ({"source": "signed", "sample": "x", "body": b""}, TypeError, "a sample or a body, not both"),
        ({"source": "wallet"}, ConfigurationError, "who has the private key, can sign"),
    ],
)
async def test_what_cannot_be_sent_is_told(
    arguments: Any, error: type[Exception], message: str, webhooks: WebhookClient
) -> None:
    with pytest.raises(error, match=message):
        await webhooks.send(**arguments)


async def test_an_application_without_a_receiver_is_told() -> None:
    async with TestClient(TestServer(web.Application())) as client:
        with pytest.raises(LookupError, match="no receiver under this key"):
            WebhookClient(client)
