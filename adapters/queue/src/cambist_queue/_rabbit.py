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
- Headers have to fit into one frame, 128 KiB by default, and a body into the server's ``max_message_size``.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, DeliveryMode
from aio_pika.connection import make_url
from aio_pika.exceptions import ChannelPreconditionFailed

from cambist.errors import ConfigurationError
from cambist_queue import _rabbit_topics
from cambist_queue._address import Address
from cambist_queue._client import Handle, TooLargeError
from cambist_queue._message import Message
from cambist_queue._rabbit_readers import cancellable, reading
from cambist_queue._rabbit_topics import queue_name, roster_name, routing_key
from cambist_queue._topic import Topic, partition_of

# Below this level these log whole messages.
for _name in ("aiormq.connection", "aio_pika.exchange"):
    logging.getLogger(_name).setLevel(logging.INFO)

_HEARTBEAT_S: Final = 10
_GUEST: Final = "guest"  # RabbitMQ lets it in from the machine itself only
_AROUND: Final = 20  # bytes of a frame of properties that are not properties
_most_of: Final = re.compile(r"larger than (?:configured )?max size (\d+)").search
# As the official SDK has it for RabbitMQ. The protocol binding for AMQP 1.0 has others, which are read, too.
_PREFIX: Final = "ce-"


class Connection:
    """See `cambist_queue._client.Client`.

    aio-pika is used as it is. FastStream's broker knows one server only, and keeps one channel for each
    queue, so that a reader could neither hand over its partition nor stand beside another one.
    """

    def __init__(self, address: Address) -> None:
        if (address.user is None) != (address.password is None):  # the driver would put in the guest's
            raise ConfigurationError("user, password: RabbitMQ asks for both")
        self._address = address
        self._connecting = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()
        self._sending: AbstractChannel | None = None
        self._most: float = math.inf  # bytes of a body: a server tells it when it was too much

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
        await _rabbit_topics.create(self.channel, topic)

    async def check(self, topic: Topic) -> None:
        """Look for the exchange and for each queue. See `Client`."""
        await _rabbit_topics.check(self.channel, topic)

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
        self._most = math.inf
        url = make_url(
            host=host,
            port=port,
            login=address.user or _GUEST,
            password=address.password.reveal() if address.password else _GUEST,
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
        if len(message.body) > self._most:
            raise TooLargeError
        channel = await self._channel_to_send()
        given = aio_pika.Message(
            message.body,
            headers={f"{_PREFIX}{name}": value for name, value in message.headers.items()},
            content_type=message.content_type,
            message_id=message.id,
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        await _see_that_it_fits(channel, given)
        exchange = await channel.get_exchange(topic.name, ensure=False)
        key = routing_key(partition_of(message.key, topic.partitions))
        try:
            await exchange.publish(given, key, mandatory=True)
        except ChannelPreconditionFailed as error:  # it closes the channel, and so fails those beside it, too
            if found := _most_of(str(error)):
                self._most = int(found[1])
            if len(message.body) <= self._most:
                raise
        else:
            return
        raise TooLargeError

    async def _channel_to_send(self) -> AbstractChannel:
        connection = await self._connected()
        async with self._opening:
            if self._sending is None or self._sending.is_closed:
                channel = connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.initialize()
                self._sending = channel
            return self._sending

    async def _quietly(self, opened: AbstractChannel | AbstractConnection) -> None:
        """Close what may have been closed already, or whose broker may be away."""
        with suppress(Exception), cancellable():
            async with asyncio.timeout(self._address.timeout_s):
                await opened.close()


def connection(address: Address) -> Connection:
    """Return the client of an address."""
    return Connection(address)


async def _see_that_it_fits(channel: AbstractChannel, message: aio_pika.Message) -> None:
    """Raise where the properties are more than one frame: the server would close the whole connection."""
    most = (await channel.get_underlay_channel()).connection.connection_tune.frame_max
    try:
        fits = not most or len(message.properties.marshal()) + _AROUND <= most
    except (TypeError, ValueError):  # a content type or an id of more than 255 bytes
        fits = False
    if not fits:
        raise TooLargeError
