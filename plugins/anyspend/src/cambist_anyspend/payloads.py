"""The payloads, as the vendor documents them and as they come.

What decides about money or identity has to fit. What an event can do without is ``Soft``. A webhook's keys
stand here in snake_case; `parts.respell` has brought them to it from the vendor's other spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from cambist import BaseUnits, Count, Identifier, Ignored, Soft


class Envelope(TypedDict):
    """What every webhook is wrapped in. The type stands under ``type``, or under ``event``."""

    type: str | None
    event: str | None
    timestamp: Soft[object]
    data: Mapping[str, Any] | None
    # The vendor's name for the endpoint that this was sent to.
    webhook_id: Ignored


class Session(TypedDict):
    """``checkout_session``, and what the data of a checkout has of it."""

    client_reference_id: Soft[str]
    customer_email: Soft[str]
    customer_name: Soft[str]
    metadata: Soft[object]


class Details(Session):
    """What the data of every webhook may have. Times are ISO 8601 or integer Unix milliseconds."""

    payment_link_id: Soft[Identifier]
    token_address: Soft[str]
    chain_id: Soft[Count]
    sender_address: Soft[str]
    recipient_address: Soft[str]
    tx_hash: Soft[str]
    form_data: Soft[object]
    discount_code: Soft[str]
    completed_at: Soft[object]
    checkout_session: Soft[Session]
    # When the payment came into being, which is not when the event happened.
    created_at: Ignored


class PaymentData(Details):
    """``data`` of a payment or checkout."""

    id: Identifier
    status: str | None
    amount: BaseUnits | None


class OtherData(Details):
    """``data`` of a ping, or of a type that this release does not know: nothing is sure about it."""

    id: Soft[Identifier]
    status: Soft[str]
    amount: Soft[BaseUnits]


class OrderPayment(TypedDict):
    """``payment`` of an order: what the recipient gets."""

    dstAmount: BaseUnits | None
    dstChain: Soft[Count]
    dstTokenAddress: Soft[str]
    dstTokenDecimals: Soft[Count]
    dstTokenSymbol: Soft[str]
    recipientAddress: Soft[str]


class Order(TypedDict):
    """The order-completed callback. The document requires nothing; without an order it is no payment."""

    orderId: Identifier
    status: str | None
    event: Soft[str]
    clientReferenceId: Soft[str]
    txHash: Soft[str]
    payment: OrderPayment | None
    callbackMetadata: Soft[Mapping[str, Any]]
