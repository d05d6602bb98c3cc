"""Pennywhistle's webhooks. There is no such provider: the tutorial makes it up, and builds this module.

Documentation: https://docs.pennywhistle.example/webhooks
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    hookimpl,
)
from cambist.verification import HmacSignature, Scheme, Timestamp

STATUSES = {
    "payment": {
        "open": Status.AWAITING_PAYMENT,
        "paid": Status.COMPLETED,
        "declined": Status.FAILED,
        "lapsed": Status.EXPIRED,
    },
    "refund": {
        "started": Status.REFUNDING,
        "partial": Status.PARTIALLY_REFUNDED,
        "full": Status.REFUNDED,
    },
}
# In these the payer's money has come: what was asked for is what was received.
PAID = {Status.COMPLETED, *STATUSES["refund"].values()}
KINDS = {"payment": Kind.PAYMENT, "refund": Kind.PAYMENT, "ping": Kind.TEST}
CURRENCIES = {"EUR", "GBP", "PLN"}


@frozen
class Settings:
    """The settings of a source.

    Args:
        secrets: The endpoint's secrets; several while one is being rotated.
    """

    secrets: Secrets


def verification(settings: Settings) -> Scheme:
    """Return HMAC-SHA256 over the time and the raw body, in hex; the time may be five minutes off."""
    return HmacSignature(
        secrets=settings.secrets,
        hash="sha256",
        header="Pennywhistle-Signature",
        prefix="sha256=",
        template="{timestamp}.{body}",
        timestamp=Timestamp(header="Pennywhistle-Timestamp"),
    )


class Notification(TypedDict):
    """What every notification has."""

    id: Identifier
    type: str
    created_at: Soft[IsoTime]
    attempt: Ignored
    data: Mapping[str, Any]


class Data(TypedDict):
    """``data`` of a payment and of a refund."""

    id: Identifier
    status: str
    amount: Decimal
    currency: Code
    reference: Soft[Identifier]
    decline_code: Soft[str]
    refunded: Decimal | None


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    """Return the one event of a notification."""
    notification = context.read(Notification, payload)
    draft = EventDraft(
        kind=KINDS.get(notification["type"], Kind.UNKNOWN),
        status=Status.UNKNOWN,
        identity=(notification["id"],),
        provider_type=notification["type"],
        occurred_at=notification.get("created_at"),
    )
    if draft["kind"] is Kind.PAYMENT:
        _add_payment(draft, notification, context)
    elif draft["kind"] is Kind.UNKNOWN:
        context.anomaly("type", "an unknown type (its word is in provider_type)")
    return (draft,)


def _add_payment(draft: EventDraft, notification: Notification, context: Context) -> None:
    data = context.read(Data, notification["data"], "data")
    status = context.status(notification["type"], data["status"], "data.status")
    code, refunded = data["currency"], data.get("refunded")
    asset = Asset(code, id=f"iso4217:{code}" if code in CURRENCIES else None)
    asked = Money(data["amount"], asset)
    draft["status"], draft["provider_status"] = status, data["status"]
    draft["payment"] = Payment(data["id"], data.get("reference"))
    draft["amounts"] = Amounts(
        requested=asked,
        received=asked if status in PAID else None,
        refunded=None if refunded is None else Money(refunded, asset),
    )
    if status is Status.FAILED:
        draft["failure"] = Failure(data.get("decline_code"))


SAMPLES = (
    Sample(
        "payment_paid",
        b'{"id":"ntf_3fa9","type":"payment","created_at":"2026-01-31T09:12:44Z","attempt":3,'
        b'"data":{"id":"pay_71c0","status":"paid","amount":"49.90","currency":"EUR",'
        b'"reference":"order-2048"}}',
    ),
    Sample(
        "refund_partial",
        b'{"id":"ntf_4c07","type":"refund","created_at":"2026-01-31T12:00:00Z","attempt":1,'
        b'"data":{"id":"pay_71c0","status":"partial","amount":"49.90","currency":"EUR",'
        b'"reference":"order-2048","refunded":"10.00"}}',
    ),
    Sample(
        "ping", b'{"id":"ntf_0001","type":"ping","created_at":"2026-01-31T08:00:00Z","attempt":1,"data":{}}'
    ),
)

PENNYWHISTLE = Provider(
    name="pennywhistle",
    title="Pennywhistle (fictional)",
    documentation="https://docs.pennywhistle.example/webhooks",
    settings=Settings,
    verification=verification,
    statuses=STATUSES,
    parse=parse,
    samples=SAMPLES,
)


@hookimpl
def cambist_register_providers() -> list[Provider]:
    """Register the provider."""
    return [PENNYWHISTLE]
