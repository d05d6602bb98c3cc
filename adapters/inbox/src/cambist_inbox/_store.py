"""A batch on its way into the database: look up, plan, write. In one transaction, which the caller opens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    Connection,
    Executable,
    Table,
    any_,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql

from cambist_inbox._insert import add_rows, insert_rows
from cambist_inbox._items import Acceptance, Rejection, Row
from cambist_inbox._outbox import AT_ONCE
from cambist_inbox._plan import Plan, StoredEvent, StoredPayment, plan, state_columns, state_of
from cambist_inbox._schema import deliveries, events, outbox, payments, rejections

# Both databases take more values in one statement; a batch seldom has more.
_CHUNK = 1000


def _among(query: Any, column: Column[Any]) -> dict[str, Executable]:
    """Return a query for rows of which a column is one of ``values``, for each database.

    PostgreSQL plans a list anew for each length, and an array once.
    """
    listed = column.in_(bindparam("values", expanding=True))
    array = column == any_(bindparam("values", type_=ARRAY(column.type)))
    return {"sqlite": query.where(listed), "postgresql": query.where(array)}


# Made once: to put a statement together takes longer than to run it.
_EVENTS = _among(
    select(events.c.id, events.c.delivery_id, deliveries.c.digest).join(
        deliveries, deliveries.c.id == events.c.delivery_id
    ),
    events.c.id,
)
# In the order of the keys, so that two processes never wait for each other. Rows that point to a payment may
# be added meanwhile.
_PAYMENTS = _among(
    select(payments.c.id, payments.c.key, payments.c.timed, payments.c.occurred_at, payments.c.untimed)
    .order_by(payments.c.key)
    .with_for_update(key_share=True),
    payments.c.key,
)
_QUARANTINED = _among(
    select(deliveries.c.source, deliveries.c.digest, deliveries.c.id).where(
        deliveries.c.problem.is_not(None)
    ),
    deliveries.c.digest,
)


class RaceError(Exception):
    """Another process wrote what this transaction did not see: it has to begin again."""


def store(
    connection: Connection,
    batch: Sequence[Acceptance],
    sinks: Sequence[str],
    now: datetime,
) -> None:
    """Write genuine deliveries, their events, their payments' states, and what sinks are still to get.

    Raises:
        RaceError: Another process stored a payment of theirs at the same time.
    """
    entries = [entry for acceptance in batch for entry in acceptance.entries]
    # What is stored stays: nothing of an event that came again is asked of its payment.
    stored_events = _find_events(connection, {entry.event.id for entry in entries})
    fresh = [entry for entry in entries if entry.event.id not in stored_events]
    stored_payments = lock_payments(connection, {e.payment_key for e in fresh if e.payment_key})
    if stored_payments and connection.dialect.name != "sqlite":
        # Whoever holds a payment's row sees every event of it that anyone has stored.
        stored_events |= _find_events(connection, {entry.event.id for entry in fresh})
    quarantined = _find_quarantined(connection, batch)
    write(
        connection, plan(batch, stored_events, stored_payments, quarantined, now), stored_payments, sinks, now
    )


def write(
    connection: Connection,
    planned: Plan,
    stored_payments: Mapping[bytes, StoredPayment],
    sinks: Sequence[str],
    now: datetime,
) -> None:
    """Write what was planned."""
    numbers = {key: payment.id for key, payment in stored_payments.items()}
    numbers |= add_payments(connection, planned.new_payments)
    if planned.moved:
        connection.execute(
            update(payments).where(payments.c.id == bindparam("number")),
            [{"number": id_, **state_columns(state, now)} for id_, state in planned.moved.items()],
        )
    delivery_ids = insert_rows(connection, deliveries, planned.deliveries)
    rows = []
    for row, position, key in planned.events:
        row["delivery_id"] = delivery_ids[position]
        row["payment_id"] = None if key is None else numbers[key]
        rows.append(row)
    seqs = insert_rows(connection, events, rows)
    waiting = [
        {
            "sink": sink,
            "event_seq": seq,
            "payment_id": row["payment_id"],
            "attempts": 0,
            "due_at": AT_ONCE,
        }
        for seq, row in zip(seqs, rows, strict=True)
        for sink in sinks
    ]
    add_rows(connection, outbox, waiting)
    _count(connection, deliveries, deliveries.c.id, planned.seen_deliveries, last_seen_at=now)
    _count(connection, events, events.c.id, planned.seen_events)


def store_rejections(connection: Connection, batch: Sequence[Rejection], limit: int) -> None:
    """Write refused deliveries, and drop the oldest where there are more than the limit."""
    add_rows(connection, rejections, [rejection.row for rejection in batch])
    newest = select(func.max(rejections.c.id)).scalar_subquery()
    connection.execute(delete(rejections).where(rejections.c.id <= newest - limit))


def lock_payments(connection: Connection, keys: Iterable[bytes]) -> dict[bytes, StoredPayment]:
    """Return those of these payments that are there. They are nobody else's until the transaction ends."""
    rows = _find(connection, _PAYMENTS, sorted(keys))
    return {row["key"]: StoredPayment(row["id"], state_of(row)) for row in (row._asdict() for row in rows)}


def _find_events(connection: Connection, ids: Iterable[str]) -> dict[str, StoredEvent]:
    rows = _find(connection, _EVENTS, sorted(ids))
    return {id_: StoredEvent(delivery_id, digest) for id_, delivery_id, digest in rows}


def _find_quarantined(connection: Connection, batch: Sequence[Acceptance]) -> dict[tuple[str, str], int]:
    digests = [acceptance.row["digest"] for acceptance in batch if not acceptance.entries]
    rows = _find(connection, _QUARANTINED, digests)
    return {(source, digest): id_ for source, digest, id_ in rows}


def _find(connection: Connection, query: Mapping[str, Executable], values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(values), _CHUNK):
        chunk = {"values": values[start : start + _CHUNK]}
        found += connection.execute(query[connection.dialect.name], chunk)
    return found


def add_payments(connection: Connection, rows: Mapping[bytes, Row]) -> dict[bytes, int]:
    """Insert payments by their keys, and return their numbers.

    Raises:
        RaceError: One of them is there already.
    """
    ordered = [rows[key] for key in sorted(rows)]
    if not rows or connection.dialect.name == "sqlite":  # nobody else writes while we do
        return dict(zip(sorted(rows), insert_rows(connection, payments, ordered), strict=True))
    statement = (
        postgresql.insert(payments)
        .on_conflict_do_nothing(index_elements=[payments.c.key])
        .returning(payments.c.key, payments.c.id)
    )
    numbers: dict[bytes, int] = dict(tuple(row) for row in connection.execute(statement, ordered))
    if len(numbers) < len(rows):
        raise RaceError
    return numbers


def _count(
    connection: Connection, table: Table, key: Column[Any], seen: Mapping[Any, int], **values: Any
) -> None:
    if not seen:
        return
    if (
        connection.dialect.name != "sqlite"
    ):  # row by row and in order: two processes never wait for each other
        counted = update(table).where(key == bindparam("which"))
        counted = counted.values(times=table.c.times + bindparam("more"))
        rows = [{"which": which, "more": more, **values} for which, more in sorted(seen.items())]
        connection.execute(counted, rows)
        return
    for more in set(seen.values()):
        alike = [which for which in seen if seen[which] == more]
        for start in range(0, len(alike), _CHUNK):
            these = update(table).where(key.in_(alike[start : start + _CHUNK]))
            connection.execute(these.values(times=table.c.times + more, **values))
