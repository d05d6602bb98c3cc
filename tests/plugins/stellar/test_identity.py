"""One event has one id, however it is wrapped, repeated or spelt; another event has another."""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import permutations
from typing import Any

import pytest

from cambist import PaymentState, Registry, Status, advance
from cambist.testing import Case

from .conftest import Sender

TRANSACTION = {
    "id": "t-1",
    "sep": "24",
    "kind": "deposit",
    "status": "pending_anchor",
    "amount_in": {"amount": "100", "asset": "iso4217:USD"},
    "updated_at": "2026-01-15T11:36:00Z",
}
EVENT = {
    "id": "e-1",
    "type": "transaction_status_changed",
    "timestamp": "2026-01-15T11:36:01Z",
    "payload": {"transaction": TRANSACTION},
}
SAME = {
    "another attempt": EVENT | {"timestamp": "2026-01-15T23:00:00Z"},
    "no timestamp": {key: value for key, value in EVENT.items() if key != "timestamp"},
    "other keys first": dict(reversed(EVENT.items())),
    "in the envelope of 2.2.1": {
        "timestamp": 1768476961,
        "payload": {"type": EVENT["type"], "id": "e-1", "sep": "24", "transaction": TRANSACTION},
    },
    "as the platform's record": {
        "type": EVENT["type"],
        "id": "e-1",
        "sep": "24",
        "transaction": TRANSACTION,
    },
}


def sent(document: Any, sender: Sender) -> str:
    return sender.event(json.dumps(document).encode()).id


@pytest.mark.parametrize("document", SAME.values(), ids=SAME)
def test_an_anchors_event_is_known_by_the_id_of_its_envelope(document: Any, anchor: Sender) -> None:
    assert sent(document, anchor) == sent(EVENT, anchor)


def test_another_envelope_is_another_event_also_of_the_same_transaction(anchor: Sender) -> None:
    assert sent(EVENT | {"id": "e-2"}, anchor) != sent(EVENT, anchor)


def test_without_an_id_the_content_tells(anchor: Sender) -> None:
    bare = {key: value for key, value in EVENT.items() if key != "id"}
    assert sent(bare, anchor) != sent(EVENT, anchor)
    assert sent(bare | {"timestamp": "2026-01-15T23:00:00Z"}, anchor) == sent(bare, anchor)
    other = {"transaction": TRANSACTION | {"status": "completed"}}
    assert sent(bare | {"payload": other}, anchor) != sent(bare, anchor)
    assert sent(bare | {"type": "transaction_created"}, anchor) != sent(bare, anchor)
    record = {"type": EVENT["type"], "transaction": TRANSACTION}
    attempts = [sent(record | {"timestamp": f"2026-01-15T1{hour}:00:00Z"}, anchor) for hour in range(3)]
    assert set(attempts) == {sent(record, anchor)}


CALLBACK = {
    "transaction": {
        "id": "w-1",
        "kind": "deposit",
        "status": "pending_anchor",
        "status_eta": 60,
        "more_info_url": "https://anchor.example/?token=1",
        "kyc_verified": False,
        "amount_in": "100",
        "updated_at": "2026-01-15T11:36:00Z",
    }
}
CUSTOMER = {"id": "c-1", "status": "NEEDS_INFO", "fields": {"email_address": {"type": "string"}}}
NEWS = {
    "id": "w-2",
    "status": "completed",
    "kyc_verified": True,
    "amount_in": "101",
    "updated_at": "2026-01-15T11:37:00Z",
    "message": "soon",
}


@pytest.mark.parametrize("key", NEWS)
def test_a_wallets_callback_that_says_another_thing_is_another_event(key: str, wallet: Sender) -> None:
    other = {"transaction": CALLBACK["transaction"] | {key: NEWS[key]}}
    assert sent(other, wallet) != sent(CALLBACK, wallet)


def test_a_wallets_callback_that_says_the_same_is_the_same_event(wallet: Sender) -> None:
    other = deepcopy(CALLBACK)
    other["transaction"] |= {"more_info_url": "https://anchor.example/?token=2", "status_eta": 30}
    other["transaction"] = dict(reversed(other["transaction"].items()))
    assert sent(other, wallet) == sent(CALLBACK, wallet)
    del other["transaction"]["more_info_url"], other["transaction"]["status_eta"]
    assert sent(other, wallet) == sent(CALLBACK, wallet)


def test_a_customer_is_told_apart_by_all_that_is_said(wallet: Sender) -> None:
    known = {sent(CUSTOMER, wallet)}
    known.add(sent(CUSTOMER | {"status": "ACCEPTED"}, wallet))
    known.add(sent(CUSTOMER | {"id": "c-2"}, wallet))
    known.add(sent(CUSTOMER | {"fields": {}}, wallet))
    known.add(sent({"transaction": {"id": "c-1", "kind": "deposit", "status": "NEEDS_INFO"}}, wallet))
    assert len(known) == 5
    assert sent(dict(reversed(CUSTOMER.items())), wallet) in known


def test_nothing_of_the_token_in_a_link_is_in_an_event(wallet: Sender) -> None:
    event = wallet.event(json.dumps(CALLBACK).encode())
    assert "token" not in repr(event)


# --- Events in any order come to the same end: the platform's times are those of the change.

DEPOSIT = (
    "sep24_deposit_incomplete",
    "sep24_deposit_pending_user_transfer_start",
    "sep24_deposit_pending_anchor",
    "sep24_deposit_pending_trust",
    "sep24_deposit_completed",
)


def test_a_deposit_is_completed_in_whatever_order_its_events_come(
    cases: dict[str, Case], registry: Registry, anchor: Sender
) -> None:
    events = [anchor.event(cases[name].delivery.body) for name in DEPOSIT]
    assert len({event.payment.id for event in events}) == 1
    assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)
    for order in permutations(events):
        state: PaymentState | None = None
        for event in order:
            state, _ = advance(state, event)
        assert state is not None
        assert state.status is Status.COMPLETED


@pytest.mark.parametrize("ended", ["expired", "error"])
def test_what_ended_without_money_goes_on_when_money_comes(ended: str, anchor: Sender) -> None:
    """Facts page: both can be followed by another pending status."""
    state: PaymentState | None = None
    seen = []
    for number, status in enumerate(("pending_user_transfer_start", ended, "pending_anchor", "completed")):
        changed = TRANSACTION | {"status": status, "updated_at": f"2026-01-15T11:3{number}:00Z"}
        event = anchor.event(
            json.dumps(EVENT | {"id": f"e-{number}", "payload": {"transaction": changed}}).encode()
        )
        state, _ = advance(state, event)
        seen.append(state.status)
    assert seen[2:] == [Status.PROCESSING, Status.COMPLETED]
