"""Spans for OpenTelemetry. They need the extra ``tracing``; what is done with them is the SDK's."""

from __future__ import annotations

from contextvars import Token

from attrs import define, field, frozen
from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cambist import Acknowledgement, CambistError, Delivery, Processed, Watch
from cambist.errors import UnknownSource
from cambist_aiohttp._outcomes import Outcome

_PARENT = ("traceparent", "tracestate")


def _tracer() -> Tracer:
    return trace.get_tracer("cambist.aiohttp")


@frozen
class Tracing:
    """Opens a span ``cambist receive`` for each delivery, current while a sink works. A `cambist.Telemetry`.

    It tells source, provider, the events' ids, the answer's status and the outcome, and nothing else.

    Args:
        trust_parent: Take the parent from the request's ``traceparent``. A sender can then have its requests
            sampled, and put them into any trace: only where your own proxy sets that header.
        tracer: Where the spans go; the application's unless given.
    """

    trust_parent: bool = False
    tracer: Tracer = field(factory=_tracer)

    def received(self, delivery: Delivery) -> Watch:
        """See `cambist.Telemetry`."""
        parent = None
        if self.trust_parent:
            headers = {name: delivery.headers[name] for name in _PARENT if name in delivery.headers}
            parent = TraceContextTextMapPropagator().extract(headers)
        span = self.tracer.start_span("cambist receive", parent, SpanKind.CONSUMER)
        return _Watch(span, context.attach(trace.set_span_in_context(span)), delivery.source)


@define
class _Watch:
    span: Span
    token: Token[context.Context]
    source: str | None
    outcome: Outcome = field(factory=Outcome)

    def processed(self, processed: Processed) -> None:
        self.span.set_attribute("cambist.provider", processed.events[0].provider)
        self.span.set_attribute("cambist.event_ids", [event.id for event in processed.events])

    def failed(self, error: CambistError | None) -> None:
        self.outcome.failed(error)
        if isinstance(error, UnknownSource):
            self.source = None  # it is whatever the sender wrote
        elif error is not None and error.provider:
            self.span.set_attribute("cambist.provider", error.provider)

    def ended(self, acknowledgement: Acknowledgement | None) -> None:
        context.detach(self.token)
        if self.source is not None:
            self.span.set_attribute("cambist.source", self.source)
        self.span.set_attribute("cambist.outcome", self.outcome.ended(acknowledgement))
        if acknowledgement is not None:
            self.span.set_attribute("http.response.status_code", acknowledgement.status)
        if acknowledgement is None or acknowledgement.status >= 500:
            self.span.set_status(StatusCode.ERROR)
        self.span.end()
