"""The W3C trace context that an event travels in."""

from __future__ import annotations

from collections.abc import Mapping

from cambist import Processed, trace_context

try:
    from opentelemetry.propagate import inject
except ImportError:  # without OpenTelemetry, what the sender sent is carried on
    inject = None  # type: ignore[assignment]


def trace_of(processed: Processed) -> Mapping[str, str]:
    """Return the trace context of the current span, or else the one that the delivery came with."""
    carrier: dict[str, str] = {}
    if inject is not None:
        inject(carrier)
    if "traceparent" in carrier:
        return carrier
    return processed.trace or (trace_context(processed.delivery.headers) if processed.delivery else {})
