"""Each event reaches each sink at least once, those of a payment in order, whatever handlers do."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from inbox_toy import KEY, OTHER_KEY, PIPELINE, about, delivery, item, rows, until
from sqlalchemy import select, update

from cambist import PaymentEvent, Processed, Receiver, Secret
from cambist.errors import ConfigurationError
from cambist_inbox import Inbox, Relay, _outbox
from cambist_inbox._schema import dead_letters, deliveries, events, outbox

QUICK: dict[str, Any] = {"poll_s": 0.02, "first_wait_s": 0.01}
STEPS = ("created", "processing", "completed", "refunded")


class Handler:
    """Keeps what it is given, and does first what a test asks for."""

    def __init__(self) -> None:
        self.seen: list[PaymentEvent] = []
        self.tries: Counter[str] = Counter()
        self.before: Callable[[PaymentEvent], Any] | None = None

    async def __call__(self, event: PaymentEvent) -> None:
        self.tries[event.id] += 1
        if self.before is not None:
            await self.before(event)
        self.seen.append(event)

    def order(self) -> dict[str, list[str]]:
        """Return each payment's statuses in the order in which they were first seen."""
        found: dict[str, list[str]] = defaultdict(list)
        for event in self.seen:
            if event.status.value not in found[event.payment.id or ""]:
                found[event.payment.id or ""].append(event.status.value)
        return dict(found)


async def accept(inbox: Inbox, *given: Any) -> None:
    receiver = Receiver(PIPELINE, inbox)
    for each in given:
        assert (await receiver.receive(each)).status == 200


async def test_every_event_to_every_sink_in_order(url: str) -> None:
    first, second = Handler(), Handler()
    async with Inbox(PIPELINE, url, sinks=["a", "b"]) as inbox:
        async with Relay(inbox, {"a": first, "b": second}, **QUICK):
            for step in STEPS:
                await accept(inbox, delivery(*(item(str(number), step) for number in range(20))))
            await until(lambda: len(first.seen) == len(second.seen) == 80)
        assert await rows(inbox, outbox) == []
    for handler in (first, second):
        assert handler.order() == {str(number): list(STEPS) for number in range(20)}
        assert set(handler.tries.values()) == {1}


async def test_the_trace_of_a_delivery_goes_on_with_its_event_and_no_other_header_does(url: str) -> None:
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}

    class Sink:
        def __init__(self) -> None:
            self.seen: list[Processed] = []

        async def publish(self, processed: Processed) -> None:
            self.seen.append(processed)

    sink = Sink()
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox, Relay(inbox, {"a": sink}, **QUICK):
        await accept(inbox, delivery(item("1"), **trace, Authorization="Bearer the-s3cret"))
        await accept(inbox, delivery(item("2"), traceparent="the-s3cret"))
        await until(lambda: len(sink.seen) == 2)
        kept = [row["headers"] for row in await rows(inbox, deliveries)]
    assert [processed.trace for processed in sink.seen] == [trace, {}]
    assert "the-s3cret" not in f"{kept}"


async def test_in_order_when_every_third_try_fails(url: str) -> None:
    handler = Handler()

    async def fail(event: PaymentEvent) -> None:
        number = handler.tries.total()
        await asyncio.sleep(0.001)
        if number % 3 == 0:
            raise RuntimeError

    handler.before = fail
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        for step in STEPS:
            await accept(inbox, delivery(*(item(str(number), step) for number in range(10))))
        async with Relay(inbox, {"a": handler}, **QUICK):
            await until(lambda: len(handler.seen) == 40)
        assert await rows(inbox, outbox) == []
    assert handler.order() == {str(number): list(STEPS) for number in range(10)}
    assert handler.tries.total() > 40


async def test_events_about_no_payment_wait_for_none(url: str) -> None:
    handler, held = Handler(), asyncio.Event()

    async def hold(event: PaymentEvent) -> None:
        if event.status.value == "created":
            await held.wait()

    handler.before = hold
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox, Relay(inbox, {"a": handler}, **QUICK):
        await accept(inbox, *(about("1", step, payment=None) for step in STEPS))
        await until(lambda: len(handler.seen) == 3)
        held.set()
        await until(lambda: len(handler.seen) == 4)


class Odd(BaseException):
    pass


