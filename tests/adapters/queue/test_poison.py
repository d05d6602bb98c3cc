"""What no worker and no consumer stops at: hostile messages, sinks that take nothing, brokers that go."""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cambist import Delivery, PaymentEvent, Pipeline, Processed, Registry, Source
from cambist.errors import CambistError, ConfigurationError, PayloadError
from cambist.hookspecs import Sink
from cambist_queue import (
    WORKERS,
    Consumer,
    Input,
    Message,
    RawReceiver,
    SeenInMemory,
    Topic,
    Worker,
    encode,
    encode_delivery,
)
from cambist_queue._link import UnsendableError

from .memory import TOPIC, Broker, link_to
from .toy import CARD, PIPELINE, SECRET, Plugin, body, event, genuine, toy_pipeline


class Kept:
    """A sink that fails as often as it is told to, and then keeps what it gets."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.ids: list[str] = []

    async def publish(self, processed: Processed) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.ids += [each.id for each in processed.events]


class Stored(Kept):
    """A store."""

    def __init__(self) -> None:
        super().__init__()
        self.quarantined: list[tuple[Delivery, PayloadError]] = []

    async def reject(self, delivery: Delivery, error: CambistError) -> None:
        raise AssertionError("it is in a dead letter")

    async def quarantine(self, delivery: Delivery, error: PayloadError) -> None:
        self.quarantined.append((delivery, error))


@asynccontextmanager
async def working(
    broker: Broker, sink: Sink | Sequence[Sink], pipeline: Any = PIPELINE, *, card_numbers: bool = False
) -> AsyncIterator[Worker]:
    async with link_to(broker) as link:
        each = Input(link, TOPIC, WORKERS, card_numbers=card_numbers)
        async with Worker(pipeline, sink, (each,)) as worker:
            yield worker


def raw(**change: Any) -> bytes:
    """Return a message that is a genuine delivery but for what is changed."""
    return json.dumps({**json.loads(encode_delivery(genuine(body(1)), "").body), **change}).encode()


def signed(number: int) -> bytes:
    return encode_delivery(genuine(body(number)), "").body


FORGED = raw(body=b64encode(body(2)).decode())
UNREADABLE = encode_delivery(genuine(json.dumps({"id": 1, "note": CARD}).encode()), "").body

HOSTILE = {
    "nothing": b"",
    "no UTF-8": b"\xff\xfe",
    "100,000 brackets": b"[" * 100_000,
    "a list": b"[]",
    "another schema": raw(schema="cambist.delivery/2"),
    "before the first year": raw(received_at="0001-01-01T00:00:00+23:00"),
    "after the last year": raw(received_at="9999-12-31T23:59:59-23:00"),
    "the first moment": raw(received_at="0001-01-01T00:00:00Z"),
    "the last moment": raw(received_at="9999-12-31T23:59:59.999999Z"),
    "a zone of seconds": raw(received_at="2026-01-31T12:00:00+00:00:30"),
    "a week": raw(received_at="2026-W05-6T12:00:00Z"),
    "a header's value": raw(headers=[["X-Kind", "\xff\xfe"]]),
    "a header's name": raw(headers=[["X-Kind\xff", "a"]]),
    "a signature": raw(headers=[["X-Signature", "\xff"], ["X-Key", "\x80"]]),
    "many signatures": raw(headers=[["X-Signature", "a"]] * 10_000),
    "line breaks": raw(headers=[["X-Kind", "a\r\nb\x00"]]),
    "no header": raw(headers=[]),
    "a path": raw(path="/\xff\x00"),
    "no body": raw(body=""),
    "a body of zeros": raw(body=b64encode(bytes(1000)).decode()),
    "an unknown source": raw(source="who"),
    "a source of brackets": raw(source="[" * 10_000),
    "a source that is no name": raw(source="\U0001f600\n\x00\u202e"),
    "no source": raw(source=""),
    "an address": raw(remote="\x00" * 1000),
    "forged": FORGED,
    "unreadable": UNREADABLE,
    "genuine": signed(1),
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE.keys())
async def test_whatever_comes_becomes_one_letter_or_one_event_and_is_gone(message: bytes) -> None:
    broker, kept = Broker(message, signed(9)), Kept()
    async with working(broker, kept):
        await broker.dealt_with()
    assert broker.acknowledged == 2
    assert kept.ids[-1] == event(9).id
    assert len(broker.letters) + len(kept.ids) == 2
    assert SECRET not in json.dumps(broker.letters)


async def test_a_letter_shows_each_byte_of_a_header_as_the_character_of_its_number() -> None:
    broker = Broker(raw(headers=[["X-Kind", "\xff\xe9"]]))
    async with working(broker, Kept()):
        await broker.dealt_with()
    (letter,) = broker.letters
    assert letter["delivery"]["headers"] == [["x-kind", "\xff\xe9"]]


class Faulty:
    """A pipeline with a fault of ours."""

    def __init__(self, *faulty: str) -> None:
        self._faulty = faulty

    def __getattr__(self, name: str) -> Any:
        return self._fail if name in self._faulty else getattr(PIPELINE, name)

    def _fail(self, *_: Any) -> None:
        raise OverflowError(f"of {CARD}")


@pytest.mark.parametrize(
    ("faulty", "part"), [(["process"], "delivery"), (["process", "redacted"], "message")]
)
async def test_a_fault_of_ours_holds_nothing_up_and_shows_nothing(
    faulty: list[str], part: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker(signed(1), signed(2))
    async with working(broker, Kept(), Faulty(*faulty)):
        await broker.dealt_with()
    assert broker.acknowledged == len(broker.letters) == 2
    for letter in broker.letters:
        assert letter["error"] == "OverflowError"
        assert "test_poison.py" in letter["reason"]
        assert part in letter
    assert CARD not in caplog.text + json.dumps(broker.letters)


async def test_what_is_refused_is_logged_by_its_source(caplog: pytest.LogCaptureFixture) -> None:
    broker = Broker(FORGED, UNREADABLE, raw(source="who"))
    async with working(broker, Kept()):
        await broker.dealt_with()
    told = [(each.levelno, each.getMessage()) for each in caplog.records if "dead letter" in each.message]
    assert [level for level, _ in told] == [logging.ERROR, logging.WARNING, logging.ERROR]
    assert ["'toy'" in text for _, text in told] == [True, True, False]
    assert "'who'" in told[2][1]


@pytest.mark.parametrize("card_numbers", [False, True])
async def test_of_an_unknown_source_the_body_is_kept_unless_it_may_hold_card_numbers(
    card_numbers: bool,
) -> None:
    broker = Broker(raw(source="who"))
    async with working(broker, Kept(), card_numbers=card_numbers):
        await broker.dealt_with()
    kept = broker.letters[0]["delivery"]
    assert kept.get("body") == (None if card_numbers else b64encode(body(1)).decode())
    assert "headers" not in kept


async def test_a_source_that_a_worker_learns_of_is_read_from_then_on() -> None:
    class Learning(Broker):
        async def send(self, topic: Topic, message: Message) -> None:
            await super().send(topic, message)
            worker.pipeline = toy_pipeline("toy")

    broker, kept = Learning(signed(1), signed(2)), Kept()
    async with working(broker, kept, toy_pipeline("open")) as worker:
        await broker.dealt_with()
    assert [letter["error"] for letter in broker.letters] == ["UnknownSource"]
    assert kept.ids == [event(2).id]


async def test_a_sink_that_takes_nothing_of_that_size_holds_nothing_up() -> None:
    broker, kept, other = Broker(signed(1), signed(2)), Kept(UnsendableError("is too large")), Kept()
    async with working(broker, [kept, other]):
        await broker.dealt_with()
    assert broker.acknowledged == 2
    (letter,) = broker.letters
    assert (letter["error"], letter["reason"]) == ("UnsendableError", "is too large")
    assert letter["delivery"]["body"] == b64encode(body(1)).decode()
    assert kept.ids == [event(2).id]
    assert other.ids == [event(1).id, event(2).id]


async def test_a_letter_that_is_too_large_is_kept_as_a_digest() -> None:
    broker = Broker(UNREADABLE, encode_delivery(genuine(b"[]" + b" " * 5000), "").body, takes=2000)
    async with working(broker, Kept()):
        await broker.dealt_with()
    assert broker.acknowledged == 2
    small, large = broker.letters
    assert small["delivery"]["body"]
    assert (large["error"], large["message"]["bytes"]) == ("PayloadError", len(broker.waiting[1]))


async def test_a_sink_that_fails_does_not_make_the_others_get_events_again() -> None:
    failing, others = Kept(*[RuntimeError(CARD)] * 3), [Kept(), Kept()]
    broker = Broker(signed(1), signed(2))
    async with working(broker, [others[0], failing, others[1]]):
        await broker.dealt_with()
    for each in (failing, *others):
        assert each.ids == [event(1).id, event(2).id]
    assert broker.letters == []


def quarantining() -> Pipeline:
    registry = Registry()
    registry.register(Plugin())
    return Pipeline([Source("toy", "toy", {"secrets": [SECRET]}, quarantine=True)], registry=registry)


async def test_a_store_quarantines_what_is_genuine_and_cannot_be_read() -> None:
    broker, stored = Broker(UNREADABLE, FORGED, signed(3)), Stored()
    async with working(broker, stored, quarantining()):
        await broker.dealt_with()
    assert broker.acknowledged == 3
    ((delivery, error),) = stored.quarantined
    assert delivery.source == "toy"
    assert error.verification is not None
    assert [letter["error"] for letter in broker.letters] == ["VerificationError"]
    assert stored.ids == [event(3).id]


async def test_without_being_asked_a_store_quarantines_nothing() -> None:
    broker, stored = Broker(UNREADABLE), Stored()
    async with working(broker, stored):
        await broker.dealt_with()
    assert (len(broker.letters), stored.quarantined) == (1, [])


@pytest.mark.parametrize("sink", [Kept(), [Kept(), Kept()]], ids=["one", "two"])
def test_without_a_store_quarantine_is_refused_at_the_start(sink: Any) -> None:
    with pytest.raises(ConfigurationError, match="'toy': quarantine: needs an inbox"):
        Worker(quarantining(), sink, ())


def test_a_worker_without_a_sink_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a sink"):
        Worker(PIPELINE, [], ())


async def test_a_broker_that_goes_before_it_is_read_is_read_once_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker, kept = Broker(signed(1), away=2), Kept()
    async with working(broker, kept) as worker:
        await worker.reading()
        assert broker.away == 0
        await broker.dealt_with()
    assert kept.ids == [event(1).id]
    assert caplog.text.count("cambist.deliveries is not read, and is tried again: ConnectionError") == 2


async def test_what_is_too_large_for_the_queue_is_answered_with_413() -> None:
    broker = Broker(takes=1000)
    async with link_to(broker) as link:
        edge = RawReceiver(toy_pipeline("toy"), link, TOPIC)
        answer = await edge.receive(genuine(body(1, note="n" * 1000)))
        assert answer.status == 413
        assert "Retry-After" not in dict(answer.headers)
        assert (await edge.receive(genuine(body(1)))).status == 200
    assert len(broker.sent) == 1


@pytest.fixture
def consuming(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A consumer of a broker in memory."""

    def consumer(broker: Broker, on_event: Any, seen: SeenInMemory | None = None) -> Consumer:
        monkeypatch.setattr("cambist_queue._link.client_of", lambda _address: broker)
        return Consumer("nats://127.0.0.1:4222", on_event, seen=seen)

    return consumer


