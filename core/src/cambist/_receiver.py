"""The one road of a delivery to its sink and of the answer back, for every edge."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

import orjson

from cambist._delivery import Acknowledgement, Delivery
from cambist._telemetry import NONE, Guarded
from cambist.errors import SHOWN_FAULTS, CambistError, ConfigurationError, PayloadError, SinkError, place

if TYPE_CHECKING:
    from cambist._event import PaymentEvent
    from cambist._pipeline import Pipeline, Processed
    from cambist._provider import Acknowledge
    from cambist._telemetry import Telemetry
    from cambist.hookspecs import Sink, Store

logger = logging.getLogger("cambist")
OnEvent = Callable[["PaymentEvent"], Awaitable[object]]
_STORES = ("reject", "quarantine")

# What the sender is told. Why a signature was refused is for our log, not for whoever forged it.
_TITLES = {
    400: "The payload is not of the documented form",
    401: "The delivery is not proven genuine",
    404: "There is no such source",
    405: "Only POST is received here",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "The body's media type or encoding is not received here",
    429: "Too many deliveries; deliver again later",
    500: "The receiver is at fault",
    503: "The events could not be stored; deliver again",
}


class Receiver:
    """Takes deliveries to a sink, and answers only when the sink has them.

    Args:
        pipeline: Makes events of deliveries.
        sink: An object with ``async publish(processed)`` that returns when the events are durable, or an
            ``async def on_event(event)`` that is awaited for each event in turn. A `Store` gets what is
            refused, too.
        telemetry: Is told what becomes of each delivery.

    Raises:
        ConfigurationError: A source asks for quarantine, and the sink is no `Store`.
    """

    def __init__(
        self, pipeline: Pipeline, sink: Sink | OnEvent, *, telemetry: Telemetry | None = None
    ) -> None:
        self.pipeline = pipeline
        self._telemetry = telemetry
        self._publish = publisher(sink)
        self._store = cast("Store", sink) if all(hasattr(sink, name) for name in _STORES) else None
        for route in pipeline.routes:
            if route.source.quarantine and self._store is None:
                raise ConfigurationError(
                    "quarantine: needs an inbox, for what is acknowledged has to be stored",
                    source=route.source.name,
                )

    async def receive(self, delivery: Delivery) -> Acknowledgement:
        """Process one delivery, publish its events, and return what to answer.

        No `CambistError` escapes: each becomes its acknowledgement here. A sink that fails in any way gives
        503, so that the provider delivers again.
        """
        if self._telemetry is None:
            return await self._receive(delivery, NONE)
        watch = Guarded.of(self._telemetry, delivery)
        acknowledgement: Acknowledgement | None = None
        try:
            return (acknowledgement := await self._receive(delivery, watch))
        finally:
            watch.ended(acknowledgement)

    async def _receive(self, delivery: Delivery, watch: Guarded) -> Acknowledgement:
        try:
            processed = self.pipeline.process(delivery)
        except CambistError as error:
            watch.failed(error)
            return await self._refuse(delivery, error, watch)
        except Exception as error:  # noqa: BLE001  # a fault of ours: the provider is to try again
            watch.failed(None)
            logger.error("source %r: failed: %s", delivery.source, place(error))  # noqa: TRY400
            return problem(500)
        watch.processed(processed)
        try:
            await self._publish(processed)
        except Exception as error:  # noqa: BLE001
            return _not_stored(delivery, error, watch)
        return processed.acknowledgement

    async def _refuse(self, delivery: Delivery, error: CambistError, watch: Guarded) -> Acknowledgement:
        route = self.pipeline.route(delivery.source)
        if self._store is not None:
            kept = self.pipeline.redacted(delivery)
            if route is not None and route.source.quarantine and isinstance(error, PayloadError):
                return await self._quarantine(self._store, kept, error, route.provider.acknowledge, watch)
            try:
                await self._store.reject(kept, error)
            except Exception as failure:  # noqa: BLE001  # it is refused whether or not that can be kept
                logger.error("a refused delivery was not kept: %s", place(failure))  # noqa: TRY400
        origin = f", from {delivery.remote}" if delivery.remote else ""
        logger.warning("refused with %d: %s%s", error.status_hint, error, origin)
        return problem(error.status_hint, error)

    async def _quarantine(
        self,
        store: Store,
        delivery: Delivery,
        error: PayloadError,
        acknowledge: Acknowledge,
        watch: Guarded,
    ) -> Acknowledgement:
        try:
            await store.quarantine(delivery, error)
        except Exception as raised:  # noqa: BLE001
            return _not_stored(delivery, raised, watch)
        logger.warning("quarantined: %s", error)
        try:
            return acknowledge(delivery, ())
        except Exception:  # noqa: BLE001  # an answer made of events: there are none
            return Acknowledgement()


def _not_stored(delivery: Delivery, error: Exception, watch: Guarded) -> Acknowledgement:
    failure = SinkError(f"the sink failed: {place(error)}", source=delivery.source)
    watch.failed(failure)
    logger.error("refused with 503: %s", failure)
    return problem(failure.status_hint, failure)


def problem(
    status: int, error: CambistError | None = None, *, headers: tuple[tuple[str, str], ...] = ()
) -> Acknowledgement:
    """Return an answer as problem details (RFC 9457) that tells the sender nothing it should not know.

    Args:
        status: The HTTP status.
        error: A `PayloadError` adds its first 20 faulty paths; nothing else of an error is told.
        headers: Further headers.
    """
    details: dict[str, object] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Refused"),
        "status": status,
    }
    if isinstance(error, PayloadError):
        details["errors"] = [{"path": path, "problem": text} for path, text in error.faults[:SHOWN_FAULTS]]
    if status == SinkError.status_hint:
        headers = (*headers, ("Retry-After", "5"))
    return Acknowledgement(status, orjson.dumps(details), "application/problem+json", headers)


def publisher(sink: Sink | OnEvent) -> Callable[[Processed], Awaitable[None]]:
    """Return a sink's ``publish``, or for an ``async def on_event(event)`` one that awaits it for each event.

    Raises:
        TypeError: It is neither.
    """
    publish = getattr(sink, "publish", None)
    if not _is_async(publish or sink):
        raise TypeError("a sink has an async publish(processed), or is an async def on_event(event)")
    return publish or _each(cast(OnEvent, sink))


def _is_async(function: object) -> bool:
    """Whether it is a coroutine function, also behind a decorator, a bound method or an object's call."""
    if not callable(function):
        return False
    call = getattr(function, "__call__", None)  # noqa: B004  # of an object that is no function
    return any(inspect.iscoroutinefunction(inspect.unwrap(each)) for each in (function, call) if each)


def _each(on_event: OnEvent) -> Callable[[Processed], Awaitable[None]]:
    async def publish(processed: Processed) -> None:
        for event in processed.events:
            await on_event(event)

    return publish
