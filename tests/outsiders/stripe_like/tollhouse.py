"""Tollhouse's webhooks. There is no such provider: it signs, counts and names things as Stripe does.

Documentation: https://docs.tollhouse.example/webhooks
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from attrs import frozen

import cambist as c
from cambist import BaseUnits, Code, Context, EventDraft, Identifier, Ignored, Kind, Money, Soft, Status
from cambist.verification import HmacSignature, Scheme, Timestamp

from .samples import SAMPLES

STATUSES = {
    "payment_intent": {
        "requires_payment_method": Status.AWAITING_PAYMENT,
        "requires_confirmation": Status.ACTION_REQUIRED,
        "requires_action": Status.ACTION_REQUIRED,
        "processing": Status.PROCESSING,
        "requires_capture": Status.ACTION_REQUIRED,
        "succeeded": Status.COMPLETED,
        "canceled": Status.CANCELLED,
    },
    "charge": {"succeeded": Status.PARTIALLY_REFUNDED},  # or all of it: that is in `refunded`
}
DECIMALS = {"EUR": 2, "GBP": 2, "USD": 2, "JPY": 0, "KRW": 0, "BHD": 3, "KWD": 3}  # else: in minor units


@frozen
class Settings:
    """The endpoint's secrets; several while one is being rolled."""

    secrets: c.Secrets


def verification(settings: Settings) -> Scheme:
    """Return HMAC-SHA256 over the time and the raw body; items other than ``v1`` prove nothing."""
    return HmacSignature(
        secrets=settings.secrets,
        header="Tollhouse-Signature",
        separator=",",
        key="v1",
        template="{timestamp}.{body}",
        timestamp=Timestamp(key="t"),
    )


class Event(TypedDict):
    """The envelope of every event."""

    id: Identifier
    type: str
    created: Soft[c.UnixTime]
    livemode: bool
    data: Mapping[str, Any]


class PaymentError(TypedDict):
    """Why the last attempt was declined."""

    code: Soft[str]
    message: Soft[str]


class Object(TypedDict):
    """What both kinds of ``data.object`` have; sums are in the currency's minor unit."""

    id: Identifier
    object: Ignored
    status: str
    amount: BaseUnits
    currency: Code
    metadata: Soft[Mapping[str, Any]]


class PaymentIntent(Object):
    """``data.object`` of ``payment_intent.*``."""

    amount_received: BaseUnits
    last_payment_error: PaymentError | None


class Charge(Object):
    """``data.object`` of ``charge.refunded``: ``amount_refunded`` is all that went back so far."""

    payment_intent: Identifier
    amount_captured: BaseUnits
    amount_refunded: BaseUnits
    refunded: bool


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    """Return the one event of an envelope. Its ``id`` stays when it is delivered again."""
    event = context.read(Event, payload)
    draft = EventDraft(kind=Kind.UNKNOWN, status=Status.UNKNOWN, identity=(event["id"],))
    draft["provider_type"], draft["occurred_at"] = event["type"], event.get("created")
    if event["type"].startswith("payment_intent."):
        intent = context.read(PaymentIntent, event["data"].get("object"), "data.object")
        status = context.status("payment_intent", intent["status"], "data.object.status")
        _add(draft, intent, status, intent["id"], intent["amount_received"], BaseUnits(0))
        if error := intent.get("last_payment_error"):
            draft["failure"] = c.Failure(error.get("code"), error.get("message"))
    elif event["type"] == "charge.refunded":
        charge = context.read(Charge, event["data"].get("object"), "data.object")
        status = context.status("charge", charge["status"], "data.object.status")
        full = charge["refunded"] and status is Status.PARTIALLY_REFUNDED
        status, back = Status.REFUNDED if full else status, charge["amount_refunded"]
        _add(draft, charge, status, charge["payment_intent"], charge["amount_captured"], back)
    else:
        context.anomaly("type", "an unknown type (its word is in provider_type)")
        return (draft,)
    draft["kind"] = Kind.PAYMENT if event["livemode"] else Kind.TEST
    return (draft,)


def _add(draft: EventDraft, of: Object, status: Status, payment: str, *sums: BaseUnits) -> None:
    draft["status"], draft["provider_status"] = status, of["status"]
    draft["payment"], draft["metadata"] = c.Payment(payment), of.get("metadata") or {}
    received, refunded = (_money(minor, of["currency"]) if minor else None for minor in sums)
    draft["amounts"] = c.Amounts(_money(of["amount"], of["currency"]), received=received, refunded=refunded)


def _money(minor: BaseUnits, code: Code) -> Money:
    if (decimals := DECIMALS.get(code.upper())) is None:
        return Money(asset=c.Asset(code), base_units=minor)
    return Money(c.scaled(minor, decimals), c.Asset(code, id=f"iso4217:{code.upper()}"))


TOLLHOUSE = c.Provider(
    name="tollhouse",
    title="Tollhouse (fictional)",
    documentation="https://docs.tollhouse.example/webhooks",
    settings=Settings,
    verification=verification,
    statuses=STATUSES,
    parse=parse,
    samples=SAMPLES,
)


@c.hookimpl
def cambist_register_providers() -> list[c.Provider]:
    """Register the provider."""
    return [TOLLHOUSE]
