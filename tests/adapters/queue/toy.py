"""A provider as small as one can be, whose deliveries can hold card numbers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypedDict

from attrs import frozen

from cambist import (
    Amounts,
    Asset,
    Context,
    Delivery,
    EventDraft,
    Identifier,
    Kind,
    Money,
    Payment,
    PaymentEvent,
    Pipeline,
    Processed,
    Provider,
    Registry,
    Secrets,
    Source,
    Status,
)
from cambist.hookspecs import hookimpl
from cambist.verification import AllOf, ApiKey, HmacSignature, Unverified

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECRET = "the-s3cret-of-the-shop"
CARD = "4111111111111111"


@frozen
class Settings:
    secrets: Secrets


@frozen
class OpenSettings:
    pass


class Body(TypedDict):
    id: Identifier
    payment: str | None
    state: str
    amount: Decimal
    note: str | None


def parse(payload: Any, context: Context) -> list[EventDraft]:
    body = context.read(Body, payload)
    return [
        EventDraft(
            kind=Kind.PAYMENT,
            status=Status(body["state"]),
            identity=(body["id"], body["state"]),
            payment=Payment(body.get("payment")),
            amounts=Amounts(received=Money(body["amount"], Asset("EUR"))),
            occurred_at=START,
            metadata={"note": body.get("note"), "exact": Decimal("0.10882300")},
        )
    ]


def _provider(name: str, settings: type, verification: Any, redact: Any = None) -> Provider:
    return Provider(
        name=name,
        title="Toy",
        documentation="https://example.com",
        settings=settings,
        verification=verification,
        statuses={},
        parse=parse,
        headers=("X-Kind",),
        redact=redact,
    )


def _signed(settings: Settings) -> AllOf:
    key = ApiKey(secrets=settings.secrets, header="X-Key")
    return AllOf(key, HmacSignature(secrets=settings.secrets, header="X-Signature"))


class Plugin:
    @hookimpl
    def cambist_register_providers(self) -> list[Provider]:
        return [
            _provider("toy", Settings, _signed),
            _provider("cards", Settings, _signed, lambda body: re.sub(rb"\d{16}", b"*" * 16, body)),
            _provider("open", OpenSettings, lambda _: Unverified()),
        ]


def toy_pipeline(*names: str) -> Pipeline:
    """Return the pipeline of a source of each provider, by its name: all, unless some are named."""
    registry = Registry()
    registry.register(Plugin())
    settings: dict[str, Any] = {"toy": {"secrets": [SECRET]}, "cards": {"secrets": [SECRET]}, "open": {}}
    return Pipeline(
        [Source(name, name, settings[name]) for name in names or ("toy", "open")], registry=registry
    )


PIPELINE = toy_pipeline("toy", "cards", "open")


def body(number: int, payment: str | None = "p-1", state: str = "completed", **more: Any) -> bytes:
    document = {"id": f"n{number}", "payment": payment, "state": state, "amount": "12.3400", "note": None}
    return json.dumps({**document, **more}).encode()


def genuine(raw: bytes, source: str = "toy", **headers: str) -> Delivery:
    """Return a genuine delivery of these bytes."""
    route = PIPELINE.route(source)
    assert route is not None
    bare = Delivery(source, headers, raw, START)
    return Delivery(
        source, {**headers, **dict(route.scheme.sign(bare))}, raw, START, "/webhooks/toy", "192.0.2.7"
    )


def processed(number: int, payment: str | None = "p-1", **headers: str) -> Processed:
    return PIPELINE.process(genuine(body(number, payment), **headers))


def event(number: int, payment: str | None = "p-1") -> PaymentEvent:
    return processed(number, payment).events[0]
