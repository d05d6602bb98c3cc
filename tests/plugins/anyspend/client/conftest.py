"""What the tests of the client share: the platform on a real server, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # neither is there where the plugin is installed without its extra
    from cambist_anyspend.client import WebhooksClient

    from .platform import Platform

ENDPOINT = "https://shop.example/webhooks/anyspend"


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    from .platform import Platform

    async with Platform().serving() as serving:
        yield serving


@pytest.fixture
def quick() -> Any:
    """Limits that let a test wait for all of them."""
    from cambist_anyspend.client import Limits

    return Limits(
        attempts=3,
        connect_s=1,
        attempt_s=2,
        delivery_s=1,
        total_s=5,
        first_wait_s=0.01,
        longest_wait_s=0.05,
        jitter_s=0,
        max_body=1024 * 1024,
    )


@pytest.fixture
async def client(platform: Platform, quick: Any) -> AsyncIterator[WebhooksClient]:
    from cambist_anyspend.client import WebhooksClient

    from .platform import ADMIN

    async with WebhooksClient(ADMIN, base_url=platform.url, limits=quick) as client:
        yield client


@pytest.fixture
async def webhook_id(client: WebhooksClient, platform: Platform) -> str:
    """A webhook of the platform."""
    created = await client.create(ENDPOINT, ["payment.completed", "payment.failed"])
    platform.seen.clear()
    return created.webhook.id
