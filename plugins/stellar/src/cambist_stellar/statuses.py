"""The status words of the SEPs, by the object that they are of."""

from __future__ import annotations

from cambist import Status

# SEP-6, SEP-24 and SEP-31 share these; a few belong to one of them only.
_TRANSACTION = {
    "incomplete": Status.CREATED,
    "pending_user_transfer_start": Status.AWAITING_PAYMENT,
    "pending_sender": Status.AWAITING_PAYMENT,
    "pending_user_transfer_complete": Status.ACTION_REQUIRED,
    "pending_trust": Status.ACTION_REQUIRED,
    "pending_user": Status.ACTION_REQUIRED,
    "pending_customer_info_update": Status.ACTION_REQUIRED,
    "pending_transaction_info_update": Status.ACTION_REQUIRED,
    "pending_external": Status.PROCESSING,
    "pending_anchor": Status.PROCESSING,
    "pending_stellar": Status.PROCESSING,
    "pending_receiver": Status.PROCESSING,
    "on_hold": Status.ON_HOLD,
    "completed": Status.COMPLETED,
    "refunded": Status.REFUNDED,
    "expired": Status.EXPIRED,
    "error": Status.FAILED,
    "no_market": Status.FAILED,
    "too_small": Status.FAILED,
    "too_large": Status.FAILED,
}
ANCHOR_STATUSES = {"transaction": _TRANSACTION}
WALLET_STATUSES = {
    # The parser makes refunded of a completed one that an older anchor marks as refunded.
    "transaction": _TRANSACTION,
    # SEP-12, Customer Statuses.
    "customer": {
        "NEEDS_INFO": Status.ACTION_REQUIRED,
        "PROCESSING": Status.PROCESSING,
        "ACCEPTED": Status.COMPLETED,
        "REJECTED": Status.FAILED,
    },
}
