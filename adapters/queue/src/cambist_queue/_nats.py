"""NATS JetStream: a stream a topic, a subject a partition, a durable consumer for each group and partition.

A consumer hands out one message at a time (``max_ack_pending`` 1), to whichever reader asks. So the messages
of a partition are handled in their order, however many readers there are.

A message is confirmed when the server has it in its file (PubAck), or a majority of the servers has it if the
stream has replicas. A server does not call fsync for each message: what a crash of the whole machine may lose
is set by its ``sync_interval``. Within ten minutes a second message of one id is dropped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final
from urllib.parse import quote, unquote

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.nats.security import NatsUserPassword
from faststream.security import BaseSecurity
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from cambist.errors import ConfigurationError
from cambist_queue._address import Address
from cambist_queue._client import HINT, Handle
from cambist_queue._faststream import QUIET, deal_with, whole
from cambist_queue._message import Message, Received
from cambist_queue._topic import Topic, partition_of

_DUPLICATES_S: Final = 600.0  # for how long the server drops a second message of one id
_FETCH_S: Final = 5.0
_PREFIX: Final = "ce-"
# The protocol binding for NATS leaves these as they are in a header's value, and percent-encodes all else.
_PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


class Connection:
    """See `cambist_queue._client.Client`."""

    def __init__(self, address: Address) -> None:
        self._timeout_s = address.timeout_s
        self._broker = NatsBroker(
            [f"{'tls' if address.tls else 'nats'}://{server}" for server in address.servers],
            security=_security(address),
            connect_timeout=max(1, int(address.timeout_s)),
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            ping_interval=5,
            **QUIET,
        )
        self._closing = False

    async def connect(self) -> None:
        """Connect. See `Client`."""
        await self._broker.connect()

    async def close(self) -> None:
        """Disconnect. See `Client`."""
        await self._broker.stop()

    async def create(self, topic: Topic) -> None:
        """Make the stream, and a consumer for each group and partition. See `Client`."""
        stream = await self._jetstream()
        name = stream_name(topic)
        try:
            _compare(f"stream {name}", _stream(topic), (await stream.stream_info(name)).config, _OF_STREAM)
        except NotFoundError:
            await stream.add_stream(_stream(topic))
        for consumer, wanted in _consumers(topic):
            try:
                await stream.consumer_info(name, consumer)
            except NotFoundError:
                await stream.add_consumer(name, wanted)
        await self.check(topic)

    async def check(self, topic: Topic) -> None:
        """Compare the stream and its consumers with what they should be. See `Client`."""
        stream = await self._jetstream()
        name = stream_name(topic)
        try:
            _compare(f"stream {name}", _stream(topic), (await stream.stream_info(name)).config, _OF_STREAM)
            for consumer, wanted in _consumers(topic):
                found = await stream.consumer_info(name, consumer)
                _compare(f"consumer {consumer} of stream {name}", wanted, found.config, _OF_CONSUMER)
        except NotFoundError:
            problem = f"stream {name} or a consumer of it is missing: {HINT}"
        else:
            return
        raise ConfigurationError(problem)

    async def send(self, topic: Topic, message: Message) -> None:
        """Publish, and wait for the PubAck. See `Client`."""
        headers = {f"{_PREFIX}{name}": quote(value, safe=_PLAIN) for name, value in message.headers.items()}
        await self._broker.publish(
            message.body,
            subject(topic, partition_of(message.key, topic.partitions)),
            headers={**headers, "content-type": message.content_type, "Nats-Msg-Id": message.id},
            stream=stream_name(topic),
            timeout=self._timeout_s,
        )

    @asynccontextmanager
    async def consume(self, topic: Topic, group: str, handle: Handle) -> AsyncIterator[None]:
        """Pull from each partition, one message at a time. See `Client`."""
        async with AsyncExitStack() as stack:
            for partition in range(topic.partitions):
                subscriber = self._broker.subscriber(
                    subject(topic, partition),
                    durable=consumer_name(group, partition),
                    stream=JStream(stream_name(topic), declare=False),
                    pull_sub=PullSub(batch_size=1, timeout=_FETCH_S),
                    ack_policy=AckPolicy.MANUAL,
                    decoder=whole,
                    no_reply=True,
                    persistent=False,
                )
                subscriber(_handler(topic, partition, handle))
                stack.push_async_callback(subscriber.stop)
                await subscriber.start()
            yield

    async def ready(self) -> None:
        """Ask for the account's limits. See `Client`."""
        await (await self._jetstream()).account_info()

    async def _jetstream(self) -> JetStreamContext:
        connection = await self._broker.connect()
        return connection.jetstream(timeout=self._timeout_s)


