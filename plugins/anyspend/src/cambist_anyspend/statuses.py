"""The vendor's status words, by the provider that they come with."""

from __future__ import annotations

from cambist import Status

# Of a transaction: pending, confirming, completed, failed. Of a checkout session: open, processing,
# complete (in the newer interface) or completed, expired, failed. No word means two things, so each is
# known wherever it stands.
WEBHOOK_STATUSES = {
    "data": {
        "pending": Status.PROCESSING,
        "confirming": Status.PROCESSING,
        "processing": Status.PROCESSING,
        "open": Status.AWAITING_PAYMENT,
        "complete": Status.COMPLETED,
        "completed": Status.COMPLETED,
        "failed": Status.FAILED,
        "expired": Status.EXPIRED,
    },
}

# The last two words are of an older release of the vendor.
ORDER_STATUSES = {
    "order": {
        "scanning_deposit_transaction": Status.AWAITING_PAYMENT,
        "waiting_stripe_payment": Status.AWAITING_PAYMENT,
        "quoting_after_deposit": Status.PROCESSING,
        "sending_token_from_vault": Status.PROCESSING,
        "relay": Status.PROCESSING,
        "executing": Status.PROCESSING,
        "executed": Status.COMPLETED,
        "expired": Status.EXPIRED,
        "refunding": Status.REFUNDING,
        "refunded": Status.REFUNDED,
        "failure": Status.FAILED,
        "obtain_token": Status.PROCESSING,
        "obtain_failed": Status.FAILED,
    },
}
