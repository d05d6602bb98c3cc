"""Alchemy Pay card webhooks: orders, card transactions, and customers' identity checks (KYC).

Documentation: https://alchemypay.readme.io/docs/order-webhook
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from cambist import Context, EventDraft, Kind, Provider, Status, decode_json, fault, hookimpl
from cambist_alchemypay import parts
from cambist_alchemypay.customers import kyc_event
from cambist_alchemypay.orders import order_event
from cambist_alchemypay.payloads import CardTransaction, Kyc, Order, Unknown
from cambist_alchemypay.redaction import redact
from cambist_alchemypay.samples import SAMPLES
from cambist_alchemypay.settings import Settings, verification
from cambist_alchemypay.statuses import STATUSES
from cambist_alchemypay.transactions import transaction_event

__all__ = ["ALCHEMYPAY_CARD", "Settings"]

# No webhook tells its type. Each form is known by any of these keys.
FORMS: tuple[tuple[frozenset[str], type, Callable[[Any, Context], EventDraft]], ...] = (
    (frozenset({"orderNo", "orderType"}), Order, order_event),
    (frozenset({"transactionId", "transactionAmount", "preAuthAmount"}), CardTransaction, transaction_event),
    (frozenset({"kycStatus", "kycStartTime"}), Kyc, kyc_event),
)


def decode(body: bytes) -> Any:
    """Return the payload without card numbers: what the parser does not see it cannot pass on."""
    return decode_json(redact(body))


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    """Return the one event of a webhook."""
    if not isinstance(payload, dict):
        raise fault("", "is not an object")
    told = {key: value for key, value in payload.items() if value is not None and value != ""}
    for keys, form, event in FORMS:
        if not keys.isdisjoint(told):
            return (event(context.read(form, told), context),)
    if "eventType" in told or "cardId" in told:
        return (_unknown(told, context),)
    raise fault("", "is no order (orderNo), card transaction (transactionId) or KYC result (kycStatus)")


def _unknown(told: dict[str, Any], context: Context) -> EventDraft:
    """Keep a webhook that this release does not know: it can be read again by a later one."""
    context.anomaly("", "is a webhook that this release does not know")
    known = context.read(Unknown, {key: told[key] for key in Unknown.__annotations__ if key in told})
    return EventDraft(
        kind=Kind.UNKNOWN,
        status=Status.UNKNOWN,
        identity=("unknown", hashlib.sha256(redact(context.delivery.body)).hexdigest()),
        provider_type=known.get("eventType"),
        provider_status=known.get("status"),
        card=parts.card(known, context),
        parties=parts.customer(known.get("email")),
    )


# Every 10 minutes for an hour, then every hour, for 24 hours in all.
RETRIES = (600,) * 6 + (3600,) * 23

ALCHEMYPAY_CARD = Provider(
    name="alchemypay-card",
    title="Alchemy Pay card",
    documentation="https://alchemypay.readme.io/docs/order-webhook",
    settings=Settings,
    verification=verification,
    statuses=STATUSES,
    parse=parse,
    samples=SAMPLES,
    redact=redact,
    decode=decode,
    retries=RETRIES,
)


@hookimpl
def cambist_register_providers() -> list[Provider]:
    """Register the provider."""
    return [ALCHEMYPAY_CARD]
