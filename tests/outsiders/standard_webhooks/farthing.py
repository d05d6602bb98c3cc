"""Farthing's webhooks. There is no such provider: it delivers as the Standard Webhooks specification says.

Documentation: https://docs.farthing.example/webhooks
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypedDict

from attrs import frozen

import cambist as c
from cambist import Code, Context, EventDraft, Identifier, IsoTime, Kind, Money, Soft, Status
from cambist.verification import HmacSignature, Scheme, Timestamp

STATUSES = {
    "payment": {
        "pending": Status.AWAITING_PAYMENT,
        "paid": Status.COMPLETED,
        "declined": Status.FAILED,
        "lapsed": Status.EXPIRED,
        "refunded": Status.REFUNDED,
    },
    "payout": {"sent": Status.PROCESSING, "arrived": Status.COMPLETED, "returned": Status.FAILED},
}
KINDS = {"payment": Kind.PAYMENT, "payout": Kind.WITHDRAWAL}
CURRENCIES = {"EUR", "GBP", "JPY", "KWD"}
# In these the money has come to whom it is for.
ARRIVED = {Status.COMPLETED, Status.REFUNDED}


@frozen
class Settings:
    """The endpoint's secrets, ``whsec_`` and base64 of the key; several while one is being rotated."""

    secrets: c.Secrets


def verification(settings: Settings) -> Scheme:
    """Return HMAC-SHA256 over identifier, time and raw body; ``v1a`` (ed25519) proves nothing here."""
    return HmacSignature(
        secrets=settings.secrets,
        header="webhook-signature",
        encoding="base64",
        separator=" ",
        key="v1",
        assign=",",
        template="{header:webhook-id}.{timestamp}.{body}",
        timestamp=Timestamp(header="webhook-timestamp"),
        decode_key=_key,
    )


def _key(text: str) -> bytes:
    return base64.b64decode(text.removeprefix("whsec_"), validate=True)


class Message(TypedDict):
    """What every message has; ``timestamp`` is of the event, not of the attempt to deliver it."""

    type: str
    timestamp: Soft[IsoTime]
    data: Mapping[str, Any]


class Data(TypedDict):
    """``data`` of ``payment.updated`` and ``payout.updated``."""

    id: Identifier
    status: str
    amount: Decimal
    currency: Code
    reference: Soft[Identifier]


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    """Return the one event of a message. ``webhook-id`` identifies it, however often it is sent."""
    message = context.read(Message, payload)
    identifier = context.delivery.headers.get("webhook-id")
    if not identifier:
        raise c.fault("webhook-id", "is missing (a header)")
    draft = EventDraft(kind=Kind.UNKNOWN, status=Status.UNKNOWN, identity=(identifier,))
    draft["provider_type"], draft["occurred_at"] = message["type"], message.get("timestamp")
    group, _, news = message["type"].partition(".")
    if group in KINDS and news == "updated":
        draft["kind"] = KINDS[group]
        _add(draft, context.read(Data, message["data"], "data"), group, context)
    elif message["type"] == "endpoint.test":
        draft["kind"] = Kind.TEST
    else:
        context.anomaly("type", "an unknown type (its word is in provider_type)")
    return (draft,)


def _add(draft: EventDraft, data: Data, group: str, context: Context) -> None:
    status = context.status(group, data["status"], "data.status")
    code = data["currency"]
    money = Money(data["amount"], c.Asset(code, id=f"iso4217:{code}" if code in CURRENCIES else None))
    draft["status"], draft["provider_status"] = status, data["status"]
    draft["payment"] = c.Payment(data["id"], data.get("reference"))
    draft["amounts"] = c.Amounts(
        requested=money,
        received=money if status in ARRIVED else None,
        refunded=money if status is Status.REFUNDED else None,
    )


SAMPLES = (
    c.Sample(
        "payment_paid",
        b'{"type":"payment.updated","timestamp":"2026-01-31T12:00:00Z","data":{"id":"pay_1","status":"paid",'
        b'"amount":"1.250","currency":"KWD","reference":"order-1"}}',
        (("webhook-id", "msg_paid"),),
    ),
)
FARTHING = c.Provider(
    name="farthing",
    title="Farthing (fictional)",
    documentation="https://docs.farthing.example/webhooks",
    settings=Settings,
    verification=verification,
    statuses=STATUSES,
    parse=parse,
    samples=SAMPLES,
    headers=("webhook-id",),
)


@c.hookimpl
def cambist_register_providers() -> list[c.Provider]:
    """Register the provider."""
    return [FARTHING]
