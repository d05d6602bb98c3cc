"""The span of a delivery, as the SDK exports it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from cambist import Delivery, Receiver
from cambist_aiohttp import Together, Tracing

from .conftest import SECRET, Handler, signed

BODY = b'{"id": 7}'
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Traced:
    """A receiver whose spans can be looked at."""

    def __init__(self, receiver: Receiver, handler: Handler) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")
        self.plain, self.handler = receiver, handler

    async def receive(self, delivery: Delivery, *, trust_parent: bool = False) -> ReadableSpan:
        tracing = Tracing(trust_parent, self.tracer)
        receiver = Receiver(self.plain.pipeline, self.handler, telemetry=tracing)
        await receiver.receive(delivery)
        return self.exporter.get_finished_spans()[-1]

    def delivery(self, body: bytes = BODY, source: str = "shop", **headers: str) -> Delivery:
        given = {**signed(self.plain, body), **headers}
        return Delivery(source, given, body, NOW, f"/webhooks/{source}/{SECRET}", "203.0.113.7")


@pytest.fixture
def traced(receiver: Receiver, handler: Handler) -> Traced:
    return Traced(receiver, handler)


async def test_what_is_accepted(traced: Traced) -> None:
    span = await traced.receive(traced.delivery())
    (event,) = traced.handler.events
    assert (span.name, span.kind, span.parent) == ("cambist receive", SpanKind.CONSUMER, None)
    assert dict(span.attributes or {}) == {
        "cambist.source": "shop",
        "cambist.provider": "ping",
        "cambist.event_ids": (event.id,),
        "cambist.outcome": "accepted",
        "http.response.status_code": 200,
    }
    assert (span.status.status_code, span.events) == (StatusCode.UNSET, ())


@pytest.mark.parametrize(
    ("body", "source", "headers", "expected"),
    [
        (BODY, "shop", {"X-Signature": "0"}, ("shop", "ping", "not_verified", 401)),
        (b'{"id": {"card": "4111111111111111"}}', "shop", {}, ("shop", "ping", "payload", 400)),
        (BODY, f"no-{SECRET}", {}, (None, None, "unknown_source", 404)),
    ],
)
async def test_what_is_refused(
    traced: Traced, body: bytes, source: str, headers: dict[str, str], expected: tuple[Any, ...]
) -> None:
    span = await traced.receive(traced.delivery(body, source, **headers))
    attributes = span.attributes or {}
    names = ("cambist.source", "cambist.provider", "cambist.outcome", "http.response.status_code")
    assert tuple(attributes.get(name) for name in names) == expected
    assert span.status.status_code is StatusCode.UNSET  # a sender's fault is no error of ours
    shown = span.to_json()
    assert not [value for value in (SECRET, "4111111111111111", "203.0.113.7") if value in shown]


async def test_what_the_sink_did_not_take_is_an_error(traced: Traced) -> None:
    async def fail() -> None:
        raise OSError("the-p4ssword")

    traced.handler.before = fail
    span = await traced.receive(traced.delivery())
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["cambist.outcome"] == "sink"
    assert "the-p4ssword" not in span.to_json()


PARENTS = [
    ({"traceparent": f"00-{TRACE}-{PARENT}-01"}, True, True),
    ({"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=b"}, True, True),
    ({"traceparent": f"00-{TRACE}-{PARENT}-01"}, False, False),
    ({"traceparent": "00-garbage"}, True, False),
    ({"traceparent": f"00-{'0' * 32}-{PARENT}-01"}, True, False),
    ({}, True, False),
]


@pytest.mark.parametrize(("headers", "trust", "has_parent"), PARENTS)
async def test_a_request_names_the_parent_only_where_it_is_trusted(
    traced: Traced, headers: dict[str, str], trust: bool, has_parent: bool
) -> None:
    span = await traced.receive(traced.delivery(BODY, **headers), trust_parent=trust)
    assert (span.parent is not None) is has_parent
    assert span.context is not None
    assert (format(span.context.trace_id, "032x") == TRACE) is has_parent


async def test_spans_of_the_sink_and_of_the_application_are_around_it_as_they_should(traced: Traced) -> None:
    async def store() -> None:
        with traced.tracer.start_as_current_span("store"):
            await asyncio.sleep(0)

    traced.handler.before = store
    with traced.tracer.start_as_current_span("request") as request:
        span = await traced.receive(traced.delivery())
        assert trace.get_current_span() is request
    stored = traced.exporter.get_finished_spans()[0]
    assert stored.parent == span.context
    assert span.parent == request.get_span_context()


async def test_deliveries_at_the_same_time_do_not_mix(traced: Traced) -> None:
    async def store() -> None:
        with traced.tracer.start_as_current_span("store"):
            await asyncio.sleep(0)

    traced.handler.before = store
    bodies = [b'{"id": %d}' % number for number in range(8)]
    await asyncio.gather(*(traced.receive(traced.delivery(body)) for body in bodies))
    spans = traced.exporter.get_finished_spans()
    received = {span.context.span_id for span in spans if span.context and span.name == "cambist receive"}
    assert len(received) == 8
    assert {span.parent.span_id for span in spans if span.parent} == received


async def test_a_delivery_that_is_given_up_ends_its_span(traced: Traced) -> None:
    traced.handler.before = asyncio.Event().wait
    task = asyncio.create_task(traced.receive(traced.delivery()))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (span,) = traced.exporter.get_finished_spans()
    assert (span.attributes or {})["cambist.outcome"] == "cancelled"
    assert span.status.status_code is StatusCode.ERROR


async def test_without_an_sdk_nothing_happens(receiver: Receiver, handler: Handler, traced: Traced) -> None:
    both = Together([Tracing(), Tracing(trust_parent=True)])
    answer = await Receiver(receiver.pipeline, handler, telemetry=both).receive(traced.delivery())
    assert answer.status == 200


async def test_it_says_the_same_of_a_delivery_whose_body_is_another(traced: Traced) -> None:
    spans = [await traced.receive(evolve(traced.delivery(), body=body)) for body in (b"", b"\xff", b"[]")]
    assert [(span.attributes or {})["cambist.outcome"] for span in spans] == ["not_verified"] * 3
