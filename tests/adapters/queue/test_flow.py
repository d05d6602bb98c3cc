"""The whole way over each broker: an edge, workers, a sink, a consumer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from cambist import Delivery, PaymentEvent, Processed, Receiver
from cambist.errors import ConfigurationError
from cambist_queue import (
    WORKERS,
    Consumer,
    DeliveryOptions,
    EventOptions,
    Input,
    Link,
    RawReceiver,
    Received,
    SeenInMemory,
    SeenInSqlite,
    Topic,
    Worker,
    address_of,
    dead_letters,
    make_topics,
    open_sink,
    split_options,
)

from .conftest import Readings, Server
from .toy import CARD, PIPELINE, SECRET, body, event, genuine, processed, toy_pipeline


class Handler:
    """Keeps the events, and fails as often as a test asks for."""

    def __init__(self, fails: int = 0) -> None:
        self.events: list[PaymentEvent] = []
        self.fails = fails

    async def __call__(self, event: PaymentEvent) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError(f"of {CARD}")
        self.events.append(event)

    def has(self, event_id: str) -> bool:
        return any(each.id == event_id for each in self.events)

    async def until(self, enough: Callable[[], bool], within_s: float = 60) -> None:
        async with asyncio.timeout(within_s):
            while not enough():
                await asyncio.sleep(0.01)


@frozen
class Ways:
    """Topics of a test's own."""

    url: str
    events: dict[str, Any]
    deliveries: dict[str, Any]

    @property
    def delivery_topic(self) -> Topic:
        return split_options(DeliveryOptions, self.deliveries)[0].topic


@pytest.fixture
async def ways(server: Server, topic: Topic) -> Ways:
    shared = {"partitions": 4, "redeliver_after_s": 2}
    found = Ways(
        server.url,
        {"topic": topic.name, **shared},
        {"topic": topic.name.replace("events", "deliveries"), **shared},
    )
    await make_topics(EventOptions, found.url, found.events)
    await make_topics(DeliveryOptions, found.url, found.deliveries)
    return found


@asynccontextmanager
async def delivery_link(ways: Ways) -> AsyncIterator[Link]:
    topic = ways.delivery_topic
    async with Link(address_of(ways.url), (topic, dead_letters(topic))) as link:
        yield link


@asynccontextmanager
async def working(ways: Ways, pipeline: Any = PIPELINE, sink: Any = None) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(delivery_link(ways))
        if sink is None:
            sink = await stack.enter_async_context(open_sink(ways.url, ways.events))
        await stack.enter_async_context(Worker(pipeline, sink, (Input(link, ways.delivery_topic, WORKERS),)))
        yield


async def letters(ways: Ways, count: int) -> list[dict[str, Any]]:
    """Return the dead letters of deliveries, once there are as many."""
    readings = Readings()
    dead = evolve(dead_letters(ways.delivery_topic), redeliver_after_s=1)
    async with (
        delivery_link(ways) as link,
        link.client.consume(dead, "inspect", readings),
    ):
        await readings.until(lambda: len(readings.got) >= count)
    return [json.loads(each.body) for each in readings.got]


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_an_event_gets_to_a_consumer_as_it_was(ways: Ways, mode: str) -> None:
    handler = Handler()
    async with (
        open_sink(ways.url, {**ways.events, "mode": mode}) as sink,
        Consumer(ways.url, handler, options=ways.events),
    ):
        await sink.publish(processed(1))
        await handler.until(lambda: bool(handler.events))
    assert handler.events == [event(1)]


async def test_an_event_that_is_published_again_is_handed_on_once(ways: Ways) -> None:
    handler = Handler()
    async with open_sink(ways.url, ways.events) as sink, Consumer(ways.url, handler, options=ways.events):
        for number in (1, 1, 2, 1, 2, 3):
            await sink.publish(processed(number))
        await handler.until(lambda: len(handler.events) >= 3)
    assert [each.id for each in handler.events] == [event(number).id for number in (1, 2, 3)]


