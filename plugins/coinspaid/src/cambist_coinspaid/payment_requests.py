"""Payment requests, the newer kind of invoice, with a form of their own."""

from __future__ import annotations

from cambist import Amounts, Context, EventDraft, Failure, Kind, Party, Payment, Status
from cambist_coinspaid import parts
from cambist_coinspaid.payloads import PaymentRequest


def payment_request_event(request: PaymentRequest, context: Context) -> EventDraft:
    """Return the event of a payment request's callback."""
    sent, asked = request.get("currency_sent"), request.get("payment_request_amount")
    code = sent["currency"]["iso"] if sent else None
    came = sent.get("received_amount") if sent else None
    left = sent.get("remaining_amount") if sent else None
    status = context.status("payment_request", request["status"])
    failure = parts.failure(request.get("error"))
    if failure is None and status is Status.FAILED and came and left:
        failure = Failure("underpaid")
    if (status is Status.COMPLETED and left) or (status is Status.EXPIRED and came):
        context.anomaly("currency_sent", "does not agree with the status")
    movements = request.get("transactions") or ()
    return EventDraft(
        kind=Kind.INVOICE,
        status=status,
        # The status word stays the same while money comes in, so the sums are part of it.
        identity=(
            *(request["type"], request["payment_request_id"], request["status"], f"{came}", f"{left}"),
            *parts.progress(movements),
        ),
        provider_type=request["type"],
        provider_status=request["status"],
        payment=Payment(
            request["payment_request_id"], request.get("foreign_id"), request.get("end_user_reference")
        ),
        amounts=Amounts(
            requested=parts.money(asked["currency"]["iso"], asked["amount"]) if asked else None,
            sent=parts.money(code, sent.get("expected_amount")) if sent else None,
            received=parts.money(code, came),
            remaining=parts.money(code, left),
        ),
        fees=parts.fees(request.get("fees") or (), context),
        transactions=parts.transactions(movements),
        parties=(
            *parts.payee(request.get("payment_request_address")),
            *(
                (Party("customer", email=request.get("end_user_email")),)
                if request.get("end_user_email")
                else ()
            ),
        ),
        failure=failure,
    )
