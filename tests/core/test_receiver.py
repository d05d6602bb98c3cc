"""The one road to a sink: the provider's answer only once the sink has the events."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from cambist import (
    Acknowledgement,
    Delivery,
    EventDraft,
    Kind,
    PaymentEvent,
    Pipeline,
    Processed,
    Provider,
    Receiver,
    Status,
    problem,
)
from cambist.errors import Fault, PayloadError, SinkError

Toy = Callable[..., Provider]
PipelineOf = Callable[..., Pipeline]
Signed = Callable[..., Delivery]

CARD = "4111111111111111"
BODY = b'{"id": 1, "state": "done", "amount": "0.10", "note": "4111111111111111"}'


def two_drafts(payload: Any, context: Any) -> list[EventDraft]:
    return [EventDraft(kind=Kind.TEST, status=Status.UNKNOWN, identity=(word,)) for word in ("a", "b")]


class Sink:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: list[Processed] = []

    async def publish(self, processed: Processed) -> None:
        await asyncio.sleep(0)
        self.published.append(processed)


async def test_a_sink_has_the_events_before_the_answer(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    sink, pipeline = Sink(), pipeline_of(toy(parse=two_drafts))
    answer = await Receiver(pipeline, sink).receive(signed(BODY))
    assert answer == Acknowledgement(200)
    assert sink.published == [pipeline.process(signed(BODY))]


async def test_a_handler_is_awaited_for_each_event_in_turn(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    steps: list[str] = []

    async def on_event(event: PaymentEvent) -> None:
        steps.append(f"begin {event.id}")
        await asyncio.sleep(0)
        steps.append(f"end {event.id}")

    pipeline = pipeline_of(toy(parse=two_drafts))
    assert (await Receiver(pipeline, on_event).receive(signed(BODY))).status == 200
    first, second = (event.id for event in pipeline.process(signed(BODY)).events)
    assert steps == [f"begin {first}", f"end {first}", f"begin {second}", f"end {second}"]


async def test_a_handler_may_be_any_callable(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    class Handler:
        seen = 0

        async def __call__(self, event: PaymentEvent) -> None:
            self.seen += 1

        async def on_event(self, event: PaymentEvent) -> None:
            self.seen += 10

    handler = Handler()
    pipeline = pipeline_of(toy())
    await Receiver(pipeline, handler).receive(signed(BODY))
    await Receiver(pipeline, handler.on_event).receive(signed(BODY))
    assert handler.seen == 11


def synchronous(event: PaymentEvent) -> None:
    """A handler that cannot be awaited."""


class SynchronousSink:
    def publish(self, processed: Processed) -> None:
        """Would be run and never awaited."""


@pytest.mark.parametrize("sink", [None, 5, "nats://", synchronous, [].append, SynchronousSink()])
def test_what_is_no_sink_is_refused_at_start(sink: Any, toy: Toy, pipeline_of: PipelineOf) -> None:
    with pytest.raises(TypeError, match="async publish"):
        Receiver(pipeline_of(toy()), sink)


async def test_a_handler_behind_a_decorator_is_awaited(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    seen: list[PaymentEvent] = []

    async def on_event(event: PaymentEvent) -> None:
        seen.append(event)

    @functools.wraps(on_event)
    def decorated(event: PaymentEvent) -> Any:
        return on_event(event)

    assert (await Receiver(pipeline_of(toy()), decorated).receive(signed(BODY))).status == 200
    assert len(seen) == 1


async def test_the_provider_gets_its_own_answer(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    answer = Acknowledgement(202, b"OK", "text/plain", (("X-Ack", "1"),))
    pipeline = pipeline_of(toy(acknowledge=lambda delivery, events: answer))
    assert await Receiver(pipeline, Sink()).receive(signed(BODY)) == answer


FAILURES = [
    SinkError(CARD),
    RuntimeError(CARD),
    KeyError(CARD),
    TimeoutError(),
    PayloadError(()),
    MemoryError(),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_a_sink_that_fails_asks_for_the_delivery_again(
    failure: Exception, toy: Toy, pipeline_of: PipelineOf, signed: Signed, caplog: pytest.LogCaptureFixture
) -> None:
    async def on_event(event: PaymentEvent) -> None:
        raise failure

    answer = await Receiver(pipeline_of(toy()), on_event).receive(signed(BODY))
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert ("Retry-After", "5") in answer.headers
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": "The events could not be stored; deliver again",
        "status": 503,
    }
    assert f"source 'shop': the sink failed: {type(failure).__name__} at test_receiver.py:" in caplog.text
    assert CARD not in caplog.text


async def test_a_sink_that_fails_half_way_has_not_stored_the_delivery(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    seen: list[str] = []

    async def on_event(event: PaymentEvent) -> None:
        seen.append(event.id)
        if len(seen) == 2:
            raise RuntimeError

    answer = await Receiver(pipeline_of(toy(parse=two_drafts)), on_event).receive(signed(BODY))
    assert (answer.status, len(seen)) == (503, 2)


async def test_cancellation_passes_through(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    begun = asyncio.Event()

    async def on_event(event: PaymentEvent) -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(Receiver(pipeline_of(toy()), on_event).receive(signed(BODY)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("delivery", "expected", "logged"),
    [
        (
            {"source": "other"},
            {"title": "There is no such source", "status": 404},
            "refused with 404: source 'other': no such source is configured",
        ),
        (
            {"headers": {"X-Sign": "00" * 32}},
            {"title": "The delivery is not proven genuine", "status": 401},
            "refused with 401: source 'shop', provider 'toy': the signature in header X-Sign",
        ),
        (
            {"headers": {}},
            {"title": "The delivery is not proven genuine", "status": 401},
            "refused with 401: source 'shop', provider 'toy': header X-Sign is missing\n",
        ),
        (
            {"headers": {}, "remote": "203.0.113.7"},
            {"title": "The delivery is not proven genuine", "status": 401},
            "refused with 401: source 'shop', provider 'toy': header X-Sign is missing, from 203.0.113.7\n",
        ),
    ],
)
async def test_a_refusal_tells_the_log_why_and_the_sender_nothing(
    delivery: dict[str, Any],
    expected: dict[str, Any],
    logged: str,
    toy: Toy,
    pipeline_of: PipelineOf,
    signed: Signed,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = Sink()
    with caplog.at_level(logging.WARNING, "cambist"):
        answer = await Receiver(pipeline_of(toy()), sink).receive(evolve(signed(BODY), **delivery))
    assert json.loads(answer.body) == {"type": "about:blank", **expected}
    assert (answer.status, answer.content_type) == (expected["status"], "application/problem+json")
    assert answer.headers == ()
    assert sink.published == []
    assert logged in caplog.text
    assert CARD not in caplog.text


async def test_a_payload_of_another_form_tells_its_paths(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    body = b'{"id": [4111111111111111], "amount": "4111111111111111x", "state": "done"}'
    answer = await Receiver(pipeline_of(toy()), Sink()).receive(signed(body))
    details = json.loads(answer.body)
    assert (answer.status, details["status"]) == (400, 400)
    assert [fault["path"] for fault in details["errors"]] == ["id", "amount"]
    assert CARD.encode() not in answer.body


def test_of_many_faults_the_first_twenty_are_told() -> None:
    many = PayloadError(Fault(f"items[{index}]", "is wrong") for index in range(5000))
    details = json.loads(problem(400, many).body)
    assert [fault["path"] for fault in details["errors"]] == [f"items[{index}]" for index in range(20)]
    assert len(many.faults) == 5000
    assert str(many).endswith("items[19]: is wrong; and 4980 more")


async def test_a_fault_of_ours_is_a_500_that_tells_nothing(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed, caplog: pytest.LogCaptureFixture
) -> None:
    class Unhashable(str):
        __hash__ = None  # type: ignore[assignment]

    of_another_type = evolve(signed(BODY), source=Unhashable("shop"))  # cannot be looked up at all
    answer = await Receiver(pipeline_of(toy()), Sink()).receive(of_another_type)
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": "The receiver is at fault",
        "status": 500,
    }
    assert "TypeError at _pipeline.py:" in caplog.text
