"""Reads Kafka's partitions at the same time, each in its order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from cambist_queue._client import Handle
from cambist_queue._message import Received
from cambist_queue._reading import repeat
from cambist_queue._topic import Topic

logger = logging.getLogger("cambist.queue")

PREFIX: Final = "ce_"
_POLL_S: Final = 0.1
_PAUSED_POLL_S: Final = 0.02  # soon enough to go on when a partition has room again
_COMMIT_S: Final = 0.5
_ANSWER_S: Final = 2.0
_BATCH: Final = 100
# A partition of which so many messages wait is not fetched until so few do.
_MANY: Final = 64
_FEW: Final = 16


class Reader:
    """Hands the messages of one consumer on, and commits how far they were dealt with.

    It asks for more whatever the handlers do, for a group drops a reader that does not. One thread at a
    time has the consumer, and never the event loop's: the driver lets the second one wait, without an end.

    Args:
        topic: What is read.
        handle: Deals with one message.
    """

    def __init__(self, topic: Topic, handle: Handle) -> None:
        self._topic = topic
        self._handle = handle
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[int, Lane] = {}
        self._done: dict[int, int] = {}  # of each partition, the offset of the next message
        self._committed_at = monotonic()
        self._batch: list[Record] = []
        self._paused: set[int] = set()
        self._stopping = False
        self._told: str | None = None

    @asynccontextmanager
    async def reading(self, consumer: Consumer) -> AsyncIterator[None]:
        """Read until the context is left. What is under way then is cancelled, and was not dealt with."""
        task = asyncio.create_task(self._read(consumer), name=f"cambist queue: read {self._topic.name}")
        try:
            yield
        finally:
            self._stopping = True
            await asyncio.wait({task})  # closing a consumer that a thread still asks would crash
            await asyncio.to_thread(self._commit, consumer, await self._drop(tuple(self._lanes)))

    def revoked(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """Give partitions up. Called in the thread that asks; another reader gets them when it returns."""
        numbers = {each.partition for each in partitions}
        self._batch = [record for record in self._batch if record.partition() not in numbers]
        dropped = asyncio.run_coroutine_threadsafe(self._drop(numbers), self._loop)
        with suppress(TimeoutError):  # a handler that does not end: it cannot hold the whole group up
            self._commit(consumer, dropped.result(self._topic.redeliver_after_s))

    async def _read(self, consumer: Consumer) -> None:
        while not self._stopping:
            done: dict[int, int] = {}
            if monotonic() - self._committed_at > _COMMIT_S:
                done = dict(self._done)
                self._committed_at = monotonic()
            full = {number for number, lane in self._lanes.items() if lane.is_full(number in self._paused)}
            records, committed = await asyncio.to_thread(self._poll, consumer, done, full)
            if committed:
                self._done = {number: at for number, at in self._done.items() if done.get(number) != at}
            for record in records:
                self._accept(record)

    def _poll(
        self, consumer: Consumer, done: Mapping[int, int], full: set[int]
    ) -> tuple[Iterable[Record], bool]:
        """Commit, and return what there is. `revoked` is called meanwhile, and takes out what we lose."""
        committed = self._commit(consumer, done)
        self._pause(consumer, full)
        self._batch = []
        record = consumer.poll(_PAUSED_POLL_S if full else _POLL_S)
        while record is not None:
            error = record.error()
            if error is None:
                self._batch.append(record)
            else:
                self._tell(error.name())
            record = consumer.poll(0) if len(self._batch) < _BATCH else None
        return self._batch, committed

    def _commit(self, consumer: Consumer, done: Mapping[int, int]) -> bool:
        offsets = [TopicPartition(self._topic.name, number, offset) for number, offset in done.items()]
        if not offsets:
            return True
        try:
            # A commit that nobody answers would hold up closing for as long as the group waits for a reader.
            consumer.committed(offsets, timeout=_ANSWER_S)
            consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            self._tell(error.args[0].name())
            return False
        return True

    def _pause(self, consumer: Consumer, wanted: set[int]) -> None:
        """Fetch no more of these partitions, and again of the others."""
        changes = ((consumer.pause, wanted - self._paused), (consumer.resume, self._paused - wanted))
        for change, numbers in changes:
            if numbers:
                with suppress(KafkaException):  # a partition was lost
                    change([TopicPartition(self._topic.name, number) for number in numbers])
        self._paused = wanted

    def _accept(self, record: Record) -> None:
        self._told = None
        number = record.partition() or 0
        lane = self._lanes.get(number)
        if lane is None:
            lane = Lane(self._topic, number, self._handle, self._done_with)
            self._lanes[number] = lane
        lane.append(record)

    def _done_with(self, record: Record) -> None:
        self._done[record.partition() or 0] = (record.offset() or 0) + 1

    async def _drop(self, numbers: Iterable[int]) -> dict[int, int]:
        """Cancel what is under way of partitions, and return how far they were dealt with."""
        numbers = tuple(numbers)
        tasks = [lane.task for number in numbers if (lane := self._lanes.pop(number, None))]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        return {number: self._done.pop(number) for number in numbers if number in self._done}

    def _tell(self, name: str) -> None:
        if name != self._told:
            logger.warning("kafka, while reading %s: %s", self._topic.name, name)
        self._told = name


class Lane:
    """Deals with the messages of one partition, one after the other."""

    def __init__(
        self,
        topic: Topic,
        number: int,
        handle: Handle,
        done_with: Callable[[Record], None],
    ) -> None:
        self._topic = topic
        self._handle = handle
        self._done_with = done_with
        self._waiting: deque[Record] = deque()
        self._some = asyncio.Event()
        self.task = asyncio.create_task(self._run(), name=f"cambist queue: {topic.name} p{number}")

    def append(self, record: Record) -> None:
        """Add the next message."""
        self._waiting.append(record)
        self._some.set()

    def is_full(self, was_full: bool) -> bool:
        """Whether so many messages wait that there should come no more; it was, or was not until now."""
        return len(self._waiting) > (_FEW if was_full else _MANY - 1)

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            while self._waiting:
                record = self._waiting.popleft()
                received = received_of(record, self._topic)
                await repeat(
                    partial(self._handle, received), f"a message of {self._topic.name} was not dealt with"
                )
                self._done_with(record)
            self._some.clear()


def received_of(record: Record, topic: Topic) -> Received:
    """Return a record as a message; one without a value is empty."""
    given: Any = record.headers() or ()
    headers = {name.lower(): _text(value) for name, value in given if value is not None}
    return Received(
        body=_bytes(record.value()),
        content_type=headers.get("content-type"),
        headers={name[len(PREFIX) :]: value for name, value in headers.items() if name.startswith(PREFIX)},
        topic=topic.name,
        partition=record.partition() or 0,
    )


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
