"""Raw deliveries in: verified, normalised, their events published, and only then acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, cast

from attrs import field, frozen

from cambist import Delivery, Pipeline, Processed, publisher
from cambist.errors import CambistError, ConfigurationError, PayloadError, place
from cambist.hookspecs import Sink, Store
from cambist_queue import _dead
from cambist_queue._link import Link, UnsendableError
from cambist_queue._message import Message, Received
from cambist_queue._raw import decode_delivery
from cambist_queue._reading import bury, read, repeat
from cambist_queue._topic import Topic

logger = logging.getLogger("cambist.queue")


def _now() -> datetime:
    return datetime.now(UTC)


@frozen
class Input:
    """One topic that a worker reads.

    Args:
        link: The way to its broker, open.
        topic: The topic.
        group: The group that the workers are.
        source: Whose records these are. ``None`` if each message is a delivery of its own, that says so.
        card_numbers: Whether deliveries may hold card numbers. Of one whose source is not configured, not
            even the body is kept in its dead letter, then.
    """

    link: Link = field(repr=False)
    topic: Topic
    group: str
    source: str | None = None
    card_numbers: bool = False


class Worker:
    """Takes deliveries off queues to sinks. An asynchronous context manager.

    A message is acknowledged when its events are durable, or its dead letter is. While a sink or the broker
    is away, the messages of a partition wait, and nothing is lost. Each sink is tried by itself: the others
    do not get the events again. What cannot be read, or is too large for a sink, becomes a dead letter at
    once, so that it holds nothing up; a `Store` quarantines what cannot be read where the source asks for it.

    Args:
        pipeline: Makes events of deliveries.
        sink: Where events go: one sink, or several.
        inputs: What is read.
        clock: Tells the time of arrival of records that do not say it.

    Attributes:
        pipeline: May be replaced at any time. What is under way goes on with the one that it began with.

    Raises:
        ConfigurationError: A source asks for quarantine, and the sink is no `Store`.
        ValueError: There is no sink.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        sink: Sink | Sequence[Sink],
        inputs: tuple[Input, ...],
        *,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.pipeline = pipeline
        self._publish = [publisher(each) for each in (sink if isinstance(sink, Sequence) else [sink])]
        if not self._publish:
            raise ValueError("a worker needs a sink: what it acknowledges has to be somewhere")
        self._store = cast("Store", sink) if hasattr(sink, "quarantine") else None
        self._inputs = inputs
        self._clock = clock
        self._reads = [asyncio.Event() for _ in inputs]
        self._tasks: list[asyncio.Task[None]] = []
        for route in pipeline.routes:
            if route.source.quarantine and self._store is None:
                raise ConfigurationError(
                    "quarantine: needs an inbox, for what is acknowledged has to be stored",
                    source=route.source.name,
                )

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._read(each, reads), name=f"cambist queue: read {each.topic.name}")
            for each, reads in zip(self._inputs, self._reads, strict=True)
        ]
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop reading. What is under way is left, unacknowledged: another worker gets it."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def reading(self) -> None:
        """Return once every input is read. While a broker is away, this waits."""
        for reads in self._reads:
            await reads.wait()

    async def _read(self, each: Input, reads: asyncio.Event) -> None:
        async def handle(received: Received) -> None:
            await self._handle(each, received)

        await read(each.link, each.topic, each.group, handle, reads)

    async def _handle(self, each: Input, received: Received) -> None:
        pipeline = self.pipeline
        try:
            delivery = self._delivery(each, received)
        except ValueError as error:
            logger.error("dead letter: a message of %s %s", received.topic, error)  # noqa: TRY400
            letter = _dead.of_message(received, str(error))
            await bury(each.link, each.topic, letter, letter)
            return
        refusal = await self._hand_on(pipeline, delivery)
        if refusal is not None:
            await self._refuse(each, received, pipeline, delivery, refusal)

    async def _hand_on(self, pipeline: Pipeline, delivery: Delivery) -> Exception | None:
        """Return when every sink has the events of a delivery, or why one never will."""
        try:
            processed = pipeline.process(delivery)
        except Exception as error:  # noqa: BLE001  # whatever it is, it would come again each time
            return error

        async def hand_on(publish: Callable[[Processed], Awaitable[None]]) -> Exception | None:
            what = f"source {delivery.source!r}: a sink failed"
            try:
                await repeat(lambda: publish(processed), what, but=UnsendableError)
            except UnsendableError as error:
                return error
            return None

        found = await asyncio.gather(*map(hand_on, self._publish))
        return next(filter(None, found), None)

    async def _refuse(
        self, each: Input, received: Received, pipeline: Pipeline, delivery: Delivery, error: Exception
    ) -> None:
        route = pipeline.route(delivery.source)
        if self._store and isinstance(error, PayloadError) and route and route.source.quarantine:
            await self._quarantine(self._store, pipeline.redacted(delivery), error)
            return
        # What may be forged, and what is lost to us, is somebody's to look at.
        level = logging.WARNING if isinstance(error, PayloadError) else logging.ERROR
        reason = _dead.reason_of(error)
        why = error.reason if isinstance(error, CambistError) else reason  # without the source, again
        logger.log(level, "source %r: dead letter: %s", delivery.source[:64], why)
        bare = _dead.of_message(received, reason, type(error).__name__)
        await bury(each.link, each.topic, _letter(delivery, error, pipeline, each, bare), bare)

    def _delivery(self, each: Input, received: Received) -> Delivery:
        if each.source is None:
            return decode_delivery(received.body)
        return Delivery(each.source, {}, received.body, self._clock())

    async def _quarantine(self, store: Store, delivery: Delivery, error: PayloadError) -> None:
        logger.warning("quarantined: %s", error)
        what = f"source {delivery.source!r}: was not quarantined"
        await repeat(lambda: store.quarantine(delivery, error), what)


def _letter(delivery: Delivery, error: Exception, pipeline: Pipeline, each: Input, bare: Message) -> Message:
    """Return the dead letter of a delivery; the bare one if that one cannot be written."""
    try:
        return _dead.of_delivery(delivery, error, pipeline, card_numbers=each.card_numbers)
    except Exception as failure:  # noqa: BLE001
        logger.error("a dead letter has only a digest: %s", place(failure))  # noqa: TRY400
        return bare
