"""What all callbacks are made of: sums, fees, movements, addresses, errors."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from cambist import Asset, Context, Failure, Fee, Money, Party, Transaction
from cambist_coinspaid.payloads import Address, FeeItem, Movement, RequestAddress

FAILURE_CODES = {
    "timer expired. user not paid": "unpaid",
    "timer expired. user paid less than requested": "underpaid",
    "timer expired. transactions were in status processing too long": "processing_timeout",
    "transaction amount less than minimum deposit": "below_minimum",
}
# The two that the document shows as fiat money; any other code may be a coin's. No network: the vendor's
# test system uses the same codes for test chains.
_FIAT = {"EUR", "USD"}


@lru_cache(maxsize=1024)
def asset(code: str) -> Asset:
    """Return what a currency code stands for."""
    return Asset(code, id=f"iso4217:{code}" if code in _FIAT else None)


def money(code: str | None, amount: Decimal | None) -> Money | None:
    """Return an amount of a currency; absent if either is."""
    return None if code is None or amount is None else Money(amount, asset(code))


def failure(error: str | None) -> Failure | None:
    """Return what the callback says went wrong."""
    return None if error is None else Failure(FAILURE_CODES.get(error.strip().rstrip(".").lower()), error)


def progress(movements: Sequence[Movement]) -> list[str]:
    """Return what tells two callbacks of one status apart: the movements and their confirmations.

    Sorted, for the vendor has changed their order.
    """
    return sorted([f"{movement['id']}:{movement.get('confirmations')}" for movement in movements])


def transactions(movements: Sequence[Movement]) -> tuple[Transaction, ...]:
    """Return the movements of a callback, by place: keywords were measured to cost 3% of a delivery."""
    return tuple(
        [
            Transaction(
                movement["id"],
                movement.get("type"),
                movement.get("txid"),
                None,  # the network: a currency's code does not tell it
                sender.get("address") if (sender := movement.get("sender")) else None,
                movement.get("address"),
                movement.get("tag"),
                Money(movement["amount"], asset(movement["currency"])),
                money(movement.get("currency_to"), movement.get("amount_to")),
                movement.get("confirmations"),
                movement.get("riskscore"),
            )
            for movement in movements
        ]
    )


def fees(items: Sequence[FeeItem], context: Context) -> tuple[Fee, ...]:
    """Return the fees. One without a readable amount or currency keeps its type, and is noted."""
    result = []
    for index, item in enumerate(items):
        code, amount = item.get("currency"), item.get("amount")
        if code is None or amount is None:
            context.anomaly(f"fees[{index}]", "has no amount, or none that can be read")
            result.append(Fee(item.get("type")))
        else:
            result.append(Fee(item.get("type"), Money(amount, asset(code))))
    return tuple(result)


def payee(address: Address | RequestAddress | None) -> tuple[Party, ...]:
    """Return whom the money goes to: the merchant's deposit address, or a withdrawal's target."""
    return (
        ()
        if address is None
        else (Party("receiver", address.get("id"), address.get("address"), address.get("tag")),)
    )
