"""A batch on its way into the database: look up, plan, write. In one transaction, which the caller opens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Table,
    any_,
    bindparam,
    delete,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cambist_inbox._items import Acceptance, Rejection, Row
from cambist_inbox._outbox import AT_ONCE
from cambist_inbox._plan import Plan, StoredEvent, StoredPayment, plan, state_columns, state_of
from cambist_inbox._schema import deliveries, events, outbox, payments, rejections

_INSERT: dict[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_TAKE = text("SELECT nextval(pg_get_serial_sequence(:of, :number)) FROM generate_series(1, :rows)")
# Both databases take more values in one statement; a batch seldom has more.
_CHUNK = 1000


class RaceError(Exception):
    """Another process wrote what this transaction did not see: it has to begin again."""


async def store(
    connection: AsyncConnection,
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
    stored_events = await _find_events(connection, {entry.event.id for entry in entries})
    fresh = [entry for entry in entries if entry.event.id not in stored_events]
    stored_payments = await lock_payments(connection, {e.payment_key for e in fresh if e.payment_key})
    if stored_payments and connection.dialect.name != "sqlite":
        # Whoever holds a payment's row sees every event of it that anyone has stored.
        stored_events |= await _find_events(connection, {entry.event.id for entry in fresh})
    quarantined = await _find_quarantined(connection, batch)
    await write(
        connection, plan(batch, stored_events, stored_payments, quarantined, now), stored_payments, sinks, now
    )


async def write(
    connection: AsyncConnection,
    planned: Plan,
    stored_payments: Mapping[bytes, StoredPayment],
    sinks: Sequence[str],
    now: datetime,
) -> None:
    """Write what was planned."""
    numbers = {key: payment.id for key, payment in stored_payments.items()}
    numbers |= await add_payments(connection, planned.new_payments)
    if planned.moved:
        await connection.execute(
            update(payments).where(payments.c.id == bindparam("number")),
            [{"number": id_, **state_columns(state, now)} for id_, state in planned.moved.items()],
        )
    delivery_ids = await insert_rows(connection, deliveries, planned.deliveries)
    rows = [
        {**row, "delivery_id": delivery_ids[position], "payment_id": None if key is None else numbers[key]}
        for row, position, key in planned.events
    ]
    seqs = await insert_rows(connection, events, rows)
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
    if waiting:
        await connection.execute(outbox.insert(), waiting)
    await _count(connection, deliveries, deliveries.c.id, planned.seen_deliveries, last_seen_at=now)
    await _count(connection, events, events.c.id, planned.seen_events)


async def store_rejections(connection: AsyncConnection, batch: Sequence[Rejection], limit: int) -> None:
    """Write refused deliveries, and drop the oldest where there are more than the limit."""
    await connection.execute(rejections.insert(), [rejection.row for rejection in batch])
    newest = select(func.max(rejections.c.id)).scalar_subquery()
    await connection.execute(delete(rejections).where(rejections.c.id <= newest - limit))


async def lock_payments(connection: AsyncConnection, keys: Iterable[bytes]) -> dict[bytes, StoredPayment]:
    """Return those of these payments that are there. They are nobody else's until the transaction ends."""
    columns = (payments.c.id, payments.c.key, payments.c.timed, payments.c.occurred_at, payments.c.untimed)
    found: dict[bytes, StoredPayment] = {}
    for chunk in _chunks(sorted(keys)):
        # In the order of the keys, so that two processes never wait for each other. Rows that point to a
        # payment may be added meanwhile.
        query = (
            select(*columns)
            .where(_among(connection, payments.c.key, chunk))
            .order_by(payments.c.key)
            .with_for_update(key_share=True)
        )
        for row in (await connection.execute(query)).mappings():
            found[row["key"]] = StoredPayment(row["id"], state_of(dict(row)))
    return found


async def _find_events(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, StoredEvent]:
    found: dict[str, StoredEvent] = {}
    for chunk in _chunks(sorted(ids)):
        query = (
            select(events.c.id, events.c.delivery_id, deliveries.c.digest)
            .join(deliveries, deliveries.c.id == events.c.delivery_id)
            .where(_among(connection, events.c.id, chunk))
        )
        for id_, delivery_id, digest in await connection.execute(query):
            found[id_] = StoredEvent(delivery_id, digest)
    return found


async def _find_quarantined(
    connection: AsyncConnection, batch: Sequence[Acceptance]
) -> dict[tuple[str, str], int]:
    digests = [acceptance.row["digest"] for acceptance in batch if not acceptance.entries]
    found = {}
    for chunk in _chunks(digests):
        query = select(deliveries.c.source, deliveries.c.digest, deliveries.c.id).where(
            _among(connection, deliveries.c.digest, chunk), deliveries.c.problem.is_not(None)
        )
        for source, digest, id_ in await connection.execute(query):
            found[source, digest] = id_
    return found


async def add_payments(connection: AsyncConnection, rows: Mapping[bytes, Row]) -> dict[bytes, int]:
    """Insert payments by their keys, and return their numbers.

    Raises:
        RaceError: One of them is there already.
    """
    if not rows:
        return {}
    statement = (
        _INSERT[connection.dialect.name](payments)
        .on_conflict_do_nothing(index_elements=[payments.c.key])
        .returning(payments.c.key, payments.c.id)
    )
    added = await connection.execute(statement, [rows[key] for key in sorted(rows)])
    numbers: dict[bytes, int] = dict(tuple(row) for row in added)
    if len(numbers) < len(rows):
        raise RaceError
    return numbers


async def insert_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> Sequence[int]:
    """Insert rows, and return their numbers in the order of the rows.

    The numbers are taken first. To insert and ask for them in the order of the rows took twice as long.
    """
    if not rows:
        return []
    (number,) = table.primary_key.columns
    if connection.dialect.name == "sqlite":  # nobody else writes while we do
        last = (await connection.execute(select(func.max(number)))).scalar() or 0
        numbers: Sequence[int] = range(last + 1, last + 1 + len(rows))
    else:
        taken = await connection.execute(_TAKE, {"rows": len(rows), "of": table.name, "number": number.name})
        numbers = sorted(taken.scalars())
    each = zip(numbers, rows, strict=True)
    await connection.execute(table.insert(), [{**row, number.name: id_} for id_, row in each])
    return numbers


async def _count(
    connection: AsyncConnection, table: Table, key: Any, seen: Mapping[Any, int], **values: Any
) -> None:
    if seen:
        await connection.execute(
            update(table).where(key == bindparam("which")).values(times=table.c.times + bindparam("more")),
            [{"which": which, "more": more, **values} for which, more in sorted(seen.items())],
        )


def _among(connection: AsyncConnection, column: Any, values: list[Any]) -> ColumnElement[bool]:
    """Return "is one of". PostgreSQL plans a list anew for each length, and an array once."""
    if connection.dialect.name == "sqlite":
        return cast("ColumnElement[bool]", column.in_(values))
    return cast("ColumnElement[bool]", column == any_(literal(values, ARRAY(column.type))))


def _chunks(values: Iterable[Any]) -> Iterable[list[Any]]:
    all_values = list(values)
    return (all_values[start : start + _CHUNK] for start in range(0, len(all_values), _CHUNK))
