"""An event to be read by a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import fields
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cambist import Amounts, Card, Failure, Money, PaymentEvent, Status, Transaction
from cambist_cli._text import printable

_COLOURS: Final = {
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "red",
    Status.EXPIRED: "red",
    Status.UNKNOWN: "magenta",
}
_PAYMENT: Final = {
    "id": "payment",
    "merchant_reference": "merchant reference",
    "customer_reference": "customer reference",
    "parent_id": "part of",
    "quote_id": "quote",
}


def card(event: PaymentEvent) -> RenderableType:
    """Return an event as a card: what a person asks first, the whole of it is in the JSON."""
    colour = _COLOURS.get(event.status, "yellow")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")  # never an ellipsis: it would hide digits
    for label, value in _rows(event):
        grid.add_row(label, Text(printable(value), style="yellow" if label == "anomaly" else ""))
    title = Text.assemble((event.status, f"bold {colour}"), f" {event.kind} ", (event.provider, "dim"))
    return Panel(grid, title=title, title_align="left", border_style=colour, expand=False)


def _rows(event: PaymentEvent) -> Iterator[tuple[str, str]]:
    for name, label in _PAYMENT.items():
        if reference := getattr(event.payment, name):
            yield label, reference
    for field in fields(Amounts):
        if amount := getattr(event.amounts, field.name):
            yield field.name, _money(amount)
    for fee in event.fees:
        yield "fee", _joined(_money(fee.money), fee.type)
    for transaction in event.transactions:
        yield "transaction", _transaction(transaction)
    for refund in event.refunds:
        yield "refund", _joined(_money(refund.money), refund.type)
    if event.card:
        yield "card", _card(event.card)
    if event.failure:
        yield "failure", _failure(event.failure)
    if event.occurred_at:
        yield "occurred", event.occurred_at.isoformat(" ", "seconds")
    said = _joined(event.provider_type, event.provider_status)
    if said:
        yield "provider says", said
    yield "verified", _verified(event)
    for anomaly in event.anomalies:
        yield "anomaly", f"{anomaly.path}: {anomaly.problem}" if anomaly.path else anomaly.problem
    yield "event", event.id


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _money(money: Money | None) -> str:
    if money is None:
        return "unknown"
    asset = money.asset.code or money.asset.id or "of an unknown asset"
    network = f" on {money.asset.network}" if money.asset.network else ""
    if money.amount is None:
        return f"{money.base_units} base units {asset}{network}"
    return f"{money.amount:f} {asset}{network}"


def _transaction(transaction: Transaction) -> str:
    confirmations = transaction.confirmations
    moved = _money(transaction.money) if transaction.money else None
    if moved and transaction.converted:
        moved = f"{moved} -> {_money(transaction.converted)}"
    return _joined(
        transaction.type,
        moved,
        None if confirmations is None else f"{confirmations} confirmation{'s' * (confirmations != 1)}",
        transaction.hash,
    )


def _card(used: Card) -> str:
    return _joined(used.type, used.last_four and f"ends in {used.last_four}", used.id)


def _failure(failure: Failure) -> str:
    return ": ".join(part for part in (failure.code, failure.message) if part)


def _verified(event: PaymentEvent) -> str:
    if event.verification is None:
        return "no, it was not asked for"
    label = event.verification.label
    return _joined(event.verification.scheme, label and f"secret {label!r}")
