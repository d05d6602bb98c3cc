"""The platform's webhooks: payments, checkouts, and tests of the endpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

from cambist import Amounts, Context, EventDraft, Kind, Party, Payment, Status, Transaction, fault
from cambist_anyspend import parts
from cambist_anyspend.assets import asset, money
from cambist_anyspend.payloads import Details, Envelope, OtherData, PaymentData, Session

# The vendor's type → what the event is about, and where the payment stands if the data does not say.
TYPES = {
    "payment.completed": (Kind.PAYMENT, Status.COMPLETED),
    "payment.failed": (Kind.PAYMENT, Status.FAILED),
    "checkout.completed": (Kind.CHECKOUT, Status.COMPLETED),
    "checkout.expired": (Kind.CHECKOUT, Status.EXPIRED),
}
PING = "test.ping"
TEST_HEADER = "X-AnySpend-Test"
Identity = tuple[str, ...]


def webhook_event(payload: dict[str, Any], context: Context) -> EventDraft:
    """Return the event of a webhook, in either of the forms that the vendor documents."""
    envelope, type_ = _envelope(payload, context)
    details, kind, status, identity = _details(type_, envelope.get("data"), context)
    if kind is not Kind.TEST and _is_marked_as_test(context):
        # Nothing proves this header, so it may take weight from an event and never give any. The event has
        # an identity of its own: a copy that someone marked never passes for the delivery that it copies.
        kind, status, identity = Kind.TEST, Status.UNKNOWN, ("test", *identity)
        context.anomaly(TEST_HEADER, "makes a test of this, and is not signed")
    chain_id, address = details.get("chain_id"), details.get("token_address")
    amount = money(details.get("amount"), chain_id, address, context.settings.known_tokens, context)
    amounts = parts.amounts(amount, comes=parts.comes(kind, status))
    merchant_reference, reference_path = _of_session(details, "client_reference_id")
    session_metadata, metadata_path = _of_session(details, "metadata")
    return EventDraft(
        kind=kind,
        status=status,
        identity=identity,
        provider_type=type_,
        provider_status=details.get("status"),
        payment=Payment(
            id=details.get("id"),
            merchant_reference=parts.reference(merchant_reference, reference_path, context),
            parent_id=details.get("payment_link_id"),
        ),
        amounts=amounts,
        transactions=_transactions(details, amounts),
        parties=_parties(details),
        occurred_at=parts.time(details.get("completed_at"), "data.completed_at", context)
        or parts.time(envelope.get("timestamp"), "timestamp", context),
        metadata=parts.metadata(
            details.get("form_data"), details.get("discount_code"), session_metadata, metadata_path, context
        ),
    )


def _envelope(payload: dict[str, Any], context: Context) -> tuple[Envelope, str]:
    parts.respell(Envelope, payload, "", context)
    envelope = context.read(Envelope, payload)
    type_, event = envelope.get("type"), envelope.get("event")
    if type_ and event and type_ != event:
        context.anomaly("event", "is not the same as type, which counts")
    if found := type_ or event:
        return envelope, found
    raise fault("type", "is missing, and so is event")


def _details(
    type_: str, data: Any, context: Context
) -> tuple[PaymentData | OtherData, Kind, Status, Identity]:
    parts.respell(PaymentData, data, "data.", context)
    if data:
        parts.respell(Session, data.get("checkout_session"), "data.checkout_session.", context)
    if type_ in TYPES:
        if data is None:
            raise fault("data", "is missing")
        kind, outcome = TYPES[type_]
        payment = context.read(PaymentData, data, "data")
        word = payment.get("status")
        return payment, kind, _status(word, outcome, context), (type_, payment["id"], word or "")
    other = context.read(OtherData, data or {}, "data")
    if type_ != PING:
        context.anomaly("type", "an unknown type (its word is in provider_type)")
    digest = hashlib.sha256(context.delivery.body).hexdigest()
    kind = Kind.TEST if type_ == PING else Kind.UNKNOWN
    return other, kind, Status.UNKNOWN, (type_, other.get("id") or "", digest)


def _status(word: str | None, outcome: Status, context: Context) -> Status:
    """Return where the payment stands. Where type and data differ, the lesser counts; of two final, none."""
    if word is None:
        return outcome
    found = context.status("data", word, "data.status")
    if found in (outcome, Status.UNKNOWN):
        return found
    context.anomaly("data.status", "does not agree with the type")
    return Status.UNKNOWN if found.final else found


def _is_marked_as_test(context: Context) -> bool:
    return any(value.strip().lower() == "true" for value in context.delivery.headers.get_all(TEST_HEADER))


def _of_session(details: Details, name: str) -> tuple[Any, str]:
    """Return what the checkout session has under a name, or the data itself, and where that stands."""
    session = cast("Mapping[str, Any]", details.get("checkout_session") or {})
    if session.get(name) is not None:
        return session[name], f"data.checkout_session.{name}"
    return cast("Mapping[str, Any]", details).get(name), f"data.{name}"


def _transactions(details: Details, amounts: Amounts) -> tuple[Transaction, ...]:
    if not details.get("tx_hash"):
        return ()
    chain_id = details.get("chain_id")
    network = asset(chain_id, details.get("token_address")).network
    return (
        Transaction(
            hash=details.get("tx_hash"),
            network=network or (str(chain_id) if chain_id else None),
            from_=details.get("sender_address"),
            to=details.get("recipient_address"),
            money=amounts.received,
        ),
    )


def _parties(details: Details) -> tuple[Party, ...]:
    addresses = (("sender", details.get("sender_address")), ("receiver", details.get("recipient_address")))
    parties = [Party(role, address=address) for role, address in addresses if address]
    (name, _), (email, _) = _of_session(details, "customer_name"), _of_session(details, "customer_email")
    if name or email:
        parties.append(Party("customer", name=name, email=email))
    return tuple(parties)
