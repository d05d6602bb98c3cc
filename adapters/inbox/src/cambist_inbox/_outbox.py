"""What is still to be handed on: claimed by one relay at a time, in order within each payment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from attrs import frozen
from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cambist_inbox._schema import dead_letters, deliveries, events, outbox

AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When a new entry is due. No clock is asked: one that was set back would hold it up."""

PARKED: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""When an entry is due that waits for an older one of its payment and was in the way."""

_WINDOW = 256  # how many entries are looked at, at least
_FRESH = {"attempts": 0, "due_at": AT_ONCE}


@frozen
class Claimed:
    """An entry of the outbox that this relay has, with its event as it is stored.

    Attributes:
        headers: Those that are kept of its delivery, as JSON.
        token: Of this one look into the outbox. Whoever says what became of the entry has to show it.
    """

    id: int
    sink: str
    payment_id: int | None
    event_id: str
    attempts: int
    document: bytes
    key_id: str | None
    headers: str
    token: str


@frozen
class Found:
    """What one look at a sink's entries found.

    Attributes:
        free: The numbers of entries that can be had.
        blocked: Those of entries that stand in the way of finding more, since they wait for an older one.
    """

    free: list[int]
    blocked: list[int]


@frozen
class Done:
    """The sink has the event."""

    entry: Claimed


@frozen
class Again:
    """The sink has it not, and is to be tried again."""

    entry: Claimed
    due_at: datetime
    problem: str | None
    attempts: int


@frozen
class Dead:
    """The sink has it not, and is not tried again by itself."""

    entry: Claimed
    problem: str


Outcome = Done | Again | Dead


async def clock(connection: AsyncConnection) -> datetime:
    """Return the time of the database: of several machines that share one, each has a clock of its own."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    return cast("datetime", (await connection.execute(select(func.clock_timestamp()))).scalar_one())


async def due(connection: AsyncConnection, sink: str, limit: int, now: datetime) -> Found:
    """Return entries that are due, locked where the database locks rows.

    Of one payment and sink only the oldest entry is to be had: the next follows when it is done.
    """
    window = max(8 * limit, _WINDOW)
    query = (
        select(outbox.c.id, _is_free().label("free"))
        .where(outbox.c.sink == sink, outbox.c.due_at <= now)
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(window)
        .with_for_update(skip_locked=True, of=outbox)
    )
    seen = list(await connection.execute(query))
    free = [number for number, is_free in seen if is_free][:limit]
    crowded = len(seen) == window and len(free) < limit
    return Found(free, [number for number, is_free in seen if not is_free] if crowded else [])


async def take(
    connection: AsyncConnection, ids: Sequence[int], now: datetime, until: datetime, token: str
) -> list[Claimed]:
    """Return those of these entries that are still to be had, now the caller's until ``until``."""
    taken = await connection.execute(
        update(outbox)
        .where(outbox.c.id.in_(ids), outbox.c.due_at <= now, _is_free())
        .values(due_at=until, claim=token, attempts=outbox.c.attempts + 1)
        .returning(outbox.c.id)
    )
    numbers = list(taken.scalars())
    if not numbers:
        return []
    columns = (
        outbox.c.id,
        outbox.c.sink,
        outbox.c.payment_id,
        events.c.id.label("event_id"),
        outbox.c.attempts,
        events.c.document,
        events.c.key_id,
        deliveries.c.headers,
    )
    query = (
        select(*columns)
        .join(events, events.c.seq == outbox.c.event_seq)
        .join(deliveries, deliveries.c.id == events.c.delivery_id)
        .where(outbox.c.id.in_(numbers))
        .order_by(outbox.c.id)
    )
    return [Claimed(**row, token=token) for row in (await connection.execute(query)).mappings()]