def connection(address: Address) -> Connection:
    """Return the client of an address."""
    return Connection(address)


def stream_name(topic: Topic) -> str:
    """Return the name of a topic's stream: a stream's name has no dots."""
    return topic.name.replace(".", "-")


def subject(topic: Topic, partition: int) -> str:
    """Return the subject of a partition: ``cambist.events.p3``."""
    return f"{topic.name}.p{partition}"


def consumer_name(group: str, partition: int) -> str:
    """Return the name of the durable consumer of a group on a partition: ``main-p3``."""
    return f"{group}-p{partition}"


def _security(address: Address) -> BaseSecurity | None:
    if address.user is not None and address.password is not None:
        return NatsUserPassword(
            address.user,
            address.password.reveal(),
            ssl_context=address.tls,
            use_ssl=address.tls is not None,
        )
    return BaseSecurity(ssl_context=address.tls, use_ssl=True) if address.tls else None


def _handler(topic: Topic, partition: int, handle: Handle) -> Any:
    async def each(message: NatsMessage) -> None:
        received = Received(
            body=message.body,
            content_type=message.content_type,
            headers=_attributes(message.headers),
            topic=topic.name,
            partition=partition,
        )
        raw = message.raw_message
        await deal_with(received, handle, message.ack, raw.in_progress, topic.redeliver_after_s / 3)

    return each


def _attributes(headers: Mapping[str, str] | None) -> dict[str, str]:
    given = ((name.lower(), value) for name, value in (headers or {}).items())
    return {name[len(_PREFIX) :]: unquote(value) for name, value in given if name.startswith(_PREFIX)}


def _stream(topic: Topic) -> api.StreamConfig:
    return api.StreamConfig(
        name=stream_name(topic),
        # Each by itself: with another number of partitions it is another stream, and that is seen.
        subjects=[subject(topic, partition) for partition in range(topic.partitions)],
        storage=api.StorageType.FILE,
        retention=api.RetentionPolicy.LIMITS if topic.keep else api.RetentionPolicy.WORK_QUEUE,
        max_age=float(topic.max_age_s or 0),
        max_bytes=topic.max_bytes or -1,
        discard=api.DiscardPolicy.OLD,
        duplicate_window=min(_DUPLICATES_S, topic.max_age_s or _DUPLICATES_S),
    )


def _consumers(topic: Topic) -> Iterator[tuple[str, api.ConsumerConfig]]:
    for group in topic.groups:
        for partition in range(topic.partitions):
            name = consumer_name(group, partition)
            yield (
                name,
                api.ConsumerConfig(
                    name=name,
                    durable_name=name,
                    filter_subject=subject(topic, partition),
                    deliver_policy=api.DeliverPolicy.ALL,
                    ack_policy=api.AckPolicy.EXPLICIT,
                    ack_wait=topic.redeliver_after_s,
                    max_ack_pending=1,
                    max_deliver=-1,
                ),
            )


# What a topic relies on; an operator may have changed the rest, such as replicas and limits.
_OF_STREAM: Final = ("subjects", "storage", "retention")
_OF_CONSUMER: Final = ("filter_subject", "ack_policy", "max_ack_pending", "max_deliver")


def _compare(what: str, wanted: Any, found: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(wanted, name) != getattr(found, name):
            raise ConfigurationError(f"{what}: its {name} has to be {getattr(wanted, name)}, and is not")
