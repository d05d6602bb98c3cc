"""Each status as the documents list it, for each SEP that has it and in both forms."""

from __future__ import annotations

import json

import pytest

from cambist import Kind, Status

from .conftest import Sender

# The anchor platform's and the SEPs' words, as their documents explain them.
STATUSES = {
    "incomplete": Status.CREATED,
    "pending_user_transfer_start": Status.AWAITING_PAYMENT,
    "pending_user_transfer_complete": Status.ACTION_REQUIRED,
    "pending_external": Status.PROCESSING,
    "pending_anchor": Status.PROCESSING,
    "on_hold": Status.ON_HOLD,
    "pending_stellar": Status.PROCESSING,
    "pending_trust": Status.ACTION_REQUIRED,
    "pending_user": Status.ACTION_REQUIRED,
    "pending_customer_info_update": Status.ACTION_REQUIRED,
    "pending_transaction_info_update": Status.ACTION_REQUIRED,
    "pending_sender": Status.AWAITING_PAYMENT,
    "pending_receiver": Status.PROCESSING,
    "completed": Status.COMPLETED,
    "refunded": Status.REFUNDED,
    "expired": Status.EXPIRED,
    "error": Status.FAILED,
    "no_market": Status.FAILED,
    "too_small": Status.FAILED,
    "too_large": Status.FAILED,
}
ALL = ("pending_external", "pending_stellar", "completed", "refunded", "expired", "error")
INTERACTIVE = (
    *("incomplete", "pending_user_transfer_start", "pending_user_transfer_complete", "pending_anchor"),
    *("on_hold", "pending_trust", "pending_user", "no_market", "too_small", "too_large"),
)
TO_CORRECT = ("pending_customer_info_update", "pending_transaction_info_update")
BY_SEP = {
    "6": (*ALL, *INTERACTIVE, *TO_CORRECT),
    "24": (*ALL, *INTERACTIVE),
    # The anchor's part is told of partial refunds, too.
    "31": (*ALL, *TO_CORRECT, "pending_sender", "pending_receiver", "pending_anchor"),
}
KINDS = {
    "6": {
        "deposit": Kind.DEPOSIT,
        "deposit-exchange": Kind.DEPOSIT,
        "withdrawal": Kind.WITHDRAWAL,
        "withdrawal-exchange": Kind.WITHDRAWAL,
    },
    "24": {"deposit": Kind.DEPOSIT, "withdrawal": Kind.WITHDRAWAL},
    "31": {"receive": Kind.TRANSFER},
}
FAILED = ("error", "no_market", "too_small", "too_large")


def test_every_word_belongs_to_a_sep() -> None:
    assert {word for words in BY_SEP.values() for word in words} == set(STATUSES)


@pytest.mark.parametrize(("sep", "word"), [(sep, word) for sep, words in BY_SEP.items() for word in words])
def test_a_business_server_is_told_where_a_transaction_stands(sep: str, word: str, anchor: Sender) -> None:
    for kind, ours in KINDS[sep].items():
        transaction = {"id": "t-1", "sep": sep, "kind": kind, "status": word, "message": "why"}
        body = {"id": "e-1", "type": "transaction_status_changed", "payload": {"transaction": transaction}}
        event = anchor.event(json.dumps(body).encode())
        assert (event.kind, event.status, event.provider_status) == (ours, STATUSES[word], word)
        failure = (event.failure.code, event.failure.message) if event.failure else None
        assert failure == ((word, "why") if word in FAILED else None)
        assert event.anomalies == ()


@pytest.mark.parametrize(("sep", "word"), [(sep, word) for sep, words in BY_SEP.items() for word in words])
def test_so_is_a_wallet(sep: str, word: str, wallet: Sender) -> None:
    for kind, ours in KINDS[sep].items():
        named = {} if kind == "receive" else {"kind": kind}  # SEP-31 has no kinds
        body = {"transaction": {"id": "t-1", "status": word, **named}}
        event = wallet.event(json.dumps(body).encode())
        assert (event.kind, event.status, event.provider_status) == (ours, STATUSES[word], word)
        assert event.anomalies == ()


@pytest.mark.parametrize("word", STATUSES)
def test_the_older_mark_of_a_refund_counts_on_a_completed_transaction_only(word: str, wallet: Sender) -> None:
    """SEP-24 gave `refunded` up for the status; until then a refund came as completed."""
    body = {"transaction": {"id": "t-1", "kind": "deposit", "status": word, "refunded": True}}
    expected = Status.REFUNDED if word == "completed" else STATUSES[word]
    assert wallet.event(json.dumps(body).encode()).status is expected