def published(number: int) -> bytes:
    return encode(event(number)).body


NO_EVENTS = [
    b"",
    b"null",
    b"{}",
    b"[" * 100_000,
    b"\xff",
    CARD.encode(),
    published(1).replace(b"evt_", b"\\ud800"),
]


@pytest.mark.parametrize("message", NO_EVENTS, ids=range(len(NO_EVENTS)))
async def test_what_is_no_event_holds_no_consumer_up(
    consuming: Any, message: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[str] = []

    async def on_event(event: PaymentEvent) -> None:
        got.append(event.id)

    broker = Broker(message, published(9), away=1)
    async with consuming(broker, on_event):
        await broker.dealt_with()
    assert (broker.acknowledged, len(broker.letters), got) == (2, 1, [event(9).id])
    assert CARD not in caplog.text + json.dumps(broker.letters)


async def test_an_event_that_comes_again_while_it_is_under_way_is_handed_on_once(consuming: Any) -> None:
    got: list[str] = []
    done = asyncio.Event()

    async def on_event(event: PaymentEvent) -> None:
        got.append(event.id)
        await done.wait()

    broker = Broker(published(1), published(1), published(2), at_once=True)
    async with consuming(broker, on_event):
        async with asyncio.timeout(20):
            while broker.handed < 3 or len(got) < 2:
                await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        done.set()
        await broker.dealt_with()
    assert sorted(got) == sorted([event(1).id, event(2).id])
    assert broker.acknowledged == 3


async def test_an_event_that_cannot_be_remembered_at_once_is_not_handed_on_again(consuming: Any) -> None:
    class Forgetful(SeenInMemory):
        fails = 2

        async def add(self, event_id: str) -> None:
            if self.fails:
                self.fails -= 1
                raise OSError(28, "no space left")
            await super().add(event_id)

    got: list[str] = []

    async def on_event(event: PaymentEvent) -> None:
        got.append(event.id)

    broker = Broker(published(1), published(1))
    async with consuming(broker, on_event, Forgetful()):
        await broker.dealt_with()
    assert (got, broker.acknowledged) == ([event(1).id], 2)


async def test_an_on_event_that_cannot_publish_is_called_again(consuming: Any) -> None:
    # The error of another queue is not ours to give up on: a consumer's event is not lost.
    failures = [UnsendableError("is too large")]
    got: list[str] = []

    async def on_event(event: PaymentEvent) -> None:
        if failures:
            raise failures.pop()
        got.append(event.id)

    broker = Broker(published(1))
    async with consuming(broker, on_event):
        await broker.dealt_with()
    assert (got, broker.letters) == ([event(1).id], [])
