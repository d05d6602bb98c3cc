"""Hazel Pay, a fictional provider: HMAC over time and body. The honest one, of which every mutant is made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypedDict

from attrs import frozen

from cambist import (
    Amounts,
    Asset,
    Code,
    Context,
    EventDraft,
    Failure,
    Fee,
    Identifier,
    Ignored,
    IsoTime,
    Kind,
    Money,
    Payment,
    Provider,
    Sample,
    Secrets,
    Soft,
    Status,
    fault,
    hookimpl,
)
from cambist.verification import HmacSignature, Scheme, Timestamp

STATUSES = {
    "payment": {
        "open": Status.AWAITING_PAYMENT,
        "paid": Status.COMPLETED,
        "void": Status.CANCELLED,
        "returned": Status.REFUNDED,
    },
}


@frozen
class Settings:
    """The settings of a source.

    Args:
        secrets: The webhook's secrets.
        tolerance_s: How many seconds the signed time may be off.
    """

    secrets: Secrets
    tolerance_s: int = 300


def verification(settings: Settings) -> Scheme:
    return HmacSignature(
        secrets=settings.secrets,
        header="X-Hazel-Signature",
        prefix="sha256=",
        template="{timestamp}.{body}",
        timestamp=Timestamp(header="X-Hazel-Timestamp", tolerance=timedelta(seconds=settings.tolerance_s)),
    )


class Sum(TypedDict):
    amount: Decimal
    currency: Code


class Webhook(TypedDict):
    id: Identifier
    type: str
    status: str
    payment: Identifier
    reference: Soft[str]
    time: Soft[IsoTime]
    total: Sum
    fee: Soft[Decimal]
    reason: Soft[str]
    attempt: Ignored


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    if not isinstance(payload, dict):
        raise fault("", "is not an object")
    webhook = context.read(Webhook, payload)
    status = context.status("payment", webhook["status"])
    kind = Kind.PAYMENT
    if webhook["type"] != "payment.changed":
        context.anomaly("type", "an unknown type (its word is in provider_type)")
        status, kind = Status.UNKNOWN, Kind.UNKNOWN
    total, fee = webhook["total"], webhook.get("fee")
    asset = Asset(total["currency"])
    return (
        EventDraft(
            kind=kind,
            status=status,
            identity=(webhook["type"], webhook["id"], webhook["status"]),
            provider_type=webhook["type"],
            provider_status=webhook["status"],
            payment=Payment(webhook["payment"], webhook.get("reference")),
            amounts=Amounts(received=Money(total["amount"], asset)),
            fees=(Fee("service", Money(fee, asset)),) if fee is not None else (),
            failure=Failure(None, webhook.get("reason")) if webhook.get("reason") else None,
            occurred_at=webhook.get("time"),
        ),
    )


SAMPLE = (
    b'{"id": "ntf_1", "type": "payment.changed", "status": "paid", "payment": "pay_7001",'
    b' "reference": "order-2048", "time": "2026-01-15T11:59:58Z",'
    b' "total": {"amount": "120.50", "currency": "EUR"}, "fee": 0.35, "reason": "", "attempt": 1}'
)

HAZEL = Provider(
    name="hazel",
    title="Hazel Pay",
    documentation="https://hazel.example/webhooks",
    settings=Settings,
    verification=verification,
    statuses=STATUSES,
    parse=parse,
    samples=(Sample("paid", SAMPLE),),
)


@hookimpl
def cambist_register_providers() -> list[Provider]:
    return [HAZEL]
