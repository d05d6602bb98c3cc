"""The results of customers' identity checks (KYC)."""

from __future__ import annotations

from cambist import Context, EventDraft, Kind, fault
from cambist_alchemypay import parts, times
from cambist_alchemypay.payloads import Kyc


def kyc_event(kyc: Kyc, context: Context) -> EventDraft:
    """Return the event of a result."""
    user, email, when = kyc.get("userNo"), kyc.get("email"), kyc.get("date")
    if not user and not email:
        raise fault("userNo", "is missing, and so is email: whose result it is cannot be told")
    return EventDraft(
        kind=Kind.CUSTOMER,
        status=context.status("kyc", kyc["kycStatus"], "kycStatus"),
        # The time too: who was rejected can try again.
        identity=("kyc", user or f"{email}", kyc["kycStatus"], kyc.get("kycStartTime") or when or ""),
        provider_status=kyc["kycStatus"],
        parties=parts.customer(email, user),
        occurred_at=times.read(when, "date", context) if when else None,
    )