async def cancelled() -> None:
    inner = asyncio.get_running_loop().create_future()
    inner.cancel()
    await inner


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (RuntimeError, "RuntimeError at test_relay.py"),
        (SystemExit, "SystemExit at test_relay.py"),
        (GeneratorExit, "GeneratorExit at test_relay.py"),
        (Odd, "Odd at test_relay.py"),
        (asyncio.CancelledError, "CancelledError at test_relay.py"),
        (asyncio.TimeoutError, "TimeoutError at test_relay.py"),
        ("a cancelled future", "CancelledError at test_relay.py"),
        ("hangs", "it took longer than 0.1 seconds"),
        ("hangs on", "it took longer than 0.1 seconds"),
    ],
)
async def test_a_poisoned_event_becomes_a_dead_letter_and_holds_up_no_other_payment(
    sqlite: str, kind: Any, problem: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("cambist_inbox._relay._MERCY_S", 0.05)
    handler, stubborn = Handler(), asyncio.Event()

    async def fail(event: PaymentEvent) -> None:
        if event.payment.id != "poisoned" or event.status.value != "processing":
            return
        if kind == "a cancelled future":
            await cancelled()
        elif kind == "hangs":
            await asyncio.sleep(60)
        elif kind == "hangs on":
            while not stubborn.is_set():
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    if stubborn.is_set():
                        raise
        else:
            raise kind("a secret")

    handler.before = fail
    async with Inbox(PIPELINE, sqlite, sinks=["a"]) as inbox:
        async with Relay(inbox, {"a": handler}, attempts=3, timeout_s=0.1, **QUICK) as relay:
            for step in STEPS:
                await accept(inbox, *(about(name, step) for name in ("poisoned", "1", "2")))
            await until(lambda: len(handler.seen) == 11)
            left = set(relay._handlers)
        (letter,) = await rows(inbox, dead_letters)
        assert await rows(inbox, outbox) == []
        stubborn.set()
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
    assert handler.order() == {
        "poisoned": ["created", "completed", "refunded"],  # the later ones go on without it
        "1": list(STEPS),
        "2": list(STEPS),
    }
    assert letter["attempts"] == 3
    assert letter["problem"].startswith(problem)
    assert "a secret" not in caplog.text


async def test_dead_letters_are_revived(url: str) -> None:
    handler = Handler()

    async def fail(_: PaymentEvent) -> None:
        raise RuntimeError

    handler.before = fail
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        await accept(inbox, *(about(str(number)) for number in range(4)))
        async with Relay(inbox, {"a": handler}, attempts=2, **QUICK):
            await until(lambda: handler.tries.total() == 8)
        letters = await rows(inbox, dead_letters)
        assert len(letters) == 4
        handler.before = None
        async with inbox.database.write() as connection:
            assert await _outbox.revive(connection, [letters[1]["id"], 999_999]) == 1
        async with inbox.database.write() as connection:
            assert await _outbox.revive(connection, []) == 0
        assert [row["event_seq"] for row in await rows(inbox, outbox)] == [letters[1]["event_seq"]]
        async with inbox.database.write() as connection:
            assert await _outbox.revive(connection) == 3
        assert await rows(inbox, dead_letters) == []
        async with Relay(inbox, {"a": handler}, attempts=2, **QUICK):
            await until(lambda: len(handler.seen) == 4)
        assert await rows(inbox, outbox) == await rows(inbox, dead_letters) == []


async def test_a_sink_that_hangs_takes_no_room_from_another(sqlite: str) -> None:
    stuck, works = Handler(), Handler()

    async def hang(_: PaymentEvent) -> None:
        await asyncio.sleep(60)

    stuck.before = hang
    async with (
        Inbox(PIPELINE, sqlite, sinks=["stuck", "works"]) as inbox,
        Relay(inbox, {"stuck": stuck, "works": works}, concurrency=2, timeout_s=0.5, **QUICK),
    ):
        await accept(inbox, delivery(*(item(str(number)) for number in range(40))))
        await until(lambda: len(works.seen) == 40, 5)
        assert stuck.seen == []


async def test_a_sink_out_of_order_gets_little_until_it_works(sqlite: str) -> None:
    handler = Handler()

    async def fail(_: PaymentEvent) -> None:
        raise RuntimeError

    handler.before = fail
    async with Inbox(PIPELINE, sqlite, sinks=["a"]) as inbox:
        await accept(inbox, delivery(*(item(str(number)) for number in range(500))))
        async with Relay(inbox, {"a": handler}, attempts=2, **QUICK):
            await until(lambda: handler.tries.total() > 34)
            await asyncio.sleep(0.5)
            assert handler.tries.total() < 50
            handler.before = None
            await until(lambda: len(handler.seen) + 2 >= 500)
        assert len(await rows(inbox, dead_letters)) <= 2


async def test_what_is_under_way_at_the_end_is_let_finish(sqlite: str) -> None:
    handler, begun = Handler(), asyncio.Event()

    async def slow(_: PaymentEvent) -> None:
        begun.set()
        await asyncio.sleep(0.2)

    handler.before = slow
    async with Inbox(PIPELINE, sqlite, sinks=["a"]) as inbox:
        await accept(inbox, about("1"))
        async with Relay(inbox, {"a": handler}, **QUICK):
            await begun.wait()
        assert len(handler.seen) == 1
        assert await rows(inbox, outbox) == []


async def test_what_does_not_finish_is_had_at_once_by_the_next(url: str) -> None:
    handler, begun = Handler(), asyncio.Event()

    async def hang(_: PaymentEvent) -> None:
        begun.set()
        await asyncio.sleep(60)

    handler.before = hang
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        await accept(inbox, about("1"))
        relay = Relay(inbox, {"a": handler}, **QUICK)
        async with relay:
            await begun.wait()
            relay._timeout_s = 0.1  # how long the end is waited for
        (entry,) = await rows(inbox, outbox)
        assert (entry["attempts"], entry["claim"], entry["due_at"]) == (0, None, _outbox.AT_ONCE)
        handler.before = None
        async with Relay(inbox, {"a": handler}, **QUICK):
            await until(lambda: len(handler.seen) == 1, 5)


async def test_what_a_lost_relay_had_is_handed_on_when_its_time_is_over(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cambist_inbox._relay._GRACE_S", 0.2)
    handler = Handler()
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        await accept(inbox, about("1", "created"), about("1", "completed"))
        async with inbox.database.write() as connection:
            now = await _outbox.clock(connection)
            found = await _outbox.due(connection, "a", 10, now)
            taken = await _outbox.take(connection, found.free, now, now + timedelta(seconds=0.5), "lost-1")
        assert len(taken) == 1  # the oldest of the payment
        async with Relay(inbox, {"a": handler}, timeout_s=0.3, **QUICK):
            await asyncio.sleep(0.2)
            assert handler.seen == []
            await until(lambda: len(handler.seen) == 2, 5)
        # The lost one comes back and says that it was done: nobody listens.
        await accept(inbox, about("2"))
        async with inbox.database.write() as connection:
            await _outbox.finish(connection, [_outbox.Done(each) for each in taken], now)
        assert len(await rows(inbox, outbox)) == 1
    assert handler.order() == {"1": ["created", "completed"]}


async def test_a_late_word_never_hits_a_later_entry(url: str) -> None:
    """An entry's number is not given again, and each look into the outbox has its own token."""
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        numbers = []
        for name in "12":
            await accept(inbox, about(name))
            async with inbox.database.write() as connection:
                now = await _outbox.clock(connection)
                found = await _outbox.due(connection, "a", 1, now)
                until_then = now + timedelta(hours=1)
                (taken,) = await _outbox.take(connection, found.free, now, until_then, name)
                numbers.append(taken.id)
                await _outbox.finish(connection, [_outbox.Done(evolve(taken, token="other"))], now)
            assert len(await rows(inbox, outbox)) == 1
            async with inbox.database.write() as connection:
                await _outbox.finish(connection, [_outbox.Done(taken)], now)
            assert await rows(inbox, outbox) == []
    assert numbers[0] != numbers[1]


@pytest.mark.parametrize("was", ["waiting", "claimed"])
async def test_a_clock_that_was_set_back_holds_nothing_up(url: str, was: str) -> None:
    handler = Handler()
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        await accept(inbox, about("1"), about("1", "refunded"))
        async with inbox.database.write() as connection:
            now = await _outbox.clock(connection)
            due_at = now + timedelta(hours=1, seconds=2)  # two seconds, before the clock was set back
            first = select(outbox.c.id).order_by(outbox.c.id).limit(1).scalar_subquery()
            claim = "another-1" if was == "claimed" else None
            values = {"due_at": due_at, "attempts": 2, "claim": claim}
            await connection.execute(update(outbox).where(outbox.c.id == first).values(**values))
        async with Relay(inbox, {"a": handler}, **QUICK):
            await until(lambda: len(handler.seen) == 2, 5)


async def test_an_entry_that_waits_as_it_should_is_not_pulled_in(url: str) -> None:
    handler = Handler()
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        await accept(inbox, about("1"), about("2"))
        async with inbox.database.write() as connection:
            now = await _outbox.clock(connection)
            for name, wait, attempts, claim in (("1", 3500, 13, None), ("2", 60, 1, "another-1")):
                row = {"due_at": now + timedelta(seconds=wait), "attempts": attempts, "claim": claim}
                number = int(name)
                await connection.execute(update(outbox).where(outbox.c.id == number).values(**row))
        async with Relay(inbox, {"a": handler}, poll_s=0.02):
            await asyncio.sleep(0.3)
        assert handler.seen == []


async def test_a_database_that_is_away_for_a_while_makes_no_second_call(
    sqlite: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    handler, finish, tries = Handler(), _outbox.finish, Counter[str]()

    async def failing(*arguments: Any) -> None:
        tries["finish"] += 1
        if tries["finish"] <= 5:
            raise OSError
        await finish(*arguments)

    monkeypatch.setattr(_outbox, "finish", failing)
    async with Inbox(PIPELINE, sqlite, sinks=["a"]) as inbox:
        await accept(inbox, about("1"))
        async with Relay(inbox, {"a": handler}, **QUICK):
            await until(lambda: tries["finish"] == 6)
        assert await rows(inbox, outbox) == []
    assert handler.tries.total() == 1


async def test_what_cannot_be_opened_fails_by_itself(sqlite: str, caplog: pytest.LogCaptureFixture) -> None:
    handler = Handler()
    async with Inbox(PIPELINE, sqlite, keys=[Secret(KEY, "old")], sinks=["a"]) as inbox:
        await accept(inbox, about("1"))
    async with Inbox(PIPELINE, sqlite, keys=[Secret(OTHER_KEY, "new")], sinks=["a"]) as inbox:
        await accept(inbox, about("2"))
        with caplog.at_level(logging.WARNING):
            async with Relay(inbox, {"a": handler}, attempts=2, **QUICK):
                await until(lambda: "dead letter" in caplog.text)
        (letter,) = await rows(inbox, dead_letters)
    assert [event.payment.id for event in handler.seen] == ["2"]
    assert letter["problem"].startswith("SealError")


async def test_several_relays_of_one_process_share_the_work(url: str) -> None:
    handlers = [Handler() for _ in range(3)]

    async def slow(_: PaymentEvent) -> None:
        await asyncio.sleep(0.005)

    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        for step in STEPS:
            await accept(inbox, delivery(*(item(str(number), step) for number in range(20))))
        relays = [Relay(inbox, {"a": each}, concurrency=4, **QUICK) for each in handlers]
        for each in handlers:
            each.before = slow
        async with relays[0], relays[1], relays[2]:
            await until(lambda: sum(len(each.seen) for each in handlers) >= 80)
        assert await rows(inbox, outbox) == []
    tries = sum((each.tries for each in handlers), Counter[str]())
    assert set(tries.values()) == {1}
    assert all(each.seen for each in handlers)


async def test_a_payment_with_many_events_is_no_burden(url: str) -> None:
    """What waits for an older entry is put aside, comes back in its turn, and holds up no other payment."""
    handler, held = Handler(), asyncio.Event()
    crowd = delivery(*(item(str(number), payment="busy") for number in range(300)))

    async def hold(event: PaymentEvent) -> None:
        if event.payment.id == "busy":
            await held.wait()

    handler.before = hold
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        await accept(inbox, crowd, about("later"))
        async with Relay(inbox, {"a": handler}, **QUICK):
            await until(lambda: [event.payment.id for event in handler.seen] == ["later"])
            parked = [row for row in await rows(inbox, outbox) if row["due_at"] == _outbox.PARKED]
            assert len(parked) >= 250
            held.set()
            await until(lambda: len(handler.seen) == 301, 60)
        assert await rows(inbox, outbox) == []
        stored = [row["id"] for row in await rows(inbox, events) if row["reference"] == "busy"]
    assert [event.id for event in handler.seen[1:]] == stored


async def test_an_entry_that_was_put_aside_for_nothing_comes_back(url: str) -> None:
    handler = Handler()
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        await accept(inbox, about("1", "created"), about("1", "completed"), about("2"))
        async with inbox.database.write() as connection:
            await connection.execute(update(outbox).values(due_at=_outbox.PARKED))
        async with Relay(inbox, {"a": handler}, **QUICK):
            await until(lambda: len(handler.seen) == 3, 5)
    assert handler.order()["1"] == ["created", "completed"]


async def test_a_sink_that_the_inbox_does_not_know(sqlite: str) -> None:
    async with Inbox(PIPELINE, sqlite, sinks=["a"]) as inbox:
        with pytest.raises(ConfigurationError, match="keeps nothing for the sinks b, c"):
            Relay(inbox, {"c": Handler(), "a": Handler(), "b": Handler()})
