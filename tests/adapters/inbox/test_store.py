"""Two transactions on PostgreSQL that meet: the second waits, and then builds on what the first wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from inbox_toy import PIPELINE, START, about, rows

from cambist import Delivery, Receiver, advance, from_json
from cambist_inbox import Inbox, _items
from cambist_inbox._schema import events, payments
from cambist_inbox._store import RaceError, store


@pytest.fixture
async def inbox(postgres: str) -> AsyncIterator[Inbox]:
    async with Inbox(PIPELINE, postgres) as opened:
        yield opened


def accepted(inbox: Inbox, given: Delivery) -> _items.Acceptance:
    route = PIPELINE.route("shop")
    assert route is not None
    return _items.acceptance(PIPELINE.process(given), route.provider, inbox.vault, START)


async def write(inbox: Inbox, given: Delivery) -> None:
    async with inbox.database.write() as connection:
        await connection.run_sync(store, [accepted(inbox, given)], [], START)


async def test_of_a_payment_that_is_stored(inbox: Inbox) -> None:
    await Receiver(PIPELINE, inbox).receive(about("1", "created"))
    async with inbox.database.write() as connection:
        await connection.run_sync(store, [accepted(inbox, about("1", "completed"))], [], START)
        second = asyncio.create_task(write(inbox, about("1", "processing", minute=5)))
        await asyncio.sleep(0.3)
        assert not second.done()
    await second
    (payment,) = await rows(inbox, payments)
    state = None
    for row in await rows(inbox, events):
        state, verdict = advance(state, from_json(row["document"]))
        assert row["verdict"] == verdict.value
    assert state is not None
    assert (payment["timed"], payment["untimed"]) == (state.timed.value, state.untimed.value)
    assert payment["status"] == "completed"


async def test_of_a_payment_that_is_new(inbox: Inbox) -> None:
    async with inbox.database.write() as connection:
        await connection.run_sync(store, [accepted(inbox, about("1", "completed"))], [], START)
        second = asyncio.create_task(write(inbox, about("1", "refunded")))
        through_the_inbox = asyncio.create_task(Receiver(PIPELINE, inbox).receive(about("1", "created")))
        await asyncio.sleep(0.3)
        assert not second.done()
        assert not through_the_inbox.done()
    with pytest.raises(RaceError):
        await second
    assert (await through_the_inbox).status == 200  # it began again
    assert [row["verdict"] for row in await rows(inbox, events)] == ["applied", "stale"]


async def test_of_one_event_that_is_about_no_payment(inbox: Inbox) -> None:
    given = about("1", payment=None)
    async with inbox.database.write() as connection:
        await connection.run_sync(store, [accepted(inbox, given)], [], START)
        second = asyncio.create_task(Receiver(PIPELINE, inbox).receive(given))
        await asyncio.sleep(0.3)
        assert not second.done()
    assert (await second).status == 200
    assert [row["times"] for row in await rows(inbox, events)] == [2]


async def test_rows_may_point_to_a_payment_while_it_is_held(inbox: Inbox) -> None:
    """A relay that writes a dead letter does not wait for whoever accepts."""
    await Receiver(PIPELINE, inbox).receive(about("1", "created"))
    (event,) = await rows(inbox, events)
    async with inbox.database.write() as connection:
        await connection.run_sync(store, [accepted(inbox, about("1", "completed"))], [], START)
        async with asyncio.timeout(2), inbox.database.write() as other:
            await other.exec_driver_sql(
                "INSERT INTO dead_letters (sink, event_seq, payment_id, attempts, died_at, problem)"
                f" VALUES ('a', {event['seq']}, {event['payment_id']}, 1, now(), 'none')"
            )
