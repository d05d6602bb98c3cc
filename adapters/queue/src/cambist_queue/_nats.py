"""NATS JetStream: a stream a topic, a subject a partition, a durable consumer for each group and partition.

A consumer hands out one message at a time (``max_ack_pending`` 1), to whichever reader asks. So the messages
of a partition are handled in their order, however many readers there are.

A message is confirmed when the server has it in its file (PubAck), or a majority of the servers has it if the
stream has replicas. `create` makes three in a cluster, and one where there are not as many servers. A server
does not call fsync for each message: what a crash of the whole machine may lose is set by its
``sync_interval``. Within ten minutes a second message of one id is dropped.

A body and its headers have to fit into the server's ``max_payload``, and the headers into 64 KiB.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import quote

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import APIError

from cambist.errors import place
from cambist_queue import _nats_topics
from cambist_queue._address import Address
from cambist_queue._client import Handle, TooLargeError
from cambist_queue._message import Message
from cambist_queue._nats_reader import PREFIX, reading
from cambist_queue._nats_topics import stream_name, subject
from cambist_queue._topic import Topic, partition_of

logger = logging.getLogger("cambist.queue")
# The protocol binding for NATS leaves these as they are in a header's value, and percent-encodes all else.
_PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_MOST_HEADERS: Final = 2**16 - 1
_ADDED: Final = 64  # room for what the driver adds: the version's line, the end
# The server's codes for headers, or a whole message, beyond what JetStream or the stream takes.
_TOO_LARGE: Final = {10054, 10097}


class Connection:
    """See `cambist_queue._client.Client`.

    nats-py is used as it is. FastStream's broker keeps a connection that was closed, ends the attempts to
    come back when a server refuses us once, and its reader makes what is missing.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connecting = asyncio.Lock()
        self._connection: Client | None = None

    async def connect(self) -> None:
        """Connect. See `Client`."""
        await self._connected()

    async def close(self) -> None:
        """Disconnect. See `Client`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._quietly(connection)

    async def create(self, topic: Topic) -> None:
        """Make the stream, and a consumer for each group and partition. See `Client`."""
        await _nats_topics.create(await self._jetstream(), topic)

    async def check(self, topic: Topic) -> None:
        """Compare the stream and its consumers with what they should be. See `Client`."""
        await _nats_topics.check(await self._jetstream(), topic)

    async def send(self, topic: Topic, message: Message) -> None:
        """Publish, and wait for the PubAck. See `Client`."""
        attributes = {f"{PREFIX}{name}": quote(value, safe=_PLAIN) for name, value in message.headers.items()}
        headers = {**attributes, "content-type": message.content_type, "Nats-Msg-Id": message.id}
        size = _size({**headers, "Nats-Expected-Stream": stream_name(topic)})
        connection = await self._connected()
        if size > _MOST_HEADERS or size + len(message.body) > connection.max_payload:
            raise TooLargeError
        try:
            await self._stream_of(connection).publish(
                subject(topic, partition_of(message.key, topic.partitions)),
                message.body,
                stream=stream_name(topic),
                headers=headers,
            )
        except APIError as error:
            if error.err_code not in _TOO_LARGE:
                raise
        else:
            return
        raise TooLargeError

    @asynccontextmanager
    async def consume(self, topic: Topic, group: str, handle: Handle) -> AsyncIterator[None]:
        """Pull from each partition, one message at a time. See `Client`."""
        async with reading(self._jetstream, topic, group, handle):
            yield

    async def ready(self) -> None:
        """Ask for the account's limits. See `Client`."""
        await (await self._jetstream()).account_info()

    async def _jetstream(self) -> JetStreamContext:
        return self._stream_of(await self._connected())

    def _stream_of(self, connection: Client) -> JetStreamContext:
        return connection.jetstream(timeout=self._address.timeout_s)

    async def _connected(self) -> Client:
        """Return the connection. One that lost its server comes back by itself; a closed one is made anew."""
        async with self._connecting:
            if self._connection is None or self._connection.is_closed:
                self._connection = await self._open()
            return self._connection

    async def _open(self) -> Client:
        address = self._address
        connection = Client()
        try:
            async with asyncio.timeout(address.timeout_s):
                await connection.connect(
                    [f"{'tls' if address.tls else 'nats'}://{server}" for server in address.servers],
                    user=address.user,
                    password=address.password.reveal() if address.password else None,
                    tls=address.tls,
                    connect_timeout=max(1, int(address.timeout_s)),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    ping_interval=5,
                    error_cb=_log,
                )
        except BaseException:
            await self._quietly(connection)
            raise
        return connection

    async def _quietly(self, connection: Client) -> None:
        """Close what may be closed, or without a server. Nothing is left to drain."""
        with suppress(Exception):
            async with asyncio.timeout(self._address.timeout_s):
                await connection.close()


def connection(address: Address) -> Connection:
    """Return the client of an address."""
    return Connection(address)


async def _log(error: Exception) -> None:
    logger.info("nats: the connection is in trouble: %s", place(error))


def _size(headers: Mapping[str, str]) -> int:
    """Return how many bytes headers take at most."""
    return _ADDED + sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items())
