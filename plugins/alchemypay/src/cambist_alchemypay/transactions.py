"""Card transactions: a card is used, or charged a fee."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cambist import Amounts, Context, EventDraft, Fee, Kind, Payment, Status, Transaction
from cambist_alchemypay import parts, times
from cambist_alchemypay.payloads import CardTransaction

# The statuses whose sum is a fee.
FEES = {"FEE", "MONTHLY_FEE"}
# Under these nothing was paid, or it came back.
NOT_SENT = {Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.REFUNDED}
_UNIT = "transaction_amount_unit"


def transaction_event(transaction: CardTransaction, context: Context) -> EventDraft:
    """Return the event of a card transaction. Its final sum may differ from the one that was authorised."""
    id_, word = transaction["transactionId"], transaction["status"]
    authorised, settled = transaction.get("preAuthAmount"), transaction.get("transactionAmount")
    status = context.status("transaction", word)
    final = parts.fiat(settled, transaction.get("transactionCurrency"), "transactionAmount", _UNIT, context)
    return EventDraft(
        kind=Kind.CARD_TRANSACTION,
        status=status,
        # The sums too: of one status there may be several, such as two partial reversals.
        identity=("transaction", id_, word, f"{authorised}", f"{settled}"),
        provider_status=word,
        payment=Payment(id_),
        amounts=Amounts(
            requested=parts.fiat(
                authorised, transaction.get("preAuthCurrency"), "preAuthAmount", _UNIT, context
            ),
            sent=None if word in FEES or status in NOT_SENT else final,
            refunded=final if status is Status.REFUNDED else None,
        ),
        fees=(Fee(word, final),) if word in FEES else (),
        transactions=(Transaction(id_, memo=transaction.get("desp"), money=final),),
        card=parts.card(transaction, context),
        parties=parts.customer(transaction.get("email")),
        failure=parts.failure(transaction.get("reason"), status, "reason", context),
        occurred_at=_occurred_at(transaction, context),
    )


def _occurred_at(transaction: Mapping[str, Any], context: Context) -> datetime | None:
    """Return when the record was last changed; of the others, the latest step's time."""
    for name in ("gmtModified", "transactionTime", "preAuthTime", "gmtCreate"):
        text = transaction.get(name)
        if text:
            return times.read(text, name, context)
    return None
