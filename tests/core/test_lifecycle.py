"""Where a payment stands: any order of arrival agrees, and money that arrived stays arrived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cambist import Kind, PaymentEvent, PaymentState, Status, Verdict, advance

MORNING = datetime(2026, 1, 1, 8, tzinfo=UTC)

Step = tuple[Status, int | None]  # the status, and the minute at which the provider says it was


def event(status: Status, minute: int | None = None) -> PaymentEvent:
    return PaymentEvent(
        id="evt_" + "0" * 32,
        provider="toy",
        source="shop",
        kind=Kind.PAYMENT,
        status=status,
        occurred_at=None if minute is None else MORNING + timedelta(minutes=minute),
        raw_digest="0" * 64,
        plugin_version="toy 1",
    )


def run(steps: list[Step]) -> tuple[PaymentState | None, list[Verdict]]:
    state, verdicts = None, []
    for step in steps:
        state, verdict = advance(state, event(*step))
        verdicts.append(verdict)
    return state, verdicts


def steps_of(text: str) -> list[tuple[Step, Verdict]]:
    """Read ``created applied, processing@5 applied``."""
    found = []
    for item in text.split(", "):
        what, verdict = item.split(" ")
        status, _, minute = what.partition("@")
        found.append(((Status(status), int(minute) if minute else None), Verdict(verdict)))
    return found


TABLE = [
    # The way without a time: by rank.
    ("created applied, awaiting_payment applied, processing applied, completed applied", "completed"),
    ("processing applied, awaiting_payment stale, created stale", "processing"),
    ("awaiting_payment applied, partially_paid applied, processing applied", "processing"),
    ("completed applied, completed unchanged", "completed"),
    ("completed applied, processing stale, on_hold stale", "completed"),
    # The way with times: the newest counts, whenever it arrives.
    ("on_hold@1 applied, processing@2 applied, on_hold@3 applied", "on_hold"),
    ("processing@3 applied, on_hold@2 stale, created@1 stale", "processing"),
    ("processing@3 applied, processing@5 unchanged, on_hold@4 stale", "processing"),
    ("processing@3 applied, awaiting_payment@3 stale", "processing"),
    ("awaiting_payment@3 applied, processing@3 applied", "processing"),
    # Late money is real.
    ("expired applied, completed applied", "completed"),
    ("failed applied, completed applied", "completed"),
    ("cancelled applied, completed applied", "completed"),
    ("expired@1 applied, processing@2 applied, completed@3 applied", "completed"),
    ("expired@2 applied, processing@1 stale", "expired"),
    ("failed@2 applied, completed@1 applied", "completed"),
    ("expired applied, processing stale, completed applied", "completed"),
    # What contradicts money that has arrived is for a person to see.
    ("completed applied, failed conflicting, expired conflicting, cancelled conflicting", "completed"),
    ("completed@1 applied, failed@2 conflicting, processing@2 conflicting", "completed"),
    ("completed@2 applied, failed@1 stale, failed@2 stale", "completed"),
    ("completed@1 applied, failed conflicting", "completed"),
    ("completed applied, failed@1 conflicting", "completed"),
    ("refunded@1 applied, completed@2 conflicting", "refunded"),
    # Refunds follow completion.
    ("completed applied, refunding applied, partially_refunded applied, refunded applied", "refunded"),
    ("refunded applied, completed stale", "refunded"),
    ("completed@1 applied, refunding@2 applied, refunded@3 applied, completed@1 stale", "refunded"),
    ("refunded@2 applied, completed@1 stale, refunding@1 stale", "refunded"),
    # An unknown word moves nothing.
    ("unknown applied, unknown unchanged, created applied, unknown unchanged", "created"),
    ("unknown@9 applied, created@1 applied, unknown@10 unchanged", "created"),
    ("completed@1 applied, unknown@2 unchanged", "completed"),
    # Some events with a time, and some without.
    ("processing@5 applied, completed applied, processing@6 conflicting", "completed"),
    ("completed applied, completed@5 unchanged, processing@4 stale", "completed"),
    ("created applied, processing@1 applied, awaiting_payment stale", "processing"),
]


@pytest.mark.parametrize(("text", "status"), TABLE)
def test_the_verdict_on_each_event(text: str, status: str) -> None:
    steps = steps_of(text)
    state, verdicts = run([step for step, _ in steps])
    assert verdicts == [verdict for _, verdict in steps]
    assert state is not None
    assert state.status is Status(status)


any_step = st.tuples(st.sampled_from(Status), st.none() | st.integers(0, 3))
any_steps = st.lists(any_step, min_size=1, max_size=7)


@settings(max_examples=500)
@given(any_steps, st.data())
@example([(Status.PROCESSING, 1), (Status.FAILED, None), (Status.ON_HOLD, 2)], None)
def test_any_order_with_any_repetitions_ends_the_same(steps: list[Step], data: st.DataObject | None) -> None:
    orders = [list(reversed(steps)), steps * 2]
    if data is not None:
        repeated = data.draw(st.lists(st.sampled_from(steps), max_size=4))
        orders.append(data.draw(st.permutations(steps + repeated)))
    assert {run(order)[0] for order in orders} == {run(steps)[0]}


PAID = {Status.COMPLETED, Status.REFUNDING, Status.PARTIALLY_REFUNDED, Status.REFUNDED}


@given(any_steps)
def test_completed_is_never_turned_back(steps: list[Step]) -> None:
    state, paid = None, False
    for step in steps:
        paid = paid or step[0] in PAID
        state, _ = advance(state, event(*step))
        assert state.status in PAID if paid else state.status not in PAID


@given(any_steps)
def test_only_what_is_applied_moves_the_status(steps: list[Step]) -> None:
    state = None
    for status, minute in steps:
        before = state.status if state else None
        state, verdict = advance(state, event(status, minute))
        if verdict is Verdict.APPLIED:
            assert state.status is not before
        else:
            assert state.status is before
            assert (verdict is Verdict.UNCHANGED) is (status in (before, Status.UNKNOWN))


@given(any_steps)
def test_an_event_that_comes_again_changes_nothing(steps: list[Step]) -> None:
    state, _ = run(steps)
    for step in steps:
        again, verdict = advance(state, event(*step))
        assert again == state
        assert verdict is not Verdict.APPLIED


@given(any_steps)
def test_a_status_is_one_that_was_told(steps: list[Step]) -> None:
    state, _ = run(steps)
    assert state is not None
    assert state.status in {status for status, _ in steps}
    assert state.final is state.status.final


def test_the_zone_of_a_time_does_not_matter() -> None:
    state, _ = advance(None, event(Status.PROCESSING, 5))
    tokyo = timezone(timedelta(hours=9))
    older = evolve(event(Status.ON_HOLD), occurred_at=(MORNING + timedelta(minutes=4)).astimezone(tokyo))
    newer = evolve(event(Status.ON_HOLD), occurred_at=(MORNING + timedelta(minutes=6)).astimezone(tokyo))
    assert advance(state, older) == (state, Verdict.STALE)
    assert advance(state, newer)[1] is Verdict.APPLIED


@pytest.mark.parametrize("status", Status)
def test_a_payment_normally_ends_with_these(status: Status) -> None:
    ends = {"completed", "failed", "cancelled", "expired", "partially_refunded", "refunded"}
    assert status.final is (status.value in ends)
    assert event(status).final is status.final
