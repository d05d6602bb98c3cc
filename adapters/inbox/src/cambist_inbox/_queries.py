"""What is stored, read page by page: no transaction lasts long, and memory does not grow with the table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from attrs import fields, frozen
from sqlalchemy import ColumnElement, FromClause, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cambist_inbox._database import Database
from cambist_inbox._items import Row, keys_of, storable, stored_reference
from cambist_inbox._schema import dead_letters, deliveries, events, outbox, payments, rejections

T = TypeVar("T")
_PAGE = 500


@frozen
class Filter:
    """Which rows: those that agree with everything that is given.

    Attributes:
        source: The source's name.
        provider: The provider's name.
        status: Of an event, a payment, or any event of a delivery; of a refusal, the HTTP status.
        kind: What the event or the payment is: ``deposit``.
        verdict: What the event did to its payment: ``conflicting``.
        payment: The provider's identifier of the payment.
        merchant_reference: The merchant's own.
        sink: The sink's name.
        quarantined: Whether the delivery is in quarantine.
        since: Stored at this time or later; of payments, changed.
        until: Stored before this time; of payments, changed.
        number: The number of the row.
    """

    source: str | None = None
    provider: str | None = None
    status: str | int | None = None
    kind: str | None = None
    verdict: str | None = None
    payment: str | None = None
    merchant_reference: str | None = None
    sink: str | None = None
    quarantined: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    number: int | None = None


EVERYTHING = Filter()
Condition = Callable[[Any], ColumnElement[bool]]


@frozen(eq=False)
class View:
    """A table as it is listed.

    Attributes:
        number: The column that orders it: the later stored, the higher.
        columns: What a row shows.
        conditions: By the name of a filter's member, the condition that it makes.
        joined: The tables, where there are several.
    """

    number: Any
    columns: tuple[Any, ...]
    conditions: Mapping[str, Condition]
    joined: FromClause | None = None

    def where(self, wanted: Filter) -> list[ColumnElement[bool]]:
        """Return the conditions that a filter makes here.

        Raises:
            ValueError: It asks for what these rows do not have.
        """
        given = {each.name: getattr(wanted, each.name) for each in fields(Filter)}
        asked = {name: _as_stored(value) for name, value in given.items() if value is not None}
        if unknown := asked.keys() - self.conditions.keys():
            raise ValueError(f"cannot be filtered by {', '.join(sorted(unknown))}")
        return [self.conditions[name](value) for name, value in asked.items()]


def _as_stored(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def _equal(**columns: Any) -> dict[str, Condition]:
    return {name: column.__eq__ for name, column in columns.items()}


def _stored(column: Any) -> dict[str, Condition]:
    return {"since": column.__ge__, "until": column.__lt__}


def _all_but(table: Any, *names: str) -> tuple[Any, ...]:
    return tuple(column for column in table.columns if column.name not in names)


def _has_status(status: str) -> ColumnElement[bool]:
    return exists().where(events.c.delivery_id == deliveries.c.id, events.c.status == status)


def _is_of_payment(number: Any) -> Condition:
    """Return the condition that a column holds the number of a payment of some reference."""

    def condition(reference: str) -> ColumnElement[bool]:
        text = stored_reference(reference) or ""
        # Looked up first, and by the key: else SQLite reads the whole table in the order of the list.
        named = payments.alias("named")
        found = select(named.c.id).where(named.c.key.between(*keys_of(text)), named.c.reference == text)
        return cast("ColumnElement[bool]", number.in_(found))

    return condition


def _is_quarantined(wanted: bool) -> ColumnElement[bool]:
    return deliveries.c.problem.is_not(None) if wanted else deliveries.c.problem.is_(None)


EVENTS = View(
    events.c.seq,
    _all_but(events),
    {
        **_equal(
            source=events.c.source,
            provider=events.c.provider,
            status=events.c.status,
            kind=events.c.kind,
            verdict=events.c.verdict,
            merchant_reference=events.c.merchant_reference,
            number=events.c.seq,
        ),
        "payment": _is_of_payment(events.c.payment_id),
        **_stored(events.c.stored_at),
    },
)
DELIVERIES = View(
    deliveries.c.id,
    (*_all_but(deliveries, "body"), deliveries.c.body.is_not(None).label("has_body")),
    {
        **_equal(source=deliveries.c.source, provider=deliveries.c.provider, number=deliveries.c.id),
        **_stored(deliveries.c.stored_at),
        "status": _has_status,
        "quarantined": _is_quarantined,
    },
)
REJECTIONS = View(
    rejections.c.id,
    (*_all_but(rejections, "body"), rejections.c.body.is_not(None).label("has_body")),
    {
        **_equal(
            source=rejections.c.source,
            provider=rejections.c.provider,
            status=rejections.c.status,
            number=rejections.c.id,
        ),
        **_stored(rejections.c.stored_at),
    },
)
PAYMENTS = View(
    payments.c.id,
    _all_but(payments, "key"),
    {
        **_equal(
            source=payments.c.source,
            kind=payments.c.kind,
            status=payments.c.status,
            number=payments.c.id,
        ),
        "payment": _is_of_payment(payments.c.id),
        **_stored(payments.c.updated_at),
    },
)
_EVENT = (events.c.id.label("event_id"), events.c.source, events.c.status, events.c.reference)
WAITING = View(
    outbox.c.id,
    (*_all_but(outbox, "claim"), outbox.c.claim.is_not(None).label("claimed"), *_EVENT),
    _equal(sink=outbox.c.sink, source=events.c.source, number=outbox.c.id),
    outbox.join(events, events.c.seq == outbox.c.event_seq),
)
DEAD = View(
    dead_letters.c.id,
    (*_all_but(dead_letters), *_EVENT),
    _equal(sink=dead_letters.c.sink, source=events.c.source, number=dead_letters.c.id),
    dead_letters.join(events, events.c.seq == dead_letters.c.event_seq),
)


async def rows(
    database: Database, view: View, wanted: Filter = EVERYTHING, *, last: int | None = None
) -> AsyncIterator[Row]:
    """Return the rows that are there now, the oldest first. Each page is a transaction of its own.

    Args:
        database: Where they are.
        view: Which table.
        wanted: Which rows of it.
        last: Only so many of the newest.
    """
    async for page in pages(database, view, wanted, last=last):
        for row in page:
            yield row


async def pages(
    database: Database, view: View, wanted: Filter = EVERYTHING, *, last: int | None = None, size: int = _PAGE
) -> AsyncIterator[list[Row]]:
    """Return the same rows a page at a time."""
    conditions = view.where(wanted)
    async with database.read() as connection:
        # Of all rows, which an index answers at once. What is stored meanwhile comes after it.
        top = await connection.scalar(select(func.max(view.number)))
        if top is None or (last is not None and last < 1):
            return
        start = 0 if last is None else await _start(connection, view, conditions, last)
    while True:
        within = (view.number >= start, view.number <= top)
        query = _of(view, *view.columns).where(*conditions, *within).order_by(view.number).limit(size)
        async with database.read() as connection:
            page = [dict(row) for row in (await connection.execute(query)).mappings()]
        if page:
            start = page[-1][view.number.name] + 1
            yield page
        if len(page) < size:
            return


async def count(database: Database, view: View, wanted: Filter = EVERYTHING) -> int:
    """Return how many rows agree."""
    async with database.read() as connection:
        found = await connection.scalar(_of(view, func.count(view.number)).where(*view.where(wanted)))
    return int(found or 0)


async def tally(database: Database, *columns: Any) -> list[Row]:
    """Return how many rows there are of each combination of these columns' values, as ``total``."""
    query = select(*columns, func.count().label("total")).group_by(*columns).order_by(*columns)
    async with database.read() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def _start(connection: AsyncConnection, view: View, conditions: Any, last: int) -> int:
    """Return the number of the first of the newest rows."""
    newest = _of(view, view.number).where(*conditions).order_by(view.number.desc())
    return int(await connection.scalar(newest.offset(last - 1).limit(1)) or 0)


def _of(view: View, *columns: Any) -> Any:
    tables = view.number.table if view.joined is None else view.joined
    return select(*columns).select_from(tables)
