"""What a batch changes, worked out without a database."""

from __future__ import annotations

from datetime import timedelta

from inbox_toy import PIPELINE, START, about, delivery, item

from cambist import Delivery, PaymentState, Status
from cambist_inbox import _items
from cambist_inbox._items import Acceptance, payment_key
from cambist_inbox._plan import StoredEvent, StoredPayment, plan
from cambist_inbox._vault import Vault

LATER = START + timedelta(seconds=1)


def accepted(given: Delivery) -> Acceptance:
    route = PIPELINE.route(given.source)
    assert route is not None
    return _items.acceptance(PIPELINE.process(given), route.provider, Vault(), START)


def ids(given: Delivery) -> list[str]:
    return [event.id for event in PIPELINE.process(given).events]


def key(given: Delivery) -> bytes:
    found = payment_key(PIPELINE.process(given).events[0])
    assert found is not None
    return found


def test_the_same_twice_in_one_batch() -> None:
    planned = plan([accepted(about("1")), accepted(about("1"))], {}, {}, {}, LATER)
    assert [row["times"] for row in planned.deliveries] == [2]
    assert [(row["id"], row["times"]) for row, _, _ in planned.events] == [(ids(about("1"))[0], 2)]


def test_the_same_event_in_other_bytes_in_one_batch() -> None:
    planned = plan([accepted(about("1")), accepted(about("1", sent=2))], {}, {}, {}, LATER)
    assert [row["times"] for row in planned.deliveries] == [1, 1]
    assert [(row["times"], position) for row, position, _ in planned.events] == [(2, 0)]


def test_what_is_stored_is_counted() -> None:
    given = accepted(about("1"))
    (id_,) = ids(about("1"))
    planned = plan([given, given], {id_: StoredEvent(7, given.row["digest"])}, {}, {}, LATER)
    assert planned.deliveries == planned.events == []
    assert dict(planned.seen_deliveries) == {7: 2}
    assert dict(planned.seen_events) == {id_: 2}


def test_what_is_stored_in_other_bytes_is_kept_without_events() -> None:
    (id_,) = ids(about("1"))
    planned = plan([accepted(about("1", sent=2))], {id_: StoredEvent(7, "other")}, {}, {}, LATER)
    assert len(planned.deliveries) == 1
    assert planned.events == []
    assert dict(planned.seen_deliveries) == {}
    assert dict(planned.seen_events) == {id_: 1}


def test_events_of_one_payment_in_one_batch_build_on_each_other() -> None:
    steps = [about("1", state, minute=minute) for state, minute in (("completed", 3), ("created", 1))]
    planned = plan(map(accepted, steps), {}, {}, {}, LATER)
    assert [row["verdict"] for row, _, _ in planned.events] == ["applied", "stale"]
    (payment,) = planned.new_payments.values()
    assert (payment["status"], payment["updated_at"]) == ("completed", LATER)
    assert planned.moved == {}


def test_a_payment_that_is_stored_moves_only_if_its_state_does() -> None:
    stored = {key(about("1")): StoredPayment(5, PaymentState(untimed=Status.COMPLETED))}
    late = plan([accepted(about("1", "created"))], {}, stored, {}, LATER)
    assert late.moved == late.new_payments == {}
    assert [row["verdict"] for row, _, _ in late.events] == ["stale"]
    new = plan([accepted(about("1", "refunded"))], {}, stored, {}, LATER)
    assert {id_: state.status for id_, state in new.moved.items()} == {5: Status.REFUNDED}


def test_one_event_is_about_no_payment_and_another_is() -> None:
    planned = plan([accepted(delivery(item("1", payment=None), item("2")))], {}, {}, {}, LATER)
    assert [(row["verdict"], owner) for row, _, owner in planned.events] == [
        (None, None),
        ("applied", key(about("2"))),
    ]


def test_planning_changes_nothing_that_it_is_given() -> None:
    batch = [accepted(about("1")), accepted(about("1")), accepted(about("2"))]
    first = plan(batch, {}, {}, {}, LATER)
    assert plan(batch, {}, {}, {}, LATER) == first
    assert [each.row["times"] for each in batch] == [1, 1, 1]
