"""The order-completed callback, and what it is answered with."""

from __future__ import annotations

import hashlib
from typing import Any

from cambist import (
    Acknowledgement,
    Context,
    Delivery,
    EventDraft,
    Kind,
    Money,
    Party,
    Payment,
    PaymentEvent,
    Status,
    Transaction,
    encode_json,
    scaled,
)
from cambist_anyspend import parts
from cambist_anyspend.assets import asset
from cambist_anyspend.payloads import Order, OrderPayment
from cambist_anyspend.tokens import TOKENS, key


def order_event(payload: dict[str, Any], context: Context) -> EventDraft:
    """Return the event of a callback. The document calls it completed; only the status says that it is."""
    order = context.read(Order, payload)
    word = order.get("status")
    if word is None:
        context.anomaly("status", "is missing")
        status, marks = Status.UNKNOWN, hashlib.sha256(context.delivery.body).hexdigest()
    else:
        status, marks = context.status("order", word), ""
    payment = order.get("payment")
    comes = parts.comes(Kind.PAYMENT, status)
    money = _money(payment, context) if payment else None
    recipient = payment.get("recipientAddress") if payment else None
    return EventDraft(
        kind=Kind.PAYMENT,
        status=status,
        identity=("order", order["orderId"], word or "", order.get("event") or "", marks),
        provider_type=order.get("event"),
        provider_status=word,
        payment=Payment(
            order["orderId"],
            parts.reference(order.get("clientReferenceId"), "clientReferenceId", context),
        ),
        amounts=parts.amounts(money, comes=comes),
        transactions=_transactions(order, payment if comes else None, money),
        parties=(Party("receiver", address=recipient),) if recipient else (),
        metadata=order.get("callbackMetadata") or {},
    )


def order_answer(_delivery: Delivery, events: tuple[PaymentEvent, ...]) -> Acknowledgement:
    """Return the documented answer. All of it follows from the callback: a redelivery gets the same.

    ``executionId`` is the event's id. ``runId`` is one for all callbacks of an order.
    """
    event = events[0]
    order = encode_json([event.provider, event.source, "order", event.payment.id])
    run = hashlib.sha256(order).hexdigest()[:32]
    return Acknowledgement(
        200, encode_json({"executionId": event.id, "runId": f"run_{run}"}), "application/json"
    )


def _money(payment: OrderPayment, context: Context) -> Money | None:
    amount, decimals = payment.get("dstAmount"), payment.get("dstTokenDecimals")
    if amount is None:
        return None
    chain, address = payment.get("dstChain"), payment.get("dstTokenAddress")
    known = TOKENS.get(key(chain, address)) if chain is not None and address is not None else None
    what = asset(chain, address, payment.get("dstTokenSymbol") or (known.code if known else None))
    if decimals is None or decimals > 78:
        context.anomaly(
            "payment.dstAmount", "is in base units: dstTokenDecimals is not there, or not 0 to 78"
        )
        return Money(asset=what, base_units=amount)
    if known and known.decimals != decimals:
        context.anomaly("payment.dstTokenDecimals", "is not what this token is known to have")
    return Money(scaled(amount, decimals), what)


def _transactions(order: Order, payment: OrderPayment | None, money: Money | None) -> tuple[Transaction, ...]:
    """Return the transaction of the hash. If it pays nothing out, nobody says on which chain it is."""
    hash_ = order.get("txHash")
    if not hash_:
        return ()
    if payment is None:
        return (Transaction(hash=hash_),)
    chain = payment.get("dstChain")
    network = asset(chain, payment.get("dstTokenAddress")).network or (str(chain) if chain else None)
    return (Transaction(hash=hash_, network=network, to=payment.get("recipientAddress"), money=money),)
