"""From a new webhook to the event of its test: our client, AnySpend's platform, and our own receiver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist_aiohttp import serving
from cambist_anyspend.client import Limits, WebhooksClient

from ..plugins.anyspend.client.platform import ADMIN, Platform

QUICK = Limits(attempts=2, attempt_s=5, total_s=10, first_wait_s=0.01, jitter_s=0)


class Shop:
    """A merchant who has no secret yet when the endpoint gets its address."""

    def __init__(self) -> None:
        self.events: list[PaymentEvent] = []
        self.secrets = ["a-secret-before-there-is-one"]

    async def on_event(self, event: PaymentEvent) -> None:
        self.events.append(event)

    @asynccontextmanager
    async def receiving(self, port: int = 0) -> AsyncIterator[str]:
        source = Source("shop", "anyspend", {"secrets": self.secrets})
        async with serving(Receiver(Pipeline([source]), self.on_event), port=port) as address:
            yield f"{address}/webhooks/shop"


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform(delivers=True).serving() as serving_platform:
        yield serving_platform


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[WebhooksClient]:
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=QUICK) as client:
        yield client


def port_of(endpoint: str) -> int:
    return int(endpoint.split(":")[2].split("/")[0])


async def test_a_test_delivery_arrives_as_an_event(client: WebhooksClient) -> None:
    shop = Shop()
    async with shop.receiving() as endpoint:
        created = await client.create(endpoint, ["payment.completed"])
        # Until the secret is in place, nothing is proven, and nothing arrives.
        assert (await client.send_test(created.webhook.id)).response_code == 401
        assert shop.events == []

    shop.secrets = [created.secret.reveal()]
    async with shop.receiving(port_of(endpoint)):
        sent = await client.send_test(created.webhook.id)
    assert (sent.status, sent.response_code) == ("sent", 200)
    (event,) = shop.events
    assert (event.provider, event.kind, event.status) == ("anyspend", "test", "unknown")
    assert event.provider_type == "test.ping"
    assert event.verification is not None
    assert event.verification.scheme == "hmac-sha256"
    assert len(await client.deliveries(created.webhook.id)) == 2


async def test_the_secret_of_another_webhook_is_refused(client: WebhooksClient) -> None:
    shop = Shop()
    async with shop.receiving() as endpoint:
        mine = await client.create(endpoint, ["payment.completed"])
        other = await client.create(endpoint, ["payment.completed"])
    shop.secrets = [mine.secret.reveal()]
    async with shop.receiving(port_of(endpoint)):
        assert (await client.send_test(other.webhook.id)).response_code == 401
        assert shop.events == []
        assert (await client.send_test(mine.webhook.id)).response_code == 200
        assert [event.kind for event in shop.events] == ["test"]


async def test_a_delivery_that_failed_is_made_again(client: WebhooksClient, platform: Platform) -> None:
    shop = Shop()
    async with shop.receiving() as endpoint:
        created = await client.create(endpoint, ["payment.completed"])
    shop.secrets = [created.secret.reveal()]
    # Nobody listens now.
    assert (await client.send_test(created.webhook.id)).response_code is None
    failed = platform.add_delivery(
        created.webhook.id, event_type="test.ping", status="failed", response_code=None, attempts=3
    )
    async with shop.receiving(port_of(endpoint)):
        sent = await client.retry(created.webhook.id, failed)
    assert (sent.response_code, sent.attempts) == (200, 4)
    assert [event.kind for event in shop.events] == ["test"]


async def test_a_new_secret_beside_the_old_one_loses_nothing(client: WebhooksClient) -> None:
    """The rotation of a secret at AnySpend: a second webhook, both secrets for a while, the first removed."""
    shop = Shop()
    async with shop.receiving() as endpoint:
        old = await client.create(endpoint, ["payment.completed"])
        new = await client.create(endpoint, ["payment.completed"])
    shop.secrets = [new.secret.reveal(), old.secret.reveal()]
    async with shop.receiving(port_of(endpoint)):
        assert (await client.send_test(old.webhook.id)).response_code == 200
        assert (await client.send_test(new.webhook.id)).response_code == 200
        await client.delete(old.webhook.id)
    assert [event.verification and event.verification.label for event in shop.events] == ["2", "1"]
    assert [webhook.id for webhook in await client.list()] == [new.webhook.id]
