"""Sends messages to Kafka, each confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from faststream.confluent import KafkaBroker

from cambist.errors import SinkError
from cambist_queue._kafka_reader import PREFIX
from cambist_queue._message import Message
from cambist_queue._topic import Topic, partition_of

# After these a producer that is idempotent sends nothing any more: it does not know what the server has.
_SPENT: Final = {
    KafkaError._FATAL,
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
    KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    KafkaError.UNKNOWN_PRODUCER_ID,
}


class Sender:
    """Sends through a producer, and through another one when that is spent.

    Args:
        make: Makes a broker with a producer of its own.
    """

    def __init__(self, make: Callable[[], KafkaBroker]) -> None:
        self._make = make
        self._broker: KafkaBroker | None = None
        self._lock = asyncio.Lock()
        self._retired: set[asyncio.Task[None]] = set()
        self._furthest: dict[tuple[str, int], int] = {}

    async def send(self, topic: Topic, message: Message) -> None:
        """Return when the broker has confirmed a message."""
        broker = await self._connected()
        try:
            report = await broker.publish(
                message.body,
                topic.name,
                key=message.key.encode(errors="surrogateescape"),
                partition=partition_of(message.key, topic.partitions),
                headers={
                    **{f"{PREFIX}{name}": value for name, value in message.headers.items()},
                    "content-type": message.content_type,
                },
                correlation_id=message.id,
                no_confirm=True,
            )
        except KafkaException as error:
            if _is_of_the_producer(error):
                self._retire(broker)
            raise
        # Who waits may be cancelled. The report must not be, and what it tells is true of later messages too.
        looked_at = asyncio.Event()
        report.add_done_callback(partial(self._look_at, broker, looked_at))
        await looked_at.wait()
        report.result()
        if broker is not self._broker:
            raise SinkError("the message was taken for one that is there, and nothing says where")

    async def close(self) -> None:
        """Wait until what is under way was confirmed, or given up."""
        if self._broker is not None:
            self._retire(self._broker)
        if self._retired:
            await asyncio.wait(self._retired)

    def _look_at(self, broker: KafkaBroker, looked_at: asyncio.Event, report: asyncio.Future[Any]) -> None:
        looked_at.set()
        error = report.exception()
        if error is None:
            is_spent = broker is self._broker and not self._is_further(report.result())
        else:
            is_spent = _is_of_the_producer(error)
        if is_spent:
            self._retire(broker)

    def _is_further(self, written: Any) -> bool:
        """Whether a message has a place after those before it.

        A server that was killed at the wrong moment may know a message's number and not have the message.
        """
        offset, place = written.offset(), (written.topic(), written.partition())
        if offset is None or offset <= self._furthest.get(place, -1):
            return False
        self._furthest[place] = offset
        return True

    async def _connected(self) -> KafkaBroker:
        async with self._lock:
            if self._broker is None:
                broker = self._make()
                await broker.connect()
                self._broker = broker
            return self._broker

    def _retire(self, broker: KafkaBroker) -> None:
        if broker is self._broker:
            self._broker = None
            self._furthest.clear()
            task = asyncio.create_task(broker.stop(), name="cambist queue: retire a producer")
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)


def _is_of_the_producer(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _SPENT
