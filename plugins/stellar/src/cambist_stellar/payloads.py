"""What a transaction is in every form: to a business server or to a wallet, of SEP-6, SEP-24 or SEP-31.

Only what says which transaction it is and where it stands has to fit. All else is ``Soft``: the platform
sends nothing further until an event is accepted, so one odd amount must not hold up every payment.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from cambist import Identifier, Ignored, IsoTime, Soft


class FeeItem(TypedDict):
    """One of ``fee_details.details``."""

    name: Soft[str]
    amount: Soft[Decimal]
    description: Ignored


class FeeDetails(TypedDict):
    """``fee_details`` of a transaction, ``fee`` of a quote. SEP-24 calls the list ``breakdown``."""

    total: Soft[Decimal]
    asset: Soft[str]
    details: Soft[list[FeeItem]]
    breakdown: Soft[list[FeeItem]]


class TransactionBase(TypedDict):
    """What the two forms of a transaction have in common: all but amounts and addresses."""

    id: Identifier
    status: str
    kind: Soft[str]
    quote_id: Soft[Identifier]
    external_transaction_id: Soft[Identifier]
    started_at: Soft[IsoTime]
    updated_at: Soft[IsoTime]
    completed_at: Soft[IsoTime]
    message: Soft[str]
    fee_details: Soft[FeeDetails]
    user_action_required_by: Ignored
