"""Which deliveries are one event, and which are different ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cambist import Delivery, PaymentEvent, Pipeline, Registry, Source, Status, advance
from cambist.testing import Case
from cambist_alchemypay.statuses import STATUSES

EventOf = Callable[[Mapping[str, Any]], PaymentEvent]


def document(case: Case) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(case.delivery.body)
    return loaded


def test_a_redelivery_is_the_same_event(event_case: Case, registry: Registry) -> None:
    source = Source(event_case.delivery.source, event_case.provider, event_case.settings)
    first, again = (Pipeline([source], registry=registry).process(event_case.delivery) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("name", "group", "key"),
    [
        ("order_document", "order", "status"),
        ("transaction_complete", "transaction", "status"),
        ("kyc_completed", "kyc", "kycStatus"),
    ],
)
def test_each_status_is_an_event(
    name: str, group: str, key: str, cases: dict[str, Case], event_of: EventOf
) -> None:
    words = [*STATUSES[group], "SOMETHING_NEW"]
    assert len({event_of({**document(cases[name]), key: word}).id for word in words}) == len(words)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("order_document", {"orderNo": "100216928821071960015"}),
        ("transaction_complete", {"transactionId": "t_2"}),
        ("transaction_complete", {"transactionAmount": -1980}),
        ("transaction_complete", {"preAuthAmount": -1991}),
        ("kyc_completed", {"userNo": "500417494499129131051"}),
        ("kyc_completed", {"kycStartTime": "2025-06-10 17:41:53"}),
        ("kyc_completed_newer_page", {"date": "2025-06-10 17:41:53"}),
        ("kyc_completed_newer_page", {"email": "pay@alchemytech.io"}),
        ("unknown_event_type", {"eventId": "ev_2"}),
    ],
    ids=str,
)
def test_another_of_these_is_another_event(
    name: str, changes: dict[str, Any], cases: dict[str, Case], event_of: EventOf
) -> None:
    before = document(cases[name])
    assert event_of(before).id != event_of({**before, **changes}).id


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("order_document", {"orderNo": 100216928821071960014}),
        ("order_document", {"cardNumber": "", "cardAmount": "9500", "failReason": "", "newField": 1}),
        ("transaction_complete", {"preAuthAmount": "-1992", "transactionAmount": "-1990"}),
        ("transaction_complete", {"gmtModified": "2023-12-06 03:10:05", "desp": ""}),
        ("kyc_completed", {"redirectUrl": "https://elsewhere.example"}),
    ],
    ids=str,
)
def test_none_of_these_makes_another_event(
    name: str, changes: dict[str, Any], cases: dict[str, Case], event_of: EventOf
) -> None:
    before = document(cases[name])
    assert event_of(before).id == event_of({**before, **changes}).id


def test_an_order_and_a_transaction_of_one_number_are_two_events(event_of: EventOf) -> None:
    assert event_of({"orderNo": "7", "status": "X"}).id != event_of({"transactionId": "7", "status": "X"}).id


def test_settings_do_not_make_another_event(registry: Registry, cases: dict[str, Case]) -> None:
    choices: list[dict[str, Any]] = [
        {"auth": "none"},
        {"auth": "none", "card_amount_unit": "major", "transaction_amount_unit": "major"},
        {"auth": "none", "timezone": "Asia/Singapore"},
        {"auth": "path", "secrets": ["cards"]},
    ]
    for name in ("order_document", "transaction_complete", "kyc_completed_newer_page", "unknown_event_type"):
        delivery = cases[name].delivery
        sources = [Source("cards", "alchemypay-card", settings) for settings in choices]
        events = [Pipeline([source], registry=registry).process(delivery).events[0] for source in sources]
        assert len({event.id for event in events}) == 1


def test_the_key_of_a_known_form_wins_over_an_unknown_one(event_of: EventOf) -> None:
    event = event_of({"orderNo": "1", "status": "INIT", "eventType": "ORDER", "cardId": "c_1"})
    assert event.payment.id == "1"


@pytest.mark.parametrize("last", ["SUCCESS", "FAIL", "CANCEL", "REFUNDING"])
def test_an_order_is_where_its_later_status_says(last: str, order: dict[str, str], event_of: EventOf) -> None:
    """All statuses of an order come with one time, orderTime, so their order decides."""
    first, then = (event_of({**order, "status": word}) for word in ("INIT", last))
    for events in ((first, then), (then, first)):
        state = None
        for event in events:
            state, _ = advance(state, event)
        assert state is not None
        assert state.status is STATUSES["order"][last]


@pytest.mark.parametrize(
    ("refunding_status", "end"), [("refunding", Status.REFUNDING), ("processing", Status.COMPLETED)]
)
def test_an_order_that_succeeds_after_refunding_is_completed_if_that_means_in_progress(
    refunding_status: str, end: Status, order: dict[str, str], registry: Registry
) -> None:
    settings = {"auth": "none", "refunding_status": refunding_status}
    pipeline = Pipeline([Source("cards", "alchemypay-card", settings)], registry=registry)
    state = None
    for word in ("INIT", "REFUNDING", "SUCCESS"):
        body = json.dumps({**order, "status": word}).encode()
        state, _ = advance(state, pipeline.process(Delivery("cards", {}, body)).events[0])
    assert state is not None
    assert state.status is end


@pytest.mark.parametrize("word", STATUSES["order"])
def test_a_card_has_got_its_sum_unless_the_order_came_to_nothing(
    word: str, order: dict[str, str], event_of: EventOf
) -> None:
    """A handler takes what a failed event states as received for money that came nevertheless."""
    event = event_of({**order, "status": word})
    assert (event.amounts.received is None) is (word in {"FAIL", "CANCEL"})
    assert event.amounts.sent is not None


@pytest.mark.parametrize("word", STATUSES["transaction"])
def test_a_card_has_paid_unless_the_transaction_came_to_nothing(
    word: str, cases: dict[str, Case], event_of: EventOf
) -> None:
    event = event_of({**document(cases["transaction_complete"]), "status": word})
    assert (event.amounts.sent is not None) is (word in {"PENDING", "COMPLETE"})
    assert event.transactions[0].money is not None


@pytest.mark.parametrize("word", STATUSES["order"])
def test_a_reason_is_one_for_a_failure_only(word: str, order: dict[str, str], event_of: EventOf) -> None:
    event = event_of({**order, "status": word, "failReason": "not enough"})
    noted = "failReason" in {anomaly.path for anomaly in event.anomalies}
    assert (event.failure is None) is noted is (word in {"INIT", "SUCCESS"})
    assert event.failure is None or event.failure.message == "not enough"


@pytest.mark.parametrize(
    ("address", "network", "seen"),
    [("T1", "TRON", ("TRON", "T1")), ("", "TRON", ("TRON", None)), ("T1", "", (None, "T1")), ("", "", None)],
)
def test_an_order_tells_where_it_was_paid_to(
    address: str, network: str, seen: tuple[str, str] | None, order: dict[str, str], event_of: EventOf
) -> None:
    event = event_of({**order, "cryptoAddress": address, "network": network})
    assert [(each.network, each.to) for each in event.transactions] == ([seen] if seen else [])


@pytest.mark.parametrize(
    ("number", "last_four"),
    [
        ("556735XXXXXX0737", "0737"),
        ("5567 6654 5783 9662", "9662"),
        ("**** 96-62", "9662"),
        ("5567XXXXXXXX96X2", None),
        ("966", None),
    ],
)
def test_the_last_four_digits_stand_at_the_end(
    number: str, last_four: str | None, order: dict[str, str], event_of: EventOf
) -> None:
    event = event_of({**order, "cardNumber": number})
    assert event.card is not None
    assert event.card.last_four == last_four
    assert ("cardNumber" in {anomaly.path for anomaly in event.anomalies}) is (last_four is None)


def test_a_source_of_its_own_makes_another_event(
    registry: Registry, cases: dict[str, Case], event_of: EventOf
) -> None:
    source = Source("other", "alchemypay-card", {"auth": "none"})
    delivery = Delivery("other", {}, cases["order_document"].delivery.body)
    (event,) = Pipeline([source], registry=registry).process(delivery).events
    assert event.id != event_of(document(cases["order_document"])).id
