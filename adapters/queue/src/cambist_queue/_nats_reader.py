"""One reader of a partition on NATS: it pulls one message, handles it, and pulls the next one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias
from urllib.parse import unquote

from nats.aio.msg import Msg
from nats.js import JetStreamContext

from cambist.errors import place
from cambist_queue._client import Handle
from cambist_queue._faststream import deal_with
from cambist_queue._message import Received
from cambist_queue._nats_topics import consumer_name, stream_name
from cambist_queue._topic import Topic

logger = logging.getLogger("cambist.queue")
OpenStream: TypeAlias = Callable[[], Awaitable[JetStreamContext]]
PREFIX: Final = "ce-"
_FETCH_S: Final = 5.0
_RETRY_S: Final = 1.0


@asynccontextmanager
async def reading(stream: OpenStream, topic: Topic, group: str, handle: Handle) -> AsyncIterator[None]:
    """Have the messages of a topic handled inside of this context.

    Args:
        stream: Returns JetStream of a connection that is not closed.
        topic: What is read.
        group: As whom.
        handle: Deals with one message.
    """
    readers = [Reader(stream, topic, partition, group, handle) for partition in range(topic.partitions)]
    tasks: list[asyncio.Task[None]] = []
    try:
        for reader in readers:
            await reader.open()
        tasks = [
            asyncio.create_task(reader.read(), name=f"cambist queue: {reader.name}") for reader in readers
        ]
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for reader in readers:
            await reader.close()


class Reader:
    """Reads one partition.

    Args:
        stream: Returns JetStream of a connection that is not closed.
        topic: What is read.
        partition: Which partition of it.
        group: As whom.
        handle: Deals with one message.
    """

    def __init__(self, stream: OpenStream, topic: Topic, partition: int, group: str, handle: Handle) -> None:
        self.name = f"{stream_name(topic)} {consumer_name(group, partition)}"
        self._stream = stream
        self._topic = topic
        self._partition = partition
        self._group = group
        self._handle = handle
        self._pulling: JetStreamContext.PullSubscription | None = None
        self._keep_every_s = 0.0

    async def open(self) -> None:
        """Find the consumer, and subscribe to what it hands out."""
        stream = await self._stream()
        name, consumer = stream_name(self._topic), consumer_name(self._group, self._partition)
        wait_s = (await stream.consumer_info(name, consumer)).config.ack_wait
        # The server's word: an operator may have changed it since.
        self._keep_every_s = (wait_s or self._topic.redeliver_after_s) / 3
        self._pulling = await stream.pull_subscribe_bind(durable=consumer, stream=name)

    async def close(self) -> None:
        """Unsubscribe, if the connection is still there."""
        pulling, self._pulling = self._pulling, None
        if pulling is not None:
            with suppress(Exception):
                await pulling.unsubscribe()

    async def read(self) -> None:
        """Handle messages until it is cancelled. After an error it subscribes anew."""
        while not _is_cancelled():
            try:
                if self._pulling is None:
                    await self.open()
                else:
                    await self._one(self._pulling)
            except Exception as error:  # noqa: BLE001  # the broker may be away
                logger.info("%s cannot be read for a moment: %s", self.name, place(error))
                await self.close()
                await asyncio.sleep(_RETRY_S)

    async def _one(self, pulling: JetStreamContext.PullSubscription) -> None:
        try:
            (message,) = await pulling.fetch(1, _FETCH_S)
        except TimeoutError:
            return
        if not _is_cancelled():
            received = self._received(message)
            await deal_with(received, self._handle, message.ack, message.in_progress, self._keep_every_s)

    def _received(self, message: Msg) -> Received:
        given = {name.lower(): value for name, value in (message.headers or {}).items()}
        return Received(
            body=message.data,
            content_type=given.get("content-type"),
            headers=_attributes(given),
            topic=self._topic.name,
            partition=self._partition,
        )


def _attributes(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX): unquote(value)
        for name, value in headers.items()
        if name.startswith(PREFIX)
    }


def _is_cancelled() -> bool:
    """Whether this task was cancelled: `asyncio.wait_for`, in the driver, may swallow that before 3.12."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
