"""The events of a wallet: what an anchor says of its transactions and customers."""

from __future__ import annotations

from typing import Any

from cambist import Amounts, Context, EventDraft, Failure, Kind, Party, Refund, Status, Transaction
from cambist_stellar import parts
from cambist_stellar.wallet_payloads import WalletCustomer, WalletTransaction

# They change from one delivery to the next of the same news: a fresh link, a shorter wait.
VOLATILE = {"more_info_url", "status_eta"}
# Where a transaction names no kind, the first of these fields that is there tells it. With none of them
# it is of SEP-31, which has no kinds.
SIGNS = (
    ("withdraw_anchor_account", Kind.WITHDRAWAL),
    ("withdraw_memo", Kind.WITHDRAWAL),
    ("deposit_memo", Kind.DEPOSIT),
    ("claimable_balance_id", Kind.DEPOSIT),
    ("more_info_url", Kind.UNKNOWN),
    ("from", Kind.UNKNOWN),
    ("to", Kind.UNKNOWN),
)


def transaction_event(document: dict[str, Any], context: Context) -> EventDraft:
    """Return the event of a transaction of SEP-6, SEP-24 or SEP-31."""
    content = parts.digest({key: value for key, value in document.items() if key not in VOLATILE})
    transaction = context.read(WalletTransaction, document, "transaction")
    sums = _sums(transaction, context)
    # There is no event id: the transaction and all that is said of it makes the event.
    identity = ("transaction", transaction["id"], transaction["status"], content)
    draft = parts.transaction_draft(transaction, _kind(transaction), identity, sums, "transaction", context)
    if draft["status"] is Status.COMPLETED and transaction.get("refunded"):
        draft["status"] = Status.REFUNDED
    if draft["status"] is Status.FAILED and transaction.get("status_message"):
        draft["failure"] = Failure(transaction["status"], transaction.get("status_message"))
    draft["provider_type"] = transaction.get("kind")
    draft["transactions"] = _movements(transaction, context)
    draft["parties"] = _parties(transaction)
    return draft


def _kind(transaction: WalletTransaction) -> Kind:
    word = transaction.get("kind")
    if word is not None:
        return parts.KINDS.get(word, Kind.UNKNOWN)
    return next((kind for sign, kind in SIGNS if transaction.get(sign)), Kind.TRANSFER)


def _sums(transaction: WalletTransaction, context: Context) -> parts.Sums:
    """Return the sums; those of refunds are in what came in."""
    incoming, refunds = transaction.get("amount_in_asset"), transaction.get("refunds")
    return parts.Sums(
        Amounts(
            sent=parts.money(transaction.get("amount_in"), incoming, context),
            received=parts.money(transaction.get("amount_out"), transaction.get("amount_out_asset"), context),
            refunded=parts.money(refunds.get("amount_refunded"), incoming, context) if refunds else None,
        ),
        fee=parts.money(transaction.get("amount_fee"), transaction.get("amount_fee_asset"), context),
        refund_fee=parts.money(refunds.get("amount_fee"), incoming, context) if refunds else None,
        refunds=tuple(
            Refund(
                id=payment.get("id"),
                type=payment.get("id_type"),
                money=parts.money(payment.get("amount"), incoming, context),
                fee=parts.money(payment.get("fee"), incoming, context),
            )
            for payment in (refunds.get("payments") if refunds else None) or ()
        ),
    )


def _movements(transaction: WalletTransaction, context: Context) -> tuple[Transaction, ...]:
    """Return the transfer on the chain. A claimable balance is claimed by its own id."""
    hash_, balance = transaction.get("stellar_transaction_id"), transaction.get("claimable_balance_id")
    if not (hash_ or balance):
        return ()
    type_ = "claimable_balance" if balance else None
    return (Transaction(id=balance, type=type_, hash=hash_, network=parts.network(context)),)


def _parties(transaction: WalletTransaction) -> tuple[Party, ...]:
    """Return both ends, and the anchor's account that takes the wallet's payment."""
    return (
        *parts.account("source", transaction.get("from")),
        *parts.account("destination", transaction.get("to"), transaction.get("deposit_memo")),
        *parts.account(
            "anchor",
            transaction.get("withdraw_anchor_account") or transaction.get("stellar_account_id"),
            transaction.get("withdraw_memo") or transaction.get("stellar_memo"),
        ),
    )


def customer_event(document: dict[str, Any], context: Context) -> EventDraft:
    """Return the event of a customer (SEP-12): where the anchor's check of the person stands."""
    content = parts.digest(document)
    customer = context.read(WalletCustomer, document)
    word, who = customer["status"], customer.get("id")
    status = context.status("customer", word)
    return EventDraft(
        kind=Kind.CUSTOMER,
        status=status,
        identity=("customer", who or "", word, content),
        provider_status=word,
        parties=(Party("customer", who),) if who else (),
        failure=Failure(word.lower(), customer.get("message")) if status is Status.FAILED else None,
    )