async def park(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Put entries that wait for an older one aside, so that a look does not pass them again and again."""
    await connection.execute(
        update(outbox)
        .where(outbox.c.id.in_(ids), outbox.c.claim.is_(None), ~_is_free())
        .values(due_at=PARKED)
    )


async def unpark(connection: AsyncConnection, sink: str) -> None:
    """Take entries back that were put aside and wait for none, as where two relays crossed each other."""
    oldest = select(func.min(outbox.c.id)).where(outbox.c.sink == sink).group_by(outbox.c.payment_id)
    await connection.execute(
        update(outbox)
        .where(outbox.c.sink == sink, outbox.c.due_at == PARKED, outbox.c.id.in_(oldest))
        .values(due_at=AT_ONCE)
    )


def _oldest(sink: Any, payment_id: Any) -> ScalarSelect[int]:
    other = outbox.alias("other")
    return (
        select(func.min(other.c.id))
        .where(other.c.sink == sink, other.c.payment_id == payment_id)
        .scalar_subquery()
    )


def _is_free() -> ColumnElement[bool]:
    # Not by NOT EXISTS: PostgreSQL makes a join of that, which took more than 10 s where one payment had
    # 100,000 entries.
    return or_(outbox.c.payment_id.is_(None), outbox.c.id == _oldest(outbox.c.sink, outbox.c.payment_id))


async def finish(connection: AsyncConnection, outcomes: Iterable[Outcome], now: datetime) -> None:
    """Write what became of entries. One that counted as lost meanwhile is another relay's, and is left."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.entry.id)
    ended = [each.entry for each in ordered if isinstance(each, Done)]
    again = [
        {**_which(each.entry), "due_at": each.due_at, "problem": each.problem, "attempts": each.attempts}
        for each in ordered
        if isinstance(each, Again)
    ]
    mine = and_(outbox.c.id == bindparam("which"), outbox.c.claim == bindparam("token"))
    for each in ordered:
        if isinstance(each, Dead):
            columns = (outbox.c.sink, outbox.c.event_seq, outbox.c.payment_id, outbox.c.attempts)
            found = await connection.execute(select(*columns).where(mine), _which(each.entry))
            row = found.mappings().first()
            if row is not None:
                letter = {**row, "died_at": now, "problem": each.problem}
                await connection.execute(insert(dead_letters), letter)
                ended.append(each.entry)
    if ended:
        await connection.execute(delete(outbox).where(mine), [_which(entry) for entry in ended])
        next_ones = [
            {"of_sink": entry.sink, "of_payment": entry.payment_id}
            for entry in ended
            if entry.payment_id is not None
        ]
        if next_ones:
            oldest = _oldest(bindparam("of_sink"), bindparam("of_payment"))
            await connection.execute(
                update(outbox).where(outbox.c.id == oldest, outbox.c.due_at == PARKED).values(due_at=AT_ONCE),
                next_ones,
            )
    if again:
        await connection.execute(update(outbox).where(mine).values(claim=None), again)


def _which(entry: Claimed) -> dict[str, Any]:
    return {"which": entry.id, "token": entry.token}


async def pull_in(
    connection: AsyncConnection,
    sink: str,
    now: datetime,
    lease: timedelta,
    waits: Mapping[int, timedelta],
) -> None:
    """Make entries due whose time is further ahead than it can be: the clock was set back since.

    Args:
        connection: In a transaction.
        sink: Whose entries.
        now: The time now.
        lease: How long an entry is a relay's. Another relay's may be longer, up to twice.
        waits: The longest wait after so many tries; after more than the last of them it is no longer.
    """
    last = max(waits)
    too_far = [and_(outbox.c.claim.is_not(None), outbox.c.due_at > now + 2 * lease)]
    for attempts, wait in waits.items():
        after = outbox.c.attempts >= attempts if attempts == last else outbox.c.attempts == attempts
        too_far.append(and_(outbox.c.claim.is_(None), after, outbox.c.due_at > now + wait))
    soonest = now + min(2 * lease, *waits.values())
    await connection.execute(
        update(outbox)
        .where(outbox.c.sink == sink, outbox.c.due_at > soonest, outbox.c.due_at < PARKED, or_(*too_far))
        .values(due_at=now, claim=None)
    )


async def revive(connection: AsyncConnection, ids: Sequence[int] | None = None) -> int:
    """Put dead letters back into the outbox, all of them unless ids are given. Return how many.

    They are tried as often as new ones, after what waits of their payment already.
    """
    taken = delete(dead_letters).returning(
        dead_letters.c.id,
        dead_letters.c.sink,
        dead_letters.c.event_seq,
        dead_letters.c.payment_id,
        dead_letters.c.problem,
    )
    if ids is not None:
        taken = taken.where(dead_letters.c.id.in_(ids))
    found = sorted((await connection.execute(taken)).mappings(), key=lambda row: int(row["id"]))
    rows = [
        {**{name: row[name] for name in ("sink", "event_seq", "payment_id", "problem")}, **_FRESH}
        for row in found
    ]
    if rows:
        await connection.execute(insert(outbox), rows)
    return len(rows)
