"""What is wrong before a request is sent, is said before it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="needs cambist-anyspend[client]")
pytest.importorskip("stamina", reason="needs cambist-anyspend[client]")

from aiohttp import ClientSession

from cambist import Secret
from cambist.errors import ConfigurationError
from cambist_anyspend.client import BASE_URL, Limits, WebhooksClient

from .conftest import ENDPOINT
from .platform import ADMIN, Platform


def test_the_address_of_the_document() -> None:
    assert BASE_URL == "https://platform-api.anyspend.com/api/v1"
    assert repr(WebhooksClient(ADMIN)) == f"<WebhooksClient {BASE_URL}>"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/api/v1",
        "http://127.9.9.9",
        "http://[::1]:8080",
        "http://localhost:8080",
        "https://staging.anyspend.example/api/v1/",
        "HTTPS://platform-api.anyspend.com",
    ],
)
def test_an_address_that_is_safe(url: str) -> None:
    WebhooksClient(ADMIN, base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "platform-api.anyspend.com",
        "//platform-api.anyspend.com",
        "http://platform-api.anyspend.com/api/v1",
        "http://10.0.0.1/",
        "http://128.0.0.1/",
        "http://0.0.0.0/",
        "http://localhost.attacker.example/",
        "http://127.0.0.1.attacker.example/",
        "http://127.0.0.1@attacker.example/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://",
        "https:///api",
        "https://host:port/",
        "https://[::1/",
        "https://user:s3cret@platform-api.anyspend.com/",
        "https://user@platform-api.anyspend.com/",
        "https://platform-api.anyspend.com/?key=s3cret",
        "https://platform-api.anyspend.com/#s3cret",
        "https://platform-api.anyspend.com/\n",
        " https://platform-api.anyspend.com/",
    ],
)
def test_an_address_that_is_not_safe(url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url: must ") as caught:
        WebhooksClient(ADMIN, base_url=url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        None,
        "asp_s3cret\r\nX-Admin: 1",
        "asp_s3cret ",
        "asp_s\u0435cret",
        "asp_s3cret\x00",
        "a" * 1025,
    ],
)
def test_a_key_that_is_none(key: Any) -> None:
    for given in (key, Secret(key, "mine")):
        with pytest.raises(ConfigurationError, match="api_key: is empty, or has characters") as caught:
            WebhooksClient(given)
        assert "s3cret" not in str(caught.value)


Does = Callable[[WebhooksClient], Awaitable[Any]]
NO_IDENTIFIERS = [
    "",
    "..",
    ".",
    "wh/../x",
    "wh_1/test",
    "wh?x=1",
    "wh#x",
    "wh 1",
    "wh\n",
    "%2e%2e",
    "wé",
    "w" * 256,
    None,
    7,
]


@pytest.mark.parametrize("name", NO_IDENTIFIERS)
async def test_an_identifier_that_would_name_another_path(
    name: Any, client: WebhooksClient, platform: Platform
) -> None:
    does: list[Does] = [
        lambda c: c.get(name),
        lambda c: c.update(name, is_active=True),
        lambda c: c.delete(name),
        lambda c: c.send_test(name),
        lambda c: c.deliveries(name),
        lambda c: c.retry(name, "del_1"),
    ]
    for each in does:
        with pytest.raises(ConfigurationError, match="webhook_id: is not"):
            await each(client)
    with pytest.raises(ConfigurationError, match="delivery_id: is not"):
        await client.retry("wh_1", name)
    assert platform.seen == []


@pytest.mark.parametrize(
    "url", ["", "http://shop.example/", "shop.example", "https://", "https://a b/", None, 7]
)
async def test_an_endpoint_that_is_not_https(url: Any, client: WebhooksClient, platform: Platform) -> None:
    with pytest.raises(ConfigurationError, match="url: must be an https"):
        await client.create(url, ["payment.completed"])
    if url is not None:
        with pytest.raises(ConfigurationError, match="url: must be an https"):
            await client.update("wh_1", url=url)
    assert platform.seen == []


@pytest.mark.parametrize("events", [[], "payment.completed", [""], [None], [7], ()])
async def test_events_that_are_none(events: Any, client: WebhooksClient, platform: Platform) -> None:
    with pytest.raises(ConfigurationError, match="events: must be a list"):
        await client.create(ENDPOINT, events)
    with pytest.raises(ConfigurationError, match="events: must be a list"):
        await client.update("wh_1", events=events)
    assert platform.seen == []


async def test_an_update_of_nothing(client: WebhooksClient, platform: Platform) -> None:
    with pytest.raises(ConfigurationError, match="nothing to update"):
        await client.update("wh_1")
    assert platform.seen == []


async def test_a_client_that_is_not_open() -> None:
    client = WebhooksClient(ADMIN)
    with pytest.raises(ConfigurationError, match="no open session"):
        await client.list()
    async with client:
        pass
    with pytest.raises(ConfigurationError, match="no open session"):
        await client.list()
    session = ClientSession()
    await session.close()
    with pytest.raises(ConfigurationError, match="no open session"):
        await WebhooksClient(ADMIN, session=session).list()


@pytest.mark.parametrize(
    "limits",
    [
        {"attempts": 0},
        {"attempt_s": 0},
        {"attempt_s": "5"},
        {"total_s": float("inf")},
        {"connect_s": -1},
        {"max_body": float("nan")},
        {"first_wait_s": -0.1},
        {"longest_wait_s": None},
    ],
    ids=str,
)
def test_limits_that_are_none(limits: Any) -> None:
    (name,) = limits
    with pytest.raises(ConfigurationError, match=f"limits, {name}: is not a number"):
        Limits(**limits)
