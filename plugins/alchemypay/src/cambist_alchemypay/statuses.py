"""The vendor's status words, by the object that they are of."""

from __future__ import annotations

from cambist import Status

STATUSES = {
    # The order webhook's document.
    "order": {
        "INIT": Status.CREATED,
        "REFUNDING": Status.REFUNDING,
        "SUCCESS": Status.COMPLETED,
        "FAIL": Status.FAILED,
        "CANCEL": Status.CANCELLED,
    },
    # https://alchemypay.readme.io/docs/webhook-for-virtual-card-transactions
    "transaction": {
        "PENDING": Status.PROCESSING,
        "EXPIRED": Status.EXPIRED,
        "REVERSED": Status.CANCELLED,  # the authorisation was taken back, and nothing was paid
        "DECLINED": Status.FAILED,
        "COMPLETE": Status.COMPLETED,
        "REFUND": Status.REFUNDED,
        "FEE": Status.COMPLETED,
        "MONTHLY_FEE": Status.COMPLETED,
    },
    # https://alchemypay.readme.io/docs/kyc-webhook
    "kyc": {
        "COMPLETED": Status.COMPLETED,
        "REJECTED": Status.FAILED,
    },
}
