"""Numbers for Prometheus. They need the extra ``metrics``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from attrs import Factory, define, field, frozen
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from cambist import Acknowledgement, CambistError, Delivery, PaymentEvent, Processed, Status, Watch
from cambist.errors import PayloadError, UnknownSource
from cambist_aiohttp._outcomes import Outcome, of_refusal

NOWHERE: Final = ""
"""What every source is called that is not configured: a sender makes no labels. No source has this name."""

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAG = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)


@frozen
class _Numbers:
    received: Counter
    verified: Counter
    rejected: Counter
    events: Counter
    unknown: Counter
    anomalies: Counter
    lag: Histogram
    processing: Histogram
    answering: Histogram

    @classmethod
    def of(cls, registry: CollectorRegistry) -> _Numbers:
        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"cambist_{name}", told, ("source", *labels), registry=registry)

        def histogram(name: str, told: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"cambist_{name}_seconds", told, ("source",), registry=registry, buckets=buckets)

        return cls(
            counter("received", "Deliveries that came in."),
            counter("verified", "Deliveries that were proven genuine."),
            counter("rejected", "Deliveries that were not accepted, by the reason.", "reason"),
            counter("events", "Events of accepted deliveries, repeats included.", "kind", "status"),
            counter("unknown_statuses", "Events whose status the plugin does not know."),
            counter("anomalies", "What did not fit, though the event was accepted."),
            histogram("lag", "From when the provider says it happened to its arrival.", _LAG),
            histogram("processing", "From the arrival to the events: verify and normalise.", _SECONDS),
            histogram("answering", "From the arrival to the answer.", _SECONDS),
        )


@frozen(eq=False)
class Metrics:
    """Counts deliveries and their events, and takes their times. A `cambist.Telemetry`.

    With several processes, ``PROMETHEUS_MULTIPROC_DIR`` has to name an empty folder before any of them
    imports this. Each writes its numbers there, and each renders the sums.

    Args:
        clock: Seconds that never go back.
    """

    clock: Callable[[], float] = time.perf_counter
    _registry: CollectorRegistry = field(init=False, factory=CollectorRegistry, repr=False)
    _numbers: _Numbers = field(
        init=False, repr=False, default=Factory(lambda self: _Numbers.of(self._registry), takes_self=True)
    )

    content_type: Final = CONTENT_TYPE_LATEST

    def received(self, delivery: Delivery) -> Watch:
        """See `cambist.Telemetry`."""
        return _Watch(self._numbers, self.clock, delivery.source)

    def refused(self, source: str, status: int) -> None:
        """Count what an `Edge` refused: its ``on_refusal``."""
        name = NOWHERE if status == UnknownSource.status_hint else source
        self._numbers.received.labels(name).inc()
        self._numbers.rejected.labels(name, of_refusal(status)).inc()

    def render(self) -> bytes:
        """Return all numbers in Prometheus' text format, those of other processes too."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


@define
class _Watch:
    numbers: _Numbers
    clock: Callable[[], float]
    source: str
    outcome: Outcome = field(factory=Outcome)
    events: tuple[PaymentEvent, ...] = ()
    began: float = field(init=False, default=Factory(lambda self: self.clock(), takes_self=True))

    def processed(self, processed: Processed) -> None:
        self.numbers.processing.labels(self.source).observe(self.clock() - self.began)
        self.numbers.verified.labels(self.source).inc()
        self.events = processed.events

    def failed(self, error: CambistError | None) -> None:
        self.outcome.failed(error)
        if isinstance(error, PayloadError):
            self.numbers.verified.labels(self.source).inc()
        elif isinstance(error, UnknownSource) or (error is None and not self.events):
            self.source = NOWHERE

    def ended(self, acknowledgement: Acknowledgement | None) -> None:
        self.numbers.received.labels(self.source).inc()
        self.numbers.answering.labels(self.source).observe(self.clock() - self.began)
        word = self.outcome.ended(acknowledgement)
        if word != "accepted":
            self.numbers.rejected.labels(self.source, word).inc()
            return
        for event in self.events:
            self._count(event)

    def _count(self, event: PaymentEvent) -> None:
        self.numbers.events.labels(self.source, event.kind, event.status).inc()
        if event.status is Status.UNKNOWN:
            self.numbers.unknown.labels(self.source).inc()
        if event.anomalies:
            self.numbers.anomalies.labels(self.source).inc(len(event.anomalies))
        if event.occurred_at is not None and event.received_at is not None:
            lag = (event.received_at - event.occurred_at).total_seconds()
            self.numbers.lag.labels(self.source).observe(max(0.0, lag))  # their clock may be ahead
