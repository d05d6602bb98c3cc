"""The vendor's status words, by the object that they are of."""

from __future__ import annotations

from cambist import Status

# https://docs.cryptoprocessing.com: Callbacks, Transaction statuses; the last two words are of API v1.
STATUSES = {
    "deposit": {
        "not_confirmed": Status.PROCESSING,
        "processing": Status.PROCESSING,
        "confirmed": Status.COMPLETED,
        "cancelled": Status.CANCELLED,
        "not_enough_fee": Status.ON_HOLD,
        "error": Status.FAILED,
    },
    "withdrawal": {
        "processing": Status.PROCESSING,
        "pending": Status.PROCESSING,
        "confirmed": Status.COMPLETED,
        "declined": Status.FAILED,
        "cancelled": Status.CANCELLED,
        "not_enough_fee": Status.ON_HOLD,
        "error": Status.FAILED,
    },
    "exchange": {
        "processing": Status.PROCESSING,
        "confirmed": Status.COMPLETED,
        "error": Status.FAILED,
    },
    # The parser makes partially_paid of a pending invoice to which something came, and expired of a
    # failed one whose timer ran out unpaid.
    "invoice": {
        "created": Status.CREATED,
        "pending": Status.AWAITING_PAYMENT,
        "processing": Status.PROCESSING,
        "confirmed": Status.COMPLETED,
        "failed": Status.FAILED,
    },
    "payment_request": {
        "processing": Status.PROCESSING,
        "paid": Status.COMPLETED,
        "failed": Status.FAILED,
        "expired": Status.EXPIRED,
    },
}
