"""What the tests of the core share: a small provider, and registries of it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, TypedDict

import pytest
from attrs import frozen

from cambist import (
    Amounts,
    Context,
    Delivery,
    EventDraft,
    Identifier,
    Kind,
    Money,
    Payment,
    Pipeline,
    Provider,
    Registry,
    Secrets,
    Soft,
    Source,
    Status,
    hookimpl,
)
from cambist.verification import HmacSignature

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@frozen
class Settings:
    secrets: Secrets


class Ping(TypedDict):
    id: Identifier
    state: str
    amount: Decimal
    note: Soft[str]


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    ping = context.read(Ping, payload)
    yield EventDraft(
        kind=Kind.TEST,
        status=context.status("ping", ping["state"], "state"),
        identity=(ping["id"], ping["state"]),
        provider_status=ping["state"],
        payment=Payment(ping["id"]),
        amounts=Amounts(received=Money(ping["amount"])),
    )


@pytest.fixture(scope="session")
def toy() -> Callable[..., Provider]:
    """Return a function that makes the small provider, with some of its members changed."""

    def make(**changes: Any) -> Provider:
        members: dict[str, Any] = {
            "name": "toy",
            "title": "Toy",
            "documentation": "https://toy.example/webhooks",
            "settings": Settings,
            "verification": lambda settings: HmacSignature(secrets=settings.secrets, header="X-Sign"),
            "statuses": {"ping": {"done": Status.COMPLETED, "new": Status.CREATED}},
            "parse": parse,
        }
        return Provider(**{**members, **changes})

    return make


@pytest.fixture(scope="session")
def registry_of() -> Callable[..., Registry]:
    """Return a function that makes a registry of providers and observers (hook=function)."""

    def make(*providers: Provider, **observers: Callable[..., object]) -> Registry:
        hooks = {"cambist_register_providers": lambda: providers, **observers}
        registry = Registry()
        registry.register(SimpleNamespace(**{name: hookimpl(hook) for name, hook in hooks.items()}))
        return registry

    return make


@pytest.fixture(scope="session")
def pipeline_of(registry_of: Callable[..., Registry]) -> Callable[..., Pipeline]:
    """Return a function that makes a pipeline with one source, ``shop``, of a provider."""

    def make(provider: Provider, **observers: Callable[..., object]) -> Pipeline:
        source = Source("shop", provider.name, {"secrets": ["s3cret"]})
        return Pipeline([source], registry=registry_of(provider, **observers))

    return make


@pytest.fixture(scope="session")
def signed() -> Callable[..., Delivery]:
    """Return a function that makes a genuine delivery of a body."""

    def make(body: bytes, source: str = "shop") -> Delivery:
        return Delivery(source, {"X-Sign": hmac.new(b"s3cret", body, "sha256").hexdigest()}, body, NOW)

    return make
