"""RabbitMQ: a direct exchange a topic, and a quorum queue for each group and partition of it.

A queue has a single active consumer, and the other readers of the group stand by. So the messages of a
partition are handled in their order. Sending returns when a majority of a queue's replicas has written the
message to disk. A message that reaches no queue is an error. RabbitMQ drops no duplicates.

It differs from other brokers in this:

- What a group has read is gone, whatever `Topic.keep` says. A group that is made later gets what comes later.
- A message of a reader that died is handed to another one at once if its connection ended, and within three
  heartbeats of 10 s if it went silent. `Topic.redeliver_after_s` has no effect.
- RabbitMQ takes a message back after its ``consumer_timeout``, 30 minutes by default. A handler that is still
  at it is cancelled.
- ``max_age_s`` and ``max_bytes`` drop the oldest messages of a queue, which nobody has read yet. They stay as
  the queue was made; ``max_bytes`` is shared out among the partitions.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, DeliveryMode
from aio_pika.connection import make_url
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from cambist.errors import ConfigurationError
from cambist_queue._address import Address
from cambist_queue._client import Handle
from cambist_queue._message import Message
from cambist_queue._rabbit_readers import cancellable, reading
from cambist_queue._topic import Topic, partition_of

# Below this level these log whole messages.
for _name in ("aiormq.connection", "aio_pika.exchange"):
    logging.getLogger(_name).setLevel(logging.INFO)

_HEARTBEAT_S: Final = 10
# Without a limit, RabbitMQ 4 drops a message that comes back for the 20th time.
_DELIVERIES: Final = 2**31 - 1
# As the official SDK has it for RabbitMQ. The protocol binding for AMQP 1.0 has others, which are read, too.
_PREFIX: Final = "ce-"


class Connection:
    """See `cambist_queue._client.Client`.

    aio-pika is used as it is. FastStream's broker knows one server only, and keeps one channel for each
    queue, so that a reader could neither hand over its partition nor stand beside another one.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connecting = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()
        self._sending: AbstractChannel | None = None

    async def connect(self) -> None:
        """Connect. See `Client`."""
        await self._connected()

    async def close(self) -> None:
        """Disconnect. See `Client`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._quietly(connection)

    async def create(self, topic: Topic) -> None:
        """Make the exchange, and the queues of each group. See `Client`."""
        if await self._has_exchange(topic.name):
            await self._check_partitions(topic)
        async with self.channel() as channel:
            await channel.declare_exchange(_mark(topic), durable=True)
            exchange = await channel.declare_exchange(topic.name, durable=True)
            for group in topic.groups:
                await _declare(channel, roster_name(topic, group), {"x-queue-type": "quorum"})
                for partition in range(topic.partitions):
                    queue = await _declare(channel, queue_name(topic, group, partition), _arguments(topic))
                    await queue.bind(exchange, routing_key(partition))
        await self.check(topic)

    async def check(self, topic: Topic) -> None:
        """Look for the exchange and for each queue. See `Client`."""
        if not await self._has_exchange(topic.name):
            raise _missing(f"exchange {topic.name}")
        await self._check_partitions(topic)
        name = ""
        try:
            async with self.channel() as channel:
                for name in _queues(topic):
                    await channel.declare_queue(name, passive=True)
                return
        except ChannelNotFoundEntity:
            pass
        raise _missing(f"queue {name}")

    async def send(self, topic: Topic, message: Message) -> None:
        """Publish, and wait for the confirmation. See `Client`."""
        with cancellable():
            async with asyncio.timeout(self._address.timeout_s):
                await self._publish(topic, message)

    @asynccontextmanager
    async def consume(self, topic: Topic, group: str, handle: Handle) -> AsyncIterator[None]:
        """Register with each queue, and share them with the other readers. See `Client`."""
        queues = [queue_name(topic, group, partition) for partition in range(topic.partitions)]
        async with reading(self.channel, topic.name, queues, roster_name(topic, group), handle):
            yield

    async def ready(self) -> None:
        """Open a channel. See `Client`."""
        async with self.channel():
            pass

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        """Open a channel. What was delivered on it and not acknowledged goes back to its queue at the end."""
        channel = (await self._connected()).channel(publisher_confirms=False)
        try:
            with cancellable():
                await channel.initialize(self._address.timeout_s)
                yield channel
        finally:
            await self._quietly(channel)

    async def _connected(self) -> AbstractConnection:
        with cancellable():
            async with self._connecting:
                if self._connection is not None and not self._connection.connected.is_set():
                    await self.close()
                if self._connection is None:
                    self._connection = await self._first_that_answers()
                return self._connection

    async def _first_that_answers(self) -> AbstractConnection:
        *others, last = self._address.hosts
        for host, port in others:
            with suppress(OSError, aio_pika.exceptions.AMQPError):
                return await self._open(host, port)
        return await self._open(*last)

    async def _open(self, host: str, port: int) -> AbstractConnection:
        address = self._address
        url = make_url(
            host=host,
            port=port,
            login=address.user or "guest",
            password=address.password.reveal() if address.password else "guest",
            virtualhost=address.path or "/",
            ssl=address.tls is not None,
            heartbeat=_HEARTBEAT_S,
        )
        connection = aio_pika.Connection(url, ssl_context=address.tls)
        try:
            await connection.connect(address.timeout_s / len(address.hosts))
        except BaseException:
            await self._quietly(connection)
            raise
        return connection

    async def _publish(self, topic: Topic, message: Message) -> None:
        channel = await self._channel_to_send()
        exchange = await channel.get_exchange(topic.name, ensure=False)
        await exchange.publish(
            aio_pika.Message(
                message.body,
                headers={f"{_PREFIX}{name}": value for name, value in message.headers.items()},
                content_type=message.content_type,
                message_id=message.id,
                delivery_mode=DeliveryMode.PERSISTENT,
            ),
            routing_key(partition_of(message.key, topic.partitions)),
            mandatory=True,
        )

    async def _channel_to_send(self) -> AbstractChannel:
        connection = await self._connected()
        async with self._opening:
            if self._sending is None or self._sending.is_closed:
                channel = connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.initialize()
                self._sending = channel
            return self._sending

    async def _has_exchange(self, name: str) -> bool:
        try:
            async with self.channel() as channel:
                await channel.get_exchange(name)
        except ChannelNotFoundEntity:
            return False
        return True

    async def _check_partitions(self, topic: Topic) -> None:
        if not await self._has_exchange(_mark(topic)):
            raise ConfigurationError(
                f"exchange {topic.name}: its number of partitions is not {topic.partitions}, "
                "and has to be the one that it was made with"
            )

    async def _quietly(self, opened: AbstractChannel | AbstractConnection) -> None:
        """Close what may have been closed already, or whose broker may be away."""
        with suppress(Exception), cancellable():
            async with asyncio.timeout(self._address.timeout_s):
                await opened.close()


def connection(address: Address) -> Connection:
    """Return the client of an address."""
    return Connection(address)


def routing_key(partition: int) -> str:
    """Return the routing key of a partition: ``p3``."""
    return f"p{partition}"


def queue_name(topic: Topic, group: str, partition: int) -> str:
    """Return the name of a group's queue of a partition: ``cambist.events.main.p3``."""
    return f"{topic.name}.{group}.{routing_key(partition)}"


