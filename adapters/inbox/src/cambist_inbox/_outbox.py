"""What is still to be handed on: claimed by one relay at a time, in order within each payment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import frozen
from sqlalchemy import and_, bindparam, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cambist_inbox._schema import dead_letters, events, outbox

AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When a new entry is due. No clock is asked: one that was set back would hold it up."""


@frozen
class Claimed:
    """An entry of the outbox that this relay has, with its event as it is stored."""

    id: int
    sink: str
    event_id: str
    attempts: int
    document: bytes
    key_id: str | None


@frozen
class Done:
    """The sink has the event."""

    id: int


@frozen
class Again:
    """The sink has it not, and is to be tried again."""

    id: int
    due_at: datetime
    problem: str | None
    attempts: int


@frozen
class Dead:
    """The sink has it not, and is not tried again by itself."""

    id: int
    problem: str


Outcome = Done | Again | Dead


async def claim(
    connection: AsyncConnection, sinks: Sequence[str], limit: int, now: datetime, until: datetime, token: str
) -> list[Claimed]:
    """Return entries that are due, now this relay's until ``until``. In a transaction of the caller.

    Of one payment and sink only the oldest entry is to be had: the next follows when it is done.
    """
    earlier = outbox.alias("earlier")
    blocked = exists().where(
        and_(
            earlier.c.sink == outbox.c.sink,
            earlier.c.payment_id == outbox.c.payment_id,
            earlier.c.id < outbox.c.id,
        )
    )
    due = (
        select(outbox.c.id)
        .where(outbox.c.sink.in_(sinks), outbox.c.due_at <= now, ~blocked)
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)
    )
    ids = list((await connection.execute(due)).scalars())
    if not ids:
        return []
    mine = outbox.c.id.in_(ids)
    taken = update(outbox).where(mine).values(due_at=until, claim=token, attempts=outbox.c.attempts + 1)
    await connection.execute(taken)
    columns = (
        outbox.c.id,
        outbox.c.sink,
        events.c.id.label("event_id"),
        outbox.c.attempts,
        events.c.document,
        events.c.key_id,
    )
    query = (
        select(*columns).join(events, events.c.seq == outbox.c.event_seq).where(mine).order_by(outbox.c.id)
    )
    return [Claimed(*row) for row in await connection.execute(query)]


async def finish(connection: AsyncConnection, outcomes: Iterable[Outcome], now: datetime, token: str) -> None:
    """Write what became of entries. One that counted as lost meanwhile is another relay's, and is left."""
    done = [{"which": each.id} for each in outcomes if isinstance(each, Done)]
    again = [each for each in outcomes if isinstance(each, Again)]
    dead = [each for each in outcomes if isinstance(each, Dead)]
    mine = and_(outbox.c.id == bindparam("which"), outbox.c.claim == token)
    for each in dead:
        columns = (outbox.c.sink, outbox.c.event_seq, outbox.c.payment_id, outbox.c.attempts)
        row = (await connection.execute(select(*columns).where(mine), {"which": each.id})).mappings().first()
        if row is not None:
            letter = {**row, "died_at": now, "problem": each.problem}
            await connection.execute(insert(dead_letters), letter)
            done.append({"which": each.id})
    if done:
        await connection.execute(delete(outbox).where(mine), done)
    if again:
        await connection.execute(
            update(outbox).where(mine).values(claim=None),
            [
                {"which": e.id, "due_at": e.due_at, "problem": e.problem, "attempts": e.attempts}
                for e in again
            ],
        )


async def pull_in(connection: AsyncConnection, now: datetime, horizon: timedelta) -> None:
    """Make entries due whose time is further ahead than any wait lasts: the clock was set back since."""
    late = outbox.c.due_at > now + horizon
    await connection.execute(update(outbox).where(late).values(due_at=now, claim=None))


async def revive(connection: AsyncConnection, ids: Sequence[int]) -> int:
    """Put dead letters back into the outbox, all of them where no ids are given. Return how many."""
    chosen = dead_letters.c.id.in_(ids) if ids else dead_letters.c.id.is_not(None)
    columns = (
        dead_letters.c.sink,
        dead_letters.c.event_seq,
        dead_letters.c.payment_id,
        dead_letters.c.problem,
    )
    found = (await connection.execute(select(*columns).where(chosen).order_by(dead_letters.c.id))).mappings()
    rows = [{**row, "attempts": 0, "due_at": AT_ONCE} for row in found]
    if rows:
        await connection.execute(insert(outbox), rows)
        await connection.execute(delete(dead_letters).where(chosen))
    return len(rows)
