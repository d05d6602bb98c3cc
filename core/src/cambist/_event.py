"""The canonical event: what every provider's webhook becomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Required, TypedDict

from attrs import field, frozen

from cambist._describe import describe
from cambist._lifecycle import Status
from cambist._money import Money

SCHEMA: Final = "cambist.event/1"
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class Kind(StrEnum):
    """What a payment event is about."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    EXCHANGE = "exchange"
    INVOICE = "invoice"
    PAYMENT = "payment"
    CHECKOUT = "checkout"
    TRANSFER = "transfer"
    CARD_ISSUANCE = "card_issuance"
    CARD_TOPUP = "card_topup"
    CARD_TRANSACTION = "card_transaction"
    QUOTE = "quote"
    CUSTOMER = "customer"
    TEST = "test"
    UNKNOWN = "unknown"


@frozen
class Payment:
    """Which payment it is, in the provider's words and in the merchant's."""

    id: str | None = field(default=None, metadata=describe("The provider's identifier of the payment."))
    merchant_reference: str | None = field(
        default=None, metadata=describe("The merchant's own reference, as it was given to the provider.")
    )
    customer_reference: str | None = field(
        default=None, metadata=describe("The merchant's reference of its customer.")
    )
    parent_id: str | None = field(
        default=None, metadata=describe("What the payment belongs to, such as a payment link.")
    )
    quote_id: str | None = field(default=None, metadata=describe("The quote that the payment was made on."))


@frozen
class Amounts:
    """The sums of the payment. Each is absent where the provider does not state it."""

    requested: Money | None = field(default=None, metadata=describe("What was asked for."))
    sent: Money | None = field(default=None, metadata=describe("What the payer sends or sent."))
    received: Money | None = field(default=None, metadata=describe("What the receiver gets or got."))
    net: Money | None = field(default=None, metadata=describe("What is left of it after the fees."))
    remaining: Money | None = field(default=None, metadata=describe("What is still to be paid."))
    refunded: Money | None = field(default=None, metadata=describe("What went back to the payer."))


@frozen
class Fee:
    """A fee, in a currency of its own: an ERC-20 transfer pays its mining fee in ETH."""

    type: str | None = field(default=None, metadata=describe("The provider's word for the fee."))
    money: Money | None = field(
        default=None, metadata=describe("The amount; absent where it was no number (see `anomalies`).")
    )


@frozen
class Transaction:
    """One movement that the payment is made of: on a chain, or an exchange inside the provider."""

    id: str | None = field(default=None, metadata=describe("The provider's identifier of the movement."))
    type: str | None = field(default=None, metadata=describe("The provider's word for it."))
    hash: str | None = field(default=None, metadata=describe("The transaction's hash on its chain."))
    network: str | None = field(
        default=None,
        metadata=describe("The chain: a CAIP-2 identifier where known, else the provider's word."),
    )
    from_: str | None = field(default=None, metadata=describe("The sending address or account."))
    to: str | None = field(default=None, metadata=describe("The receiving address or account."))
    memo: str | None = field(default=None, metadata=describe("The memo, tag or note sent along."))
    money: Money | None = field(default=None, metadata=describe("What moved."))
    converted: Money | None = field(default=None, metadata=describe("What an exchange turned it into."))
    confirmations: int | None = field(default=None, metadata=describe("How many blocks confirm it."))
    risk_score: Decimal | None = field(
        default=None, metadata=describe("The provider's compliance score, exact, a string in JSON.")
    )


@frozen
class Refund:
    """One repayment to the payer."""

    id: str | None = field(default=None, metadata=describe("The provider's identifier of the refund."))
    type: str | None = field(default=None, metadata=describe("The provider's word for the road it takes."))
    money: Money | None = field(default=None, metadata=describe("What goes back."))
    fee: Money | None = field(default=None, metadata=describe("What the refund costs."))
    requested_at: datetime | None = field(default=None, metadata=describe("When it was asked for."))
    refunded_at: datetime | None = field(default=None, metadata=describe("When it was done."))


@frozen
class Card:
    """The card that an event is about. Never a full card number."""

    id: str | None = field(default=None, metadata=describe("The issuer's identifier of the card."))
    last_four: str | None = field(default=None, metadata=describe("The last four digits, and no more."))
    type: str | None = field(default=None, metadata=describe("The provider's word: virtual, physical."))


@frozen
class Party:
    """Someone who takes part in the payment."""

    role: str = field(metadata=describe("What the party does: `sender`, `receiver`, `creator`, `customer`."))
    id: str | None = field(default=None, metadata=describe("The provider's identifier of the party."))
    address: str | None = field(default=None, metadata=describe("Its address or account."))
    memo: str | None = field(default=None, metadata=describe("What tells parties of a shared account apart."))
    name: str | None = field(default=None, metadata=describe("Its name."))
    email: str | None = field(default=None, metadata=describe("Its e-mail address."))


