"""What the events of both providers are made of: money, fees, refunds, accounts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from attrs import frozen

from cambist import (
    Amounts,
    Asset,
    Context,
    EventDraft,
    Failure,
    Fee,
    Kind,
    Money,
    Party,
    Payment,
    Refund,
    Status,
    difference,
    fault,
)
from cambist_stellar.assets import asset, chain
from cambist_stellar.payloads import FeeDetails, TransactionBase

# What the SEPs call a transaction → what the event is about.
KINDS = {
    "deposit": Kind.DEPOSIT,
    "deposit-exchange": Kind.DEPOSIT,
    "withdrawal": Kind.WITHDRAWAL,
    "withdrawal-exchange": Kind.WITHDRAWAL,
    "receive": Kind.TRANSFER,
}


@frozen
class Sums:
    """The sums of a transaction, out of either form."""

    amounts: Amounts
    fee: Money | None
    refund_fee: Money | None
    refunds: tuple[Refund, ...]


def transaction_draft(
    transaction: TransactionBase,
    kind: Kind,
    identity: tuple[str, ...],
    sums: Sums,
    path: str,
    context: Context,
) -> EventDraft:
    """Return the event of a transaction, but for its movements and parties."""
    word = transaction["status"]
    status = context.status("transaction", word, f"{path}.status")
    if kind is Kind.UNKNOWN:
        # The word may mean something else for a kind that is not known.
        status = Status.UNKNOWN
        context.anomaly(f"{path}.kind", "is missing, or is a kind that this release does not know")
    # Newer releases itemise the fees, older ones state one.
    fees = itemised(transaction.get("fee_details"), f"{path}.fee_details", context)
    check_refunds(sums, f"{path}.refunds", context)
    return EventDraft(
        kind=kind,
        status=status,
        identity=identity,
        provider_status=word,
        payment=Payment(
            id=transaction["id"],
            merchant_reference=transaction.get("external_transaction_id"),
            quote_id=transaction.get("quote_id"),
        ),
        amounts=sums.amounts,
        fees=(*(fees or fee(None, sums.fee)), *fee("refund", sums.refund_fee)),
        refunds=sums.refunds,
        failure=Failure(word, transaction.get("message")) if status is Status.FAILED else None,
        occurred_at=(
            transaction.get("updated_at") or transaction.get("completed_at") or transaction.get("started_at")
        ),
    )


def money(amount: Decimal | None, asset_text: str | None, context: Context) -> Money | None:
    """Return an amount; absent if there is no number. What it is of may be unknown."""
    return None if amount is None else Money(amount, asset(asset_text, context.settings.network))


def network(context: Context) -> str:
    """Return the chain of a transaction: CAIP-2 where the source's settings tell it."""
    return chain(context.settings.network) or "stellar"


def account(role: str, address: str | None, memo: str | None = None) -> tuple[Party, ...]:
    """Return one end of a transfer, with the memo that goes along."""
    return (Party(role, address=address, memo=memo),) if address or memo else ()


def fee(type_: str | None, charged: Money | None) -> tuple[Fee, ...]:
    """Return a fee, if there is one."""
    return (Fee(type_, charged),) if charged else ()


def itemised(details: FeeDetails | None, path: str, context: Context) -> tuple[Fee, ...]:
    """Return the fees one by one where they add up to the total, and otherwise the total alone."""
    if details is None:
        return ()
    total, code = details.get("total"), details.get("asset")
    items = details.get("details") or details.get("breakdown") or ()
    if items and (total is None or _adds_up(total, [item.get("amount") for item in items])):
        fees = tuple(Fee(item.get("name"), money(item.get("amount"), code, context)) for item in items)
        if any(fee.money is None for fee in fees):
            context.anomaly(path, "has a fee without an amount, or without one that can be read")
        return fees
    if items:
        context.anomaly(f"{path}.total", "is not the sum of the single fees, which are left out")
    return fee(None, money(total, code, context))


def check_refunds(sums: Sums, path: str, context: Context) -> None:
    """Note where the sums of the refunds are not what the refunds give, or count the fees in."""
    refunded, charged, refunds = sums.amounts.refunded, sums.refund_fee, sums.refunds
    if not refunds or len(_assets(sums)) > 1:
        return
    paid = [refund.money.amount if refund.money else None for refund in refunds]
    fees = [refund.fee.amount for refund in refunds if refund.fee]
    if refunded and None not in paid and not _adds_up(refunded.amount, paid):
        problem = "is not the sum of the refunds"
        if _adds_up(refunded.amount, [*paid, *fees]):
            problem = "counts the fees of the refunds in"
        context.anomaly(f"{path}.amount_refunded", problem)
    if charged and not _adds_up(charged.amount, fees):
        context.anomaly(f"{path}.amount_fee", "is not the sum of the fees of the refunds")


def _assets(sums: Sums) -> set[Asset]:
    """Return what the refunds and their sums are of."""
    single = [each for refund in sums.refunds for each in (refund.money, refund.fee)]
    return {each.asset for each in (sums.amounts.refunded, sums.refund_fee, *single) if each}


def _adds_up(total: Decimal | None, amounts: Iterable[Decimal | None]) -> bool:
    """Whether all amounts are known and make the total, to the last digit."""
    rest = total
    for amount in amounts:
        if rest is None or amount is None:
            return False
        try:
            rest = difference(rest, amount)
        except ArithmeticError:
            return False
    return rest is not None and not rest


def digest(value: Any) -> str:
    """Return what tells one content from another, whatever the order of its keys.

    Raises:
        PayloadError: It is nested too deeply.
    """
    try:
        text = json.dumps(value, sort_keys=True, default=str)
    except RecursionError:
        text = None
    if text is None:
        raise fault("", "is nested too deeply")
    return hashlib.sha256(text.encode()).hexdigest()
