"""The payloads, as the vendor documents them and as they come.

What decides about money or identity has to fit. What an event can do without is ``Soft``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from cambist import Code, Count, Identifier, Ignored, Soft


class Address(TypedDict):
    """``crypto_address``: where a deposit goes to, or a withdrawal."""

    id: Soft[Identifier]
    address: Soft[str]
    tag: Soft[Identifier]
    foreign_id: Soft[Identifier]
    cross_currency: Soft[bool]
    # The two codes say what the merchant set up; what moved is in the sums. In withdrawal_exchange
    # `currency` is the source in older callbacks and the target in newer ones.
    currency: Ignored
    convert_to: Ignored
    expected_currency: Ignored


class Sent(TypedDict):
    """``currency_sent``."""

    currency: Code
    amount: Decimal
    remaining_amount: Decimal | None


class Received(TypedDict):
    """``currency_received``."""

    currency: Code
    amount: Decimal
    amount_minus_fee: Decimal | None


class Sender(TypedDict):
    """``transactions[].sender``, where the merchant has it switched on."""

    address: Soft[str]


class Movement(TypedDict):
    """One of ``transactions``: on a chain, or an exchange. Their order varies."""

    id: Identifier
    currency: Code
    amount: Decimal
    type: Soft[str]
    address: Soft[str]
    tag: Soft[Identifier]
    txid: Soft[str]
    riskscore: Soft[Decimal]
    confirmations: Soft[Count]
    currency_to: Code | None
    amount_to: Decimal | None
    sender: Soft[Sender]
    transaction_type: Ignored


class FeeItem(TypedDict):
    """One of ``fees``. Its currency can differ from the payment's."""

    type: Soft[str]
    currency: Soft[Code]
    amount: Soft[Decimal]


class Callback(TypedDict):
    """A callback about a deposit, withdrawal, exchange or invoice."""

    id: Identifier
    type: str
    status: str
    foreign_id: Soft[Identifier]
    end_user_reference: Soft[Identifier]
    crypto_address: Address | None
    currency_sent: Sent | None
    currency_received: Received | None
    transactions: list[Movement] | None
    fees: list[FeeItem] | None
    error: Soft[str]
    fixed_at: Ignored
    expires_at: Ignored
    expected_currency: Ignored
    futures_id: Ignored
    transaction_id: Ignored


class Currency(TypedDict):
    """A currency as payment requests have it."""

    iso: Code
    network_name: Ignored


class RequestAddress(TypedDict):
    """``payment_request_address``; there is none before the payer has chosen a currency."""

    id: Soft[Identifier]
    address: Soft[str]
    tag: Soft[Identifier]
    currency: Ignored
    convert_to: Ignored


class RequestAmount(TypedDict):
    """``payment_request_amount``."""

    currency: Currency
    amount: Decimal


class RequestSent(TypedDict):
    """``currency_sent`` of a payment request."""

    currency: Currency
    expected_amount: Decimal | None
    received_amount: Decimal | None
    remaining_amount: Decimal | None


class PaymentRequest(TypedDict):
    """A callback about a payment request."""

    payment_request_id: Identifier
    type: str
    status: str
    foreign_id: Soft[Identifier]
    end_user_reference: Soft[Identifier]
    end_user_email: Soft[str]
    payment_request_address: RequestAddress | None
    payment_request_amount: RequestAmount | None
    currency_sent: RequestSent | None
    # The vendor shows no payment request with these lists; if they have another form, it is noted.
    transactions: Soft[list[Movement]]
    fees: Soft[list[FeeItem]]
    error: Soft[str]
    fixed_at: Ignored
    expires_at: Ignored
    valid_until: Ignored


class Invoice(TypedDict):
    """``data`` in the answer of the create-invoice call: no callback, and without a type."""

    id: Identifier
    status: str
    currency: Code
    amount: Decimal
    foreign_id: Soft[Identifier]
    end_user_reference: Soft[Identifier]
    address: Soft[str]
    sender_currency: Code | None
    sender_amount: Decimal | None
    url: Ignored
    title: Ignored
    name: Ignored
    fixed_at: Ignored
    release_at: Ignored
    seconds_left: Ignored


class InvoiceAnswer(TypedDict):
    """The answer of the create-invoice call."""

    data: Invoice


class Unknown(TypedDict):
    """As much as can be said of a type that this release does not know."""

    id: Soft[Identifier]
    foreign_id: Soft[Identifier]
    end_user_reference: Soft[Identifier]
    status: Soft[str]
