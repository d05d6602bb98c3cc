"""How the readers of a group share its partitions on RabbitMQ.

Every reader registers with every queue. RabbitMQ gives a queue to the reader that came first, and to the next
one when that one leaves. So the first reader would have them all. Therefore the readers count themselves, by
the consumers of a queue that is there for nothing else, and each one leaves the queues beyond its share. It
comes back as the last one in their line. What it has not handled goes to the next one, in its order.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, Final, TypeAlias

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from cambist.errors import place
from cambist_queue._client import Handle
from cambist_queue._faststream import deal_with
from cambist_queue._message import Received

logger = logging.getLogger("cambist.queue")
OpenChannel: TypeAlias = Callable[[], AbstractAsyncContextManager[AbstractChannel]]

# How many messages of a partition are on their way to its reader. It is the same for all readers: RabbitMQ
# puts what comes back behind what came back before, so the next reader has to take all of that at once.
PREFETCH: Final = 10
_COUNT_EVERY_S: Final = 1.0
_RETRY_S: Final = 1.0
_PREFIXES: Final = ("ce-", "cloudEvents_", "cloudEvents:")


@asynccontextmanager
async def reading(
    channel: OpenChannel, topic: str, queues: Sequence[str], roster: str, handle: Handle
) -> AsyncIterator[None]:
    """Have the messages of the queues handled inside of this context.

    Args:
        channel: Opens a channel.
        topic: The topic's name.
        queues: The names of the queues, by partition.
        roster: The name of the queue that counts the readers.
        handle: Deals with one message.
    """
    readers = [Reader(channel, topic, partition, queue, handle) for partition, queue in enumerate(queues)]
    tasks = [asyncio.create_task(_always(reader.read, reader.queue), name=reader.queue) for reader in readers]
    tasks.append(asyncio.create_task(_always(lambda: _share(channel, roster, readers), roster), name=roster))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class Reader:
    """Reads one queue, or stands by.

    Args:
        channel: Opens a channel.
        topic: The topic's name.
        partition: Which partition of it the queue has.
        queue: The queue's name.
        handle: Deals with one message.
    """

    def __init__(self, channel: OpenChannel, topic: str, partition: int, queue: str, handle: Handle) -> None:
        self.queue = queue
        self.is_active = False
        self._channel = channel
        self._topic = topic
        self._partition = partition
        self._handle = handle
        self._messages: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        self._leaving = False

    def leave(self) -> None:
        """Leave the queue to the next reader, after the message that is under way."""
        if not self._leaving:
            self._leaving = True
            self._messages.put_nowait(None)

    async def read(self) -> None:
        """Register, and handle messages until we leave, or the broker sends us away."""
        self.is_active = self._leaving = False
        messages = self._messages = asyncio.Queue()
        async with self._channel() as channel:
            driver = await channel.get_underlay_channel()
            driver.on_consumer_cancel_callbacks.add(lambda _: messages.put_nowait(None))
            await channel.set_qos(PREFETCH)
            queue = await channel.get_queue(self.queue, ensure=False)
            await queue.consume(messages.put)
            await _until_closed(channel, self._handle_all())

    async def _handle_all(self) -> None:
        while not self._leaving:
            if (message := await self._messages.get()) is not None:
                self.is_active = True
                await deal_with(self._received(message), self._handle, message.ack)
            if message is None or not message.processed:
                break
        if (
            not self._leaving
        ):  # the queue is being deleted, or the message comes again when its channel closes
            await asyncio.sleep(_RETRY_S)

    def _received(self, message: AbstractIncomingMessage) -> Received:
        return Received(
            body=message.body,
            content_type=message.content_type,
            headers=_attributes(message.headers),
            topic=self._topic,
            partition=self._partition,
        )


async def _until_closed(channel: AbstractChannel, work: Any) -> None:
    """Work until that is done, or the channel is closed: nothing could be acknowledged then."""
    task = asyncio.ensure_future(work)
    closed = asyncio.ensure_future(channel.closed())
    try:
        await asyncio.wait((task, closed), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, closed):
            each.cancel()
        await asyncio.wait((task, closed))
    if not task.cancelled():
        task.result()


async def _share(channel: OpenChannel, roster: str, readers: Sequence[Reader]) -> None:
    async with channel() as opened:
        await (await opened.get_queue(roster, ensure=False)).consume(_ignore, no_ack=True)
        while True:
            await asyncio.sleep(_COUNT_EVERY_S * random.uniform(0.5, 1))  # noqa: S311  # not a secret
            counted = (await opened.declare_queue(roster, passive=True)).declaration_result.consumer_count
            share = -(-len(readers) // max(1, counted or 1))
            active = [reader for reader in readers if reader.is_active]
            for reader in active[share:]:
                reader.leave()


async def _ignore(_: AbstractIncomingMessage) -> None:
    pass


@contextmanager
def cancellable() -> Iterator[None]:
    """Stay cancelled: the driver turns it into an error of its own where its channel is closed meanwhile."""
    try:
        yield
    except Exception:
        if _is_cancelled():
            raise asyncio.CancelledError from None
        raise


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _always(work: Callable[[], Any], what: str) -> None:
    while not _is_cancelled():
        try:
            await work()
        except Exception as error:  # noqa: BLE001  # the broker may be away
            logger.info("%s cannot be read for a moment: %s", what, place(error))
            await asyncio.sleep(_RETRY_S * random.uniform(0.5, 1))  # noqa: S311  # not a secret


def _attributes(headers: Mapping[str, Any]) -> dict[str, str]:
    """Return the CloudEvents attributes. A sender may write a time or a number as such."""
    return {
        name[len(prefix) :]: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in headers.items()
        for prefix in _PREFIXES
        if name.startswith(prefix)
    }
