"""A provider as small as one can be, so that these tests need no plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypedDict

import pytest
from aiohttp import ClientSession
from attrs import frozen

from cambist import (
    Context,
    Delivery,
    EventDraft,
    Identifier,
    Kind,
    PaymentEvent,
    Pipeline,
    Provider,
    Receiver,
    Registry,
    Secrets,
    Source,
    Status,
)
from cambist.hookspecs import hookimpl
from cambist.verification import HmacSignature
from cambist_aiohttp import serving

SECRET = "the-s3cret-of-the-shop"


@frozen
class Settings:
    secrets: Secrets


class Ping(TypedDict):
    id: Identifier


def parse(payload: Any, context: Context) -> list[EventDraft]:
    ping = context.read(Ping, payload)
    return [EventDraft(kind=Kind.TEST, status=Status.COMPLETED, identity=(ping["id"],))]


PROVIDER = Provider(
    name="ping",
    title="Ping",
    documentation="https://example.com",
    settings=Settings,
    verification=lambda settings: HmacSignature(secrets=settings.secrets, header="X-Signature"),
    statuses={},
    parse=parse,
)


class Plugin:
    @hookimpl
    def cambist_register_providers(self) -> list[Provider]:
        return [PROVIDER]


class Handler:
    """Keeps the events, and does first what a test asks for."""

    def __init__(self) -> None:
        self.events: list[PaymentEvent] = []
        self.before: Callable[[], Any] | None = None

    async def __call__(self, event: PaymentEvent) -> None:
        if self.before is not None:
            await self.before()
        self.events.append(event)


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def receiver(handler: Handler) -> Receiver:
    registry = Registry()
    registry.register(Plugin())
    settings = {"secrets": [SECRET]}
    sources = [Source("shop", "ping", settings), Source("own", "ping", settings, path="/v1/callback")]
    return Receiver(Pipeline(sources, registry=registry), handler)


def signed(receiver: Receiver, body: bytes, **headers: str) -> dict[str, str]:
    """Return the headers of a genuine request."""
    route = receiver.pipeline.route("shop")
    assert route is not None
    return {
        "Content-Type": "application/json",
        **dict(route.scheme.sign(Delivery("shop", {}, body))),
        **headers,
    }


@pytest.fixture
async def client(receiver: Receiver) -> AsyncIterator[ClientSession]:
    async with serving(receiver, max_body=1000) as address, ClientSession(address) as session:
        yield session
