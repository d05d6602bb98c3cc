"""What the Anchor Platform posts, as it documents it and as it comes: amounts with their assets."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from cambist import Identifier, Ignored, IsoTime, Soft
from cambist_stellar.payloads import FeeDetails, TransactionBase


class Objects(TypedDict):
    """``payload``: one of these, read once it is known which."""

    transaction: object | None
    quote: object | None
    customer: object | None


class Record(Objects):
    """An event as the platform has it on its queue, and as version 2.2.1 has it in ``payload``."""

    id: Soft[Identifier]
    type: str
    sep: Ignored
    timestamp: Ignored


class Envelope(TypedDict):
    """An event as it is posted. ``timestamp`` is the time of the attempt, not of the event."""

    id: Soft[Identifier]
    type: str
    payload: object | None
    timestamp: Ignored


class LegacyEnvelope(TypedDict):
    """An event as version 2.2.1 posts it."""

    payload: Ignored
    timestamp: Ignored


class Amount(TypedDict):
    """An amount; either half may be missing, or both."""

    amount: Soft[Decimal]
    asset: Soft[str]


class StellarId(TypedDict):
    """Someone: an id of SEP-12, or a Stellar account, shared or not."""

    id: Soft[Identifier]
    account: Soft[str]
    memo: Soft[Identifier]


class Customers(TypedDict):
    """``customers``."""

    sender: Soft[StellarId]
    receiver: Soft[StellarId]


class RefundPayment(TypedDict):
    """One of ``refunds.payments``."""

    id: Soft[Identifier]
    id_type: Soft[str]
    amount: Soft[Amount]
    fee: Soft[Amount]
    requested_at: Soft[IsoTime]
    refunded_at: Soft[IsoTime]


class Refunds(TypedDict):
    """``refunds``."""

    amount_refunded: Soft[Amount]
    amount_fee: Soft[Amount]
    payments: Soft[list[RefundPayment]]


class OnChainPayment(TypedDict):
    """One of ``stellar_transactions[].payments``."""

    id: Soft[Identifier]
    payment_type: Soft[str]
    source_account: Soft[str]
    destination_account: Soft[str]
    amount: Soft[Amount]


class StellarTransaction(TypedDict):
    """One of ``stellar_transactions``; its ``id`` is the hash."""

    id: Soft[str]
    memo: Soft[Identifier]
    payments: Soft[list[OnChainPayment]]
    memo_type: Ignored
    created_at: Ignored
    envelope: Ignored


class Transaction(TransactionBase):
    """``transaction``."""

    amount_expected: Soft[Amount]
    amount_in: Soft[Amount]
    amount_out: Soft[Amount]
    amount_fee: Soft[Amount]
    refunds: Soft[Refunds]
    stellar_transactions: Soft[list[StellarTransaction]]
    source_account: Soft[str]
    destination_account: Soft[str]
    memo: Soft[Identifier]
    refund_memo: Soft[Identifier]
    client_domain: Soft[str]
    client_name: Soft[str]
    customers: Soft[Customers]
    creator: Soft[StellarId]
    # An event has no place for these.
    type: Ignored
    funding_method: Ignored
    fundingMethod: Ignored  # noqa: N815  # the spelling of some releases
    sep: Ignored
    memo_type: Ignored
    refund_memo_type: Ignored
    transfer_received_at: Ignored
    request_client_ip_address: Ignored


class Quote(TypedDict):
    """``quote``."""

    id: Soft[Identifier]
    sell_amount: Soft[Decimal]
    sell_asset: Soft[str]
    buy_amount: Soft[Decimal]
    buy_asset: Soft[str]
    price: Soft[Decimal]
    total_price: Soft[Decimal]
    expires_at: Soft[IsoTime]
    created_at: Soft[IsoTime]
    transaction_id: Soft[Identifier]
    creator: Soft[StellarId]
    fee: Soft[FeeDetails]
    sell_delivery_method: Ignored
    buy_delivery_method: Ignored


class Customer(TypedDict):
    """``customer``."""

    id: Soft[Identifier]
