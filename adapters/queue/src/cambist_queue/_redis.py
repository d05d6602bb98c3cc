"""Redis and Valkey Streams: a stream a partition, a consumer group a group, a lease for its reader.

FastStream connects. Streams are read and written with its connections directly: its own subscriber makes
groups silently and reads nothing that is pending, and its messages are in an envelope that no other program
knows. An entry has the fields ``content-type``, ``data``, and for each attribute of CloudEvents ``ce_`` and
its name.

Confirmed
    An entry is in the stream. It is on disk with ``appendonly yes`` and ``appendfsync always``. `check` and
    `create` refuse ``appendonly no``, which keeps it in memory alone, unless there is ``allow_loss``, and
    warn of another ``appendfsync``. It is on a replica where one is online. With none online there is
    nothing to wait for: ``min-replicas-to-write 1`` has Redis refuse instead. A failover to a replica that
    lags loses what that one had not.

Once
    An id is kept for ten minutes after it was last sent, and a second entry of it is not added.

In order
    A reader handles a partition while it holds its lease: one message at a time, the oldest pending one
    first. It reads and acknowledges in a script that looks at the lease. One that cannot renew a lease stops
    handling before it runs out, after ``redeliver_after_s``; another reader goes on with what is pending.
    Only a process that stands still for longer may, when it wakes, end what it was at while another one is
    at the same message. It starts nothing more. Readers share the partitions evenly, within seconds.

Kept
    ``max_age_s`` removes what is older and was acknowledged by every group there is: a group that nobody
    reads keeps all. ``max_bytes`` removes the oldest, acknowledged or not. Both are seen to as messages are
    sent.

One server, or one address of it: a cluster is refused. Redis 7.0 or later, or Valkey.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from faststream.redis import RedisBroker
from faststream.security import BaseSecurity, SASLPlaintext
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from cambist.errors import ConfigurationError, SinkError, place
from cambist_queue._address import Address
from cambist_queue._client import Handle
from cambist_queue._faststream import QUIET
from cambist_queue._message import Message
from cambist_queue._redis_reader import PREFIX, WAIT_S, Reader, stream_name
from cambist_queue._redis_scripts import ADD, CREATE, TRIM, run
from cambist_queue._topic import Topic, partition_of

logger = logging.getLogger("cambist.queue")
_DUPLICATES_MS: Final = 600_000  # for how long a second message of one id is dropped
_SENDING: Final = 32  # confirmations that are waited for at the same time, each on a connection
_TRIM_S: Final = 10.0  # how often a sender removes what is too old or too much
_INIT: Final = "run `cambist queue init`, or set create = true"


class Connection:
    """See `cambist_queue._client.Client`."""

    def __init__(self, address: Address) -> None:
        self._timeout_s = address.timeout_s
        self._broker = _broker(address)
        self._sending = asyncio.Semaphore(_SENDING)
        self._allow_loss = address.allow_loss
        self._replicated = False
        self._trimmed: dict[str, float] = {}
        self._warned = False

    async def connect(self) -> None:
        """Connect. See `Client`."""
        await self.ready()

    async def close(self) -> None:
        """Disconnect. See `Client`."""
        with suppress(Exception):
            async with asyncio.timeout(self._timeout_s):
                await self._broker.stop()

    async def create(self, topic: Topic) -> None:
        """Make the streams and their groups. See `Client`."""
        _acceptable(topic)
        streams = [stream_name(topic, number) for number in range(topic.partitions + 1)]
        client = await self._redis()
        async with asyncio.timeout(self._timeout_s):
            await self._look_at(client)
            await run(client, CREATE, streams, *topic.groups)
        await self.check(topic)

    async def check(self, topic: Topic) -> None:
        """Look for the streams and their groups, and at how the server keeps them. See `Client`."""
        _acceptable(topic)
        client = await self._redis()
        async with asyncio.timeout(self._timeout_s):
            await self._look_at(client)
            pipeline = client.pipeline(transaction=False)
            for number in range(topic.partitions):
                pipeline.xinfo_groups(stream_name(topic, number))
            pipeline.exists(stream_name(topic, topic.partitions))
            *found, more = await pipeline.execute(raise_on_error=False)
        _compare(topic, found, more)

    async def send(self, topic: Topic, message: Message) -> None:
        """Add an entry, and wait for a replica if there is one. See `Client`."""
        stream = stream_name(topic, partition_of(message.key, topic.partitions))
        fields: list[bytes | str] = ["content-type", message.content_type]
        for name, value in message.headers.items():
            fields += [f"{PREFIX}{name}", value]
        async with asyncio.timeout(self._timeout_s), self._sending:
            await self._add(stream, message.id, *fields, "data", message.body)
        await self._trim(topic, stream)

    @asynccontextmanager
    async def consume(self, topic: Topic, group: str, handle: Handle) -> AsyncIterator[None]:
        """Read this reader's share of the partitions. See `Client`."""
        async with Reader(await self._redis(), topic, group, handle, self._timeout_s):
            yield

    async def ready(self) -> None:
        """Ping. See `Client`."""
        async with asyncio.timeout(self._timeout_s):
            await (await self._redis()).ping()

    async def _redis(self) -> Redis:
        return await self._broker.connect()

    async def _look_at(self, client: Redis) -> None:
        """See that a server can do what is asked of it, and warn once if it may lose what it confirmed."""
        info = await client.info()
        _suitable(info, allow_loss=self._allow_loss)
        if not self._warned:
            self._warned = True
            _warn(info, await _fsync(client))

    async def _add(self, stream: str, message_id: str, *fields: bytes | str) -> None:
        client = await self._redis()
        command = ("EVAL", ADD, 2, stream, f"{stream}:id:{message_id}", _DUPLICATES_MS, *fields)
        while True:
            pipeline = client.pipeline(transaction=False)  # WAIT is for what its own connection wrote
            pipeline.execute_command(*command)
            if self._replicated:
                pipeline.execute_command("WAIT", 1, int(self._timeout_s * 900))
            replicas, *reached = await pipeline.execute()
            if replicas < 0:
                raise SinkError(f"stream {stream} is missing: {_INIT}")
            self._replicated = replicas > 0
            if not self._replicated or reached[:1] > [0]:
                return
            if reached:
                raise SinkError(f"no replica confirmed an entry of {stream}")

    async def _trim(self, topic: Topic, stream: str) -> None:
        now = time.monotonic()
        if (topic.max_age_s, topic.max_bytes) == (None, None) or now < self._trimmed.get(stream, 0):
            return
        self._trimmed[stream] = now + _TRIM_S
        age_ms = "" if topic.max_age_s is None else topic.max_age_s * 1000
        size = "" if topic.max_bytes is None else max(1, topic.max_bytes // topic.partitions)
        try:
            async with asyncio.timeout(self._timeout_s):
                await run(await self._redis(), TRIM, [stream], age_ms, size)
        except Exception as error:  # noqa: BLE001  # the message is confirmed; the next one tries again
            logger.info("%s was not trimmed: %s", stream, place(error))


def connection(address: Address) -> Connection:
    """Return the client of an address."""
    return Connection(address)


def _broker(address: Address) -> RedisBroker:
    if len(address.hosts) != 1:
        raise ConfigurationError("url: Redis has one server, or one address that leads to it")
    if not (address.path or "0").isascii() or not (address.path or "0").isdigit():
        raise ConfigurationError("url: its path is not the number of a database")
    (host, port) = address.hosts[0]
    return RedisBroker(
        host=host,
        port=port,
        db=int(address.path or 0),
        security=_security(address),
        max_connections=2**16,  # readers have one for each partition, senders are counted on their own
        socket_connect_timeout=address.timeout_s,
        socket_timeout=address.timeout_s + WAIT_S,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        **QUIET,
    )


def _security(address: Address) -> BaseSecurity:
    tls: dict[str, Any] = {"ssl_context": address.tls, "use_ssl": address.tls is not None}
    if address.password is None:
        return BaseSecurity(**tls)
    return SASLPlaintext(address.user or "", address.password.reveal(), **tls)


def _acceptable(topic: Topic) -> None:
    if not topic.ours:
        raise ConfigurationError(f"topic {topic.name}: on Redis, say how many partitions it has")
    if not topic.keep and len(topic.groups) != 1:
        raise ConfigurationError(
            f"topic {topic.name}: what is read goes, so it has to be one group that reads it"
        )


def _suitable(info: Mapping[str, Any], *, allow_loss: bool) -> None:
    if int(str(info["redis_version"]).partition(".")[0]) < 7:
        raise ConfigurationError(f"Redis is {info['redis_version']} and has to be 7.0 or later")
    if info.get("cluster_enabled"):
        raise ConfigurationError("Redis is a cluster and has to be one server, with replicas or without")
    if info["maxmemory"] and info["maxmemory_policy"] != "noeviction":
        raise ConfigurationError(
            f"Redis' maxmemory-policy is {info['maxmemory_policy']} and has to be noeviction: "
            "it would remove messages to make room"
        )
    if not (info.get("aof_enabled") or allow_loss):
        raise ConfigurationError(
            "Redis' appendonly is off: what it confirmed is lost when it ends; set appendonly yes and "
            "appendfsync always there, or allow_loss = true here"
        )


async def _fsync(client: Redis) -> str:
    try:
        found = await client.config_get("appendfsync")
    except ResponseError:  # CONFIG is not for everybody
        found = {}
    return str(found.get("appendfsync", "unknown"))


def _warn(info: Mapping[str, Any], fsync: str) -> None:
    if not info.get("aof_enabled"):
        logger.warning(
            "redis: appendonly is off, as allow_loss = true allows: what was confirmed since the last "
            "snapshot is lost when it ends"
        )
    elif fsync != "always":
        logger.warning(
            "redis: appendfsync is %s: what was confirmed in the last seconds may be lost when its machine "
            "fails; set appendfsync always",
            fsync,
        )


def _compare(topic: Topic, found: list[Any], more: Any) -> None:
    for each in (*found, more):
        if isinstance(each, Exception) and "no such key" not in str(each):
            raise each
    there = sum(not isinstance(each, Exception) for each in found)
    if not there:
        raise ConfigurationError(f"topic {topic.name} is missing: {_INIT}")
    if there < topic.partitions or more:
        number = f"more than {topic.partitions}" if more else there
        raise ConfigurationError(
            f"topic {topic.name}: its number of partitions is {number} and has to be {topic.partitions}"
        )
    for group in topic.groups:
        if not all(any(each["name"] == group.encode() for each in groups) for groups in found):
            raise ConfigurationError(f"group {group} of topic {topic.name} is missing: {_INIT}")
