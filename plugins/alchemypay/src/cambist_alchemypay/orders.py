"""Orders: a card is made, or loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from cambist import Amounts, Asset, Context, EventDraft, Fee, Kind, Money, Payment, Rate, Status, Transaction
from cambist_alchemypay import parts, times
from cambist_alchemypay.payloads import Order

KINDS = {"1": Kind.CARD_ISSUANCE, "2": Kind.CARD_TOPUP}
FEES = ("applyFee", "rechargeFee", "rechargeMarkup", "deliveryFee")
# Under these no card was loaded, whatever cardAmount says.
NOT_LOADED = {Status.FAILED, Status.CANCELLED}
_USDT = Asset("USDT")  # of the fees, whatever is paid with


def order_event(order: Order, context: Context) -> EventDraft:
    """Return the event of an order."""
    type_, crypto = order.get("orderType"), order.get("cryptoCurrency")
    kind = KINDS.get(type_ or "")
    if kind is None:
        context.anomaly("orderType", "is missing, or an unknown type (its word is in provider_type)")
    requested, sent = order.get("orderAmount"), order.get("paymentAmount")
    if crypto is None and (requested is not None or sent is not None):
        context.anomaly("cryptoCurrency", "is not told: the sums have no currency")
    address, network = order.get("cryptoAddress"), order.get("network")
    status, when = _status(order["status"], context), order.get("orderTime")
    loaded = None if status in NOT_LOADED else order.get("cardAmount")
    return EventDraft(
        kind=kind or Kind.UNKNOWN,
        status=status,
        identity=("order", order["orderNo"], order["status"]),
        provider_type=type_,
        provider_status=order["status"],
        payment=Payment(order["orderNo"]),
        amounts=Amounts(
            requested=_crypto(requested, crypto),
            sent=_crypto(sent, crypto),
            received=parts.fiat(loaded, order.get("cardCurrency"), "cardAmount", "card_amount_unit", context),
        ),
        fees=tuple(_fees(order)),
        transactions=(Transaction(network=network, to=address),) if network or address else (),
        card=parts.card(order, context),
        parties=parts.customer(order.get("email")),
        failure=parts.failure(order.get("failReason"), status, "failReason", context),
        rate=_rate(order, context),
        occurred_at=times.read(when, "orderTime", context) if when else None,
    )


def _status(word: str, context: Context) -> Status:
    """Return where the order stands. What REFUNDING is, its name and its description disagree about."""
    if word != "REFUNDING":
        return context.status("order", word)
    status = Status(context.settings.refunding_status)
    context.anomaly("status", f"is taken to be {status} (setting refunding_status)")
    return status


def _rate(order: Order, context: Context) -> Rate | None:
    """Return the rate of the cryptocurrency: an event has room for one. What it is against is not told."""
    rate = order.get("cryptoCurrencyExchangeRate")
    if order.get("currencyExchangeRate") not in (None, 1):
        context.anomaly("currencyExchangeRate", "is left out: an event has one rate, and this is a second")
    return None if rate is None else Rate(rate, base=order.get("cryptoCurrency"))


def _crypto(amount: Decimal | None, code: str | None) -> Money | None:
    return None if amount is None else Money(amount, Asset(code))


def _fees(order: Mapping[str, Any]) -> Iterator[Fee]:
    """Return the fees that are there. One that is no number has been noted, and has no sum."""
    for name in FEES:
        if name in order:
            amount = order[name]
            yield Fee(name, None if amount is None else Money(amount, _USDT))