async def test_a_consumer_that_comes_back_remembers(ways: Ways, tmp_path: Path) -> None:
    async with open_sink(ways.url, ways.events) as sink:
        for number, expected in ((11, [1, 11]), (12, [12]), (13, [13])):
            seen, handler = SeenInSqlite(tmp_path / "seen.db"), Handler()
            await sink.publish(processed(1))
            await sink.publish(processed(number))  # of the same payment, so that it is looked at after that
            async with Consumer(ways.url, handler, seen=seen, options=ways.events):
                await handler.until(partial(handler.has, event(number).id))
            seen.close()
            assert [each.id for each in handler.events] == [event(each).id for each in expected]


async def test_a_consumer_that_fails_is_asked_again_and_loses_nothing(
    ways: Ways, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handler(fails=2)
    async with open_sink(ways.url, ways.events) as sink, Consumer(ways.url, handler, options=ways.events):
        for number in (1, 2):
            await sink.publish(processed(number))
        await handler.until(lambda: len(handler.events) == 2)
    assert [each.id for each in handler.events] == [event(1).id, event(2).id]
    assert CARD not in caplog.text


async def test_the_way_from_an_edge_over_workers_to_a_consumer(ways: Ways) -> None:
    handler = Handler()
    async with (
        delivery_link(ways) as link,
        working(ways),
        working(ways),
        Consumer(ways.url, handler, options=ways.events),
    ):
        edge = RawReceiver(toy_pipeline("toy"), link, ways.delivery_topic)
        for number in range(40):
            answer = await edge.receive(genuine(body(number, f"p-{number % 5}")))
            assert answer.status == 200
        await handler.until(lambda: len(handler.events) >= 40)
    assert len({each.id for each in handler.events}) == len(handler.events) == 40
    for payment in range(5):
        of_it = [each.id for each in handler.events if each.payment.id == f"p-{payment}"]
        assert of_it == [event(n, f"p-{payment}").id for n in range(payment, 40, 5)]


FORGED = genuine(body(1)).headers


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (lambda: Delivery("toy", FORGED, body(2), genuine(b"").received_at), "VerificationError"),
        (lambda: genuine(b"not json"), "PayloadError"),
        (lambda: genuine(json.dumps({"id": 1, "note": CARD}).encode()), "PayloadError"),
    ],
    ids=["forged", "not json", "of another form"],
)
async def test_a_poisoned_delivery_becomes_a_dead_letter_and_holds_nothing_up(
    ways: Ways, bad: Callable[[], Delivery], error: str
) -> None:
    handler = Handler()
    async with (
        delivery_link(ways) as link,
        working(ways),
        Consumer(ways.url, handler, options=ways.events),
    ):
        edge = RawReceiver(toy_pipeline("toy"), link, ways.delivery_topic, order="source")
        assert (await edge.receive(genuine(body(1)))).status == 200
        assert (await edge.receive(bad())).status == 200
        assert (await edge.receive(genuine(body(3)))).status == 200
        await handler.until(lambda: len(handler.events) == 2)
    (letter,) = await letters(ways, 1)
    assert letter["error"] == error
    assert SECRET not in json.dumps(letter)


async def test_a_message_that_is_no_delivery_becomes_a_dead_letter(ways: Ways) -> None:
    handler = Handler()
    async with (
        delivery_link(ways) as link,
        working(ways),
        Consumer(ways.url, handler, options=ways.events),
    ):
        from .conftest import message

        await link.send(ways.delivery_topic, evolve(message(1, "toy"), body=CARD.encode()))
        edge = RawReceiver(toy_pipeline("toy"), link, ways.delivery_topic, order="source")
        await edge.receive(genuine(body(1)))
        await handler.until(lambda: len(handler.events) == 1)
    (letter,) = await letters(ways, 1)
    assert letter["message"]["bytes"] == 16
    assert CARD not in json.dumps(letter)


