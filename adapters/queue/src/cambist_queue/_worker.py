"""Raw deliveries in: verified, normalised, their events published, and only then acknowledged."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from attrs import field, frozen

from cambist import Delivery, Pipeline, Processed, publisher
from cambist.errors import CambistError, place
from cambist.hookspecs import Sink
from cambist_queue import _dead
from cambist_queue._link import Link
from cambist_queue._message import Message, Received
from cambist_queue._raw import decode_delivery
from cambist_queue._topic import Topic, dead_letters

logger = logging.getLogger("cambist.queue")

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 10.0


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
    """

    link: Link = field(repr=False)
    topic: Topic
    group: str
    source: str | None = None


class Worker:
    """Takes deliveries off queues to a sink. An asynchronous context manager.

    A message is acknowledged when its events are durable, or its dead letter is. While the sink or the broker
    is away, the messages of a partition wait, and nothing is lost. What cannot be read becomes a dead letter
    at once, so that it holds nothing up.

    Args:
        pipeline: Makes events of deliveries.
        sink: Where events go.
        inputs: What is read.
        clock: Tells the time of arrival of records that do not say it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        sink: Sink,
        inputs: tuple[Input, ...],
        *,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._pipeline = pipeline
        self._publish = publisher(sink)
        self._inputs = inputs
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._read(each), name=f"cambist queue: read {each.topic.name}")
            for each in self._inputs
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

    async def _read(self, each: Input) -> None:
        async with AsyncExitStack() as stack:
            await each.link.connected()

            async def handle(received: Received) -> None:
                await self._handle(each, received)

            await stack.enter_async_context(each.link.client.consume(each.topic, each.group, handle))
            await asyncio.Event().wait()

    async def _handle(self, each: Input, received: Received) -> None:
        try:
            delivery = self._delivery(each, received)
        except ValueError as error:
            await self._bury(each, _dead.of_message(received, str(error)))
            return
        try:
            processed = self._pipeline.process(delivery)
        except CambistError as error:
            logger.warning("dead letter: %s", error)
            await self._bury(each, _dead.of_delivery(delivery, error, self._pipeline))
            return
        await self._hand_on(delivery.source, processed)

    def _delivery(self, each: Input, received: Received) -> Delivery:
        if each.source is None:
            return decode_delivery(received.body)
        return Delivery(each.source, {}, received.body, self._clock())

    async def _hand_on(self, source: str, processed: Processed) -> None:
        await repeat(lambda: self._publish(processed), f"source {source!r}: the sink failed")

    async def _bury(self, each: Input, letter: Message) -> None:
        await repeat(lambda: each.link.send(dead_letters(each.topic), letter), "a dead letter was not kept")


async def repeat(attempt: Callable[[], Awaitable[object]], what: str) -> None:
    """Try until it works, with longer and longer waits in between. Only being cancelled ends it."""
    wait = FIRST_WAIT_S
    while True:
        try:
            await attempt()
        except Exception as error:  # noqa: BLE001  # its text may hold a value of a payload
            logger.error("%s, and is tried again: %s", what, place(error))  # noqa: TRY400
        else:
            return
        await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311  # not a secret: it spreads the load
        wait = min(2 * wait, LONGEST_WAIT_S)