@frozen
class Quote:
    """A firm price for an exchange."""

    id: str | None = field(default=None, metadata=describe("The provider's identifier of the quote."))
    sell: Money | None = field(default=None, metadata=describe("What is given."))
    buy: Money | None = field(default=None, metadata=describe("What is got for it."))
    price: Decimal | None = field(
        default=None, metadata=describe("The price without fees, a string in JSON.")
    )
    total_price: Decimal | None = field(
        default=None, metadata=describe("The price with all fees, a string in JSON.")
    )
    expires_at: datetime | None = field(default=None, metadata=describe("Until when the price holds."))
    created_at: datetime | None = field(default=None, metadata=describe("When the quote was made."))


@frozen
class Failure:
    """Why a payment did not succeed."""

    code: str | None = field(default=None, metadata=describe("A short word to act on: `underpaid`."))
    message: str | None = field(default=None, metadata=describe("The provider's own text."))


@frozen
class Rate:
    """An exchange rate: one of `base` costs `value` of `quote`."""

    value: Decimal = field(metadata=describe("The exact rate, a string in JSON."))
    base: str | None = field(default=None, metadata=describe("The code of what is priced."))
    quote: str | None = field(default=None, metadata=describe("The code of what the price is in."))


@frozen
class Verification:
    """How a delivery was proven genuine."""

    scheme: str = field(metadata=describe("What was checked: `hmac-sha512`; `none` where nothing was."))
    label: str | None = field(
        default=None, metadata=describe("The label of the secret that matched, where the scheme has one.")
    )


@frozen
class Anomaly:
    """Something in the delivery that did not fit, and did not stop the event."""

    path: str = field(metadata=describe("Where in the payload: `fees[0].amount`."))
    problem: str = field(metadata=describe("What is odd there; never the value."))


NO_PAYMENT: Final = Payment()
NO_AMOUNTS: Final = Amounts()


class EventDraft(TypedDict, total=False):
    """What a provider makes of a payload; the pipeline stamps the rest on it.

    Its keys are fields of `PaymentEvent`, and one more, ``identity``: what makes this event this one, in the
    provider's terms, such as ``("deposit", "1", "confirmed")``. It is the same for every redelivery, and
    different for every change that a merchant must hear of: no time of arrival, no number of an attempt.
    """

    kind: Required[Kind]
    status: Required[Status]
    identity: Required[tuple[str, ...]]
    provider_type: str | None
    provider_status: str | None
    payment: Payment
    amounts: Amounts
    fees: tuple[Fee, ...]
    transactions: tuple[Transaction, ...]
    refunds: tuple[Refund, ...]
    card: Card | None
    parties: tuple[Party, ...]
    quote: Quote | None
    failure: Failure | None
    rate: Rate | None
    occurred_at: datetime | None
    metadata: Mapping[str, Any]


@frozen(kw_only=True)
class PaymentEvent:
    """One thing that happened to one payment, the same form for every provider."""

    id: str = field(
        metadata=describe("`evt_` and 32 hex digits; the same for the same event on every machine, for ever.")
    )
    schema: str = field(default=SCHEMA, metadata=describe("The form of this document."))
    provider: str = field(metadata=describe("Which provider plugin made it."))
    source: str = field(metadata=describe("Which configured account it came to."))
    kind: Kind = field(metadata=describe("What it is about."))
    status: Status = field(metadata=describe("Where the payment stands."))
    provider_type: str | None = field(default=None, metadata=describe("The provider's own type, verbatim."))
    provider_status: str | None = field(
        default=None, metadata=describe("The provider's own status, verbatim.")
    )
    payment: Payment = field(default=NO_PAYMENT, metadata=describe("Which payment it is."))
    amounts: Amounts = field(default=NO_AMOUNTS, metadata=describe("Its sums."))
    fees: tuple[Fee, ...] = field(default=(), metadata=describe("What it costs."))
    transactions: tuple[Transaction, ...] = field(
        default=(), metadata=describe("The movements that it is made of.")
    )
    refunds: tuple[Refund, ...] = field(default=(), metadata=describe("What was paid back."))
    card: Card | None = field(default=None, metadata=describe("The card that it is about."))
    parties: tuple[Party, ...] = field(default=(), metadata=describe("Who takes part."))
    quote: Quote | None = field(default=None, metadata=describe("The quote that it is about."))
    failure: Failure | None = field(default=None, metadata=describe("Why it did not succeed."))
    rate: Rate | None = field(default=None, metadata=describe("The exchange rate applied."))
    occurred_at: datetime | None = field(
        default=None, metadata=describe("The provider's time of the event, where it gives one.")
    )
    received_at: datetime | None = field(
        default=None, metadata=describe("When the delivery arrived, where the edge says so.")
    )
    verification: Verification | None = field(
        default=None, metadata=describe("How it was proven genuine; null where it was not checked.")
    )
    metadata: Mapping[str, Any] = field(
        default=EMPTY, metadata=describe("The merchant's own data, passed through by the provider.")
    )
    anomalies: tuple[Anomaly, ...] = field(default=(), metadata=describe("What did not fit."))
    raw_digest: str = field(
        metadata=describe(
            "SHA-256 of the body, in hex; without the card numbers where the provider sends any."
        )
    )
    plugin_version: str = field(metadata=describe("Which release of the plugin's mapping made it."))

    @property
    def final(self) -> bool:
        """Whether the payment normally ends here. Late money and refunds can still follow."""
        return self.status.final