def roster_name(topic: Topic, group: str) -> str:
    """Return the name of the queue that counts a group's readers. It is always empty."""
    return f"{topic.name}.{group}.readers"


def _mark(topic: Topic) -> str:
    """Return the name of the exchange that tells the number of partitions: ``cambist.events:16``."""
    return f"{topic.name}:{topic.partitions}"


def _queues(topic: Topic) -> Iterator[str]:
    for group in topic.groups:
        yield roster_name(topic, group)
        for partition in range(topic.partitions):
            yield queue_name(topic, group, partition)


def _arguments(topic: Topic) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": _DELIVERIES,
    }
    if topic.max_age_s is not None:
        arguments["x-message-ttl"] = 1000 * topic.max_age_s
    if topic.max_bytes is not None:
        arguments["x-max-length-bytes"] = topic.max_bytes // topic.partitions
    return arguments


async def _declare(
    channel: AbstractChannel, name: str, arguments: Mapping[str, Any]
) -> aio_pika.abc.AbstractQueue:
    try:
        return await channel.declare_queue(name, durable=True, arguments=dict(arguments))
    except ChannelPreconditionFailed as error:
        problem = str(error)
    raise ConfigurationError(f"queue {name}: RabbitMQ has it otherwise, or cannot have it so: {problem}")


def _missing(what: str) -> ConfigurationError:
    return ConfigurationError(f"{what} is missing: run `cambist queue init`, or set create = true")