async def test_a_sink_that_fails_is_tried_until_it_works_and_nothing_is_lost(
    ways: Ways, caplog: pytest.LogCaptureFixture
) -> None:
    class Flaky:
        def __init__(self) -> None:
            self.fails = 3
            self.ids: list[str] = []

        async def publish(self, processed: Processed) -> None:
            if self.fails:
                self.fails -= 1
                raise RuntimeError(f"cannot store {CARD}")
            self.ids += [each.id for each in processed.events]

    flaky = Flaky()
    async with delivery_link(ways) as link, working(ways, sink=flaky):
        edge = RawReceiver(toy_pipeline("toy"), link, ways.delivery_topic, order="source")
        for number in range(4):
            await edge.receive(genuine(body(number)))
        async with asyncio.timeout(60):
            while len(flaky.ids) < 4:
                await asyncio.sleep(0.01)
    assert flaky.ids == [event(number).id for number in range(4)]
    assert CARD not in caplog.text


async def test_an_edge_answers_503_while_its_broker_is_away(own_server: Server, topic: Topic) -> None:
    options = {"topic": topic.name, "partitions": 2}
    await make_topics(DeliveryOptions, own_server.url, options)
    given = split_options(DeliveryOptions, options)[0]
    async with Link(address_of(own_server.url, {"timeout_s": 2}), given.needed) as link:
        edge = RawReceiver(toy_pipeline("toy"), link, given.topic)
        assert (await edge.receive(genuine(body(1)))).status == 200
        own_server.kill()
        answer = await edge.receive(genuine(body(2)))
        assert answer.status == 503
        assert dict(answer.headers)["Retry-After"]
        own_server.start()
        async with asyncio.timeout(60):
            while (await edge.receive(genuine(body(2)))).status != 200:
                await asyncio.sleep(0.1)


async def test_a_receiver_answers_503_while_the_broker_of_its_sink_is_away(
    own_server: Server, topic: Topic
) -> None:
    options = {"topic": topic.name, "partitions": 2, "timeout_s": 2}
    await make_topics(EventOptions, own_server.url, options)
    async with open_sink(own_server.url, options) as sink:
        receiver = Receiver(PIPELINE, sink)
        assert (await receiver.receive(genuine(body(1)))).status == 200
        own_server.kill()
        assert (await receiver.receive(genuine(body(2)))).status == 503
        own_server.start()
        async with asyncio.timeout(60):
            while (await receiver.receive(genuine(body(2)))).status != 200:
                await asyncio.sleep(0.1)


async def test_an_unknown_source_costs_no_message(ways: Ways) -> None:
    async with delivery_link(ways) as link:
        edge = RawReceiver(toy_pipeline("toy"), link, ways.delivery_topic)
        assert (await edge.receive(Delivery("who", {}, b"{}", genuine(b"").received_at))).status == 404


async def test_card_numbers_do_not_get_onto_a_queue_unasked(ways: Ways) -> None:
    async with delivery_link(ways) as link:
        with pytest.raises(ConfigurationError, match="card_numbers = true"):
            RawReceiver(toy_pipeline("cards"), link, ways.delivery_topic)
        RawReceiver(toy_pipeline("cards"), link, ways.delivery_topic, card_numbers=True)


async def test_what_is_remembered_in_memory_is_bounded() -> None:
    seen = SeenInMemory(limit=2)
    for name in ("a", "b", "c"):
        await seen.add(name)
    assert [await seen.contains(name) for name in ("a", "b", "c")] == [False, True, True]


async def test_the_trace_of_a_request_goes_on_with_its_events(ways: Ways) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    readings = Readings()
    options, rest = split_options(EventOptions, ways.events)
    async with (
        open_sink(ways.url, ways.events) as sink,
        Link(address_of(ways.url, rest), ()) as link,
        link.client.consume(options.topic, "main", readings),
    ):
        await sink.publish(processed(1, traceparent=trace))
        await readings.until(lambda: bool(readings.got))
    received: Received = readings.got[0]
    assert received.headers["traceparent"] == trace
