"""What a batch changes, worked out before anything is written. Pure: rows in, rows out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from attrs import field, frozen

from cambist import PaymentState, Status, advance
from cambist_inbox._items import Acceptance, Row, event_row, payment_row


@frozen
class StoredEvent:
    """An event that is in the database already, and where it came from."""

    delivery_id: int
    digest: str


@frozen
class StoredPayment:
    """A payment that is in the database already."""

    id: int
    state: PaymentState


@frozen
class Plan:
    """The rows that a batch adds, and those that it changes.

    Attributes:
        deliveries: New ones.
        events: New ones, each with the position of its delivery in ``deliveries``, and its payment's key.
        new_payments: By key.
        moved: The states of payments that are there, by their number.
        seen_deliveries: How often each delivery that is there has come again, by its number.
        seen_events: The same of events, by identifier.
    """

    deliveries: list[Row] = field(factory=list)
    events: list[tuple[Row, int, bytes | None]] = field(factory=list)
    new_payments: dict[bytes, Row] = field(factory=dict)
    moved: dict[int, PaymentState] = field(factory=dict)
    seen_deliveries: Counter[int] = field(factory=Counter)
    seen_events: Counter[str] = field(factory=Counter)


def plan(
    batch: Iterable[Acceptance],
    stored_events: Mapping[str, StoredEvent],
    stored_payments: Mapping[bytes, StoredPayment],
    quarantined: Mapping[tuple[str, str], int],
    now: datetime,
) -> Plan:
    """Return what these deliveries change, in the order in which they came.

    Args:
        batch: The deliveries.
        stored_events: Those of their events that are in the database, by identifier.
        stored_payments: Those of their payments that are, by key.
        quarantined: The numbers of deliveries in quarantine, by source and digest.
        now: The time of the inbox.
    """
    result = Plan()
    states: dict[bytes, PaymentState | None] = {key: each.state for key, each in stored_payments.items()}
    first_rows: dict[str, Row] = {}  # events of this batch, by identifier
    homes: dict[str, int] = {}  # the position of the delivery that each of them came with
    for acceptance in batch:
        fresh, again = [], []
        for entry in acceptance.entries:
            id_ = entry.event.id
            if id_ in stored_events or id_ in homes:
                again.append(id_)
            else:
                fresh.append(entry)
        for id_ in again:
            if id_ in homes:
                first_rows[id_]["times"] += 1
            else:
                result.seen_events[id_] += 1
        if not acceptance.entries and _count_quarantined(acceptance.row, quarantined, result):
            continue
        if not fresh and _count(acceptance, again, stored_events, homes, result):
            continue
        position = len(result.deliveries)
        result.deliveries.append(dict(acceptance.row))  # a batch that lost a race is planned again
        for entry in fresh:
            row = event_row(entry, now)
            key = entry.payment_key
            if key is not None:
                states[key], verdict = advance(states.get(key), entry.event)
                row["verdict"] = verdict.value
                if key not in stored_payments and key not in result.new_payments:
                    result.new_payments[key] = payment_row(entry)
            result.events.append((row, position, key))
            first_rows[entry.event.id] = row
            homes[entry.event.id] = position
    for key, state in states.items():
        if state is None:
            continue
        if key in result.new_payments:
            result.new_payments[key] |= state_columns(state, now)
        elif state != stored_payments[key].state:
            result.moved[stored_payments[key].id] = state
    return result


def _count(
    acceptance: Acceptance,
    again: list[str],
    stored_events: Mapping[str, StoredEvent],
    homes: Mapping[str, int],
    result: Plan,
) -> bool:
    """Count a delivery whose every event is known, if its bytes are those of one of them."""
    for id_ in again:
        if id_ in homes:
            first = result.deliveries[homes[id_]]
            if first["digest"] == acceptance.row["digest"]:
                first["times"] += 1
                return True
        elif stored_events[id_].digest == acceptance.row["digest"]:
            result.seen_deliveries[stored_events[id_].delivery_id] += 1
            return True
    return False


def _count_quarantined(row: Row, quarantined: Mapping[tuple[str, str], int], result: Plan) -> bool:
    """Count a delivery without events, if the same bytes are in quarantine already."""
    place = (row["source"], row["digest"])
    if place in quarantined:
        result.seen_deliveries[quarantined[place]] += 1
        return True
    for earlier in result.deliveries:
        if (earlier["source"], earlier["digest"]) == place:
            earlier["times"] += 1
            return True
    return False


def state_columns(state: PaymentState, now: datetime) -> Row:
    """Return a payment's state as columns."""
    return {
        "status": state.status.value,
        "timed": state.timed.value,
        "occurred_at": state.occurred_at,
        "untimed": state.untimed.value,
        "updated_at": now,
    }


def state_of(row: Row) -> PaymentState:
    """Return the state of a payment's row."""
    return PaymentState(Status(row["timed"]), row["occurred_at"], Status(row["untimed"]))
