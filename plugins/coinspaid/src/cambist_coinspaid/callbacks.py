"""Deposits, withdrawals, exchanges and invoices."""

from __future__ import annotations

from cambist import (
    Amounts,
    Context,
    EventDraft,
    Failure,
    Kind,
    Money,
    Party,
    Payment,
    Status,
    difference,
    fault,
)
from cambist_coinspaid import parts
from cambist_coinspaid.parts import asset
from cambist_coinspaid.payloads import Callback, Invoice

# The vendor's type → what the event is about, and whose status words it uses (statuses.py).
KINDS = {
    "deposit": (Kind.DEPOSIT, "deposit"),
    "deposit_exchange": (Kind.DEPOSIT, "deposit"),
    "withdrawal": (Kind.WITHDRAWAL, "withdrawal"),
    "withdrawal_exchange": (Kind.WITHDRAWAL, "withdrawal"),
    "withdrawal_instant": (Kind.WITHDRAWAL, "withdrawal"),
    "withdrawal_instant_exchange": (Kind.WITHDRAWAL, "withdrawal"),
    "exchange": (Kind.EXCHANGE, "exchange"),
    "invoice": (Kind.INVOICE, "invoice"),
}


def callback_event(callback: Callback, context: Context) -> EventDraft:
    """Return the event of a callback whose type is one of `KINDS`."""
    kind, group = KINDS[callback["type"]]
    address = callback.get("crypto_address")
    movements = callback.get("transactions") or ()
    status = context.status(group, callback["status"])
    failure = parts.failure(callback.get("error"))
    if kind is Kind.INVOICE:
        status, failure = _invoice_status(callback, status, failure, context)
        amounts = _invoice_amounts(callback, status)
    else:
        amounts = _amounts(callback)
    if address and address.get("cross_currency"):
        context.anomaly("crypto_address.cross_currency", "another currency came than was expected")
    return EventDraft(
        kind=kind,
        status=status,
        identity=(callback["type"], callback["id"], callback["status"], *parts.progress(movements)),
        provider_type=callback["type"],
        provider_status=callback["status"],
        payment=Payment(
            callback["id"],
            callback.get("foreign_id") or (address.get("foreign_id") if address else None),
            callback.get("end_user_reference"),
        ),
        amounts=amounts,
        fees=parts.fees(callback.get("fees") or (), context),
        transactions=parts.transactions(movements),
        parties=parts.payee(address),
        failure=failure,
    )


def _amounts(callback: Callback) -> Amounts:
    sent, received = callback.get("currency_sent"), callback.get("currency_received")
    remaining = sent.get("remaining_amount") if sent else None
    net = received.get("amount_minus_fee") if received else None
    return Amounts(
        sent=Money(sent["amount"], asset(sent["currency"])) if sent else None,
        received=Money(received["amount"], asset(received["currency"])) if received else None,
        net=Money(net, asset(received["currency"])) if received and net is not None else None,
        remaining=Money(remaining, asset(sent["currency"])) if sent and remaining is not None else None,
    )


def _invoice_amounts(callback: Callback, status: Status) -> Amounts:
    """Tell what came from what was asked for.

    The two sums of an invoice are what the payer has to send and what the merchant asked for, also when
    nothing or too little came. What came is the first less ``remaining_amount``.
    """
    sent, asked = callback.get("currency_sent"), callback.get("currency_received")
    remaining = sent.get("remaining_amount") if sent else None
    requested = parts.money(asked["currency"], asked["amount"]) if asked else None
    if sent and remaining:
        try:
            received = parts.money(sent["currency"], difference(sent["amount"], remaining))
        except ArithmeticError:
            raise fault("currency_sent.remaining_amount", "cannot be taken from the amount") from None
    elif remaining is not None or status is Status.COMPLETED:
        received = requested
    else:
        received = None
    return Amounts(
        requested=requested,
        sent=parts.money(sent["currency"], sent["amount"]) if sent else None,
        received=received,
        net=parts.money(asked["currency"], asked.get("amount_minus_fee")) if asked else None,
        remaining=parts.money(sent["currency"], remaining) if sent else None,
    )


def _invoice_status(
    callback: Callback, status: Status, failure: Failure | None, context: Context
) -> tuple[Status, Failure | None]:
    """Tell paid, part paid and unpaid invoices apart."""
    sent = callback.get("currency_sent")
    remaining = sent.get("remaining_amount") if sent else None
    came = bool(callback.get("transactions")) or bool(
        sent and remaining is not None and remaining < sent["amount"]
    )
    if status is Status.AWAITING_PAYMENT and came:
        return Status.PARTIALLY_PAID, failure
    if status is Status.FAILED and failure and failure.code == "unpaid":
        if not came:
            return Status.EXPIRED, failure
        context.anomaly("error", "says that nothing was paid, yet something came")
        return status, Failure(None, failure.message)
    if status is Status.FAILED and failure and failure.code is None:
        context.anomaly("error", "says in no words that this release knows why the invoice failed")
    if sent and remaining is not None and not 0 <= remaining <= sent["amount"]:
        context.anomaly("currency_sent.remaining_amount", "is less than nothing, or more than the amount")
    if status is Status.COMPLETED and remaining:
        context.anomaly("currency_sent.remaining_amount", "is not zero, though the invoice is confirmed")
    return status, failure


def created_invoice_event(invoice: Invoice, context: Context) -> EventDraft:
    """Return the event of the create-invoice call's answer. It has no type of its own."""
    return EventDraft(
        kind=Kind.INVOICE,
        status=context.status("invoice", invoice["status"], "data.status"),
        identity=("create_invoice", invoice["id"], invoice["status"]),
        provider_status=invoice["status"],
        payment=Payment(invoice["id"], invoice.get("foreign_id"), invoice.get("end_user_reference")),
        amounts=Amounts(
            requested=parts.money(invoice["currency"], invoice["amount"]),
            sent=parts.money(invoice.get("sender_currency"), invoice.get("sender_amount")),
        ),
        parties=(Party("receiver", address=invoice.get("address")),) if invoice.get("address") else (),
    )
