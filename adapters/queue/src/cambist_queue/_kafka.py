"""Kafka: a topic a topic, its partitions ours, a group of consumers a group.

A message was sent when every replica that is in sync has it (``acks=all``), by an idempotent producer:
what the driver sends twice, since an answer was lost, is there once. Kafka's servers do not wait for
their disks. So a topic gets three replicas, two of which must have a message; with fewer than three
servers it is told to flush each message instead. What our own caller sends twice is there twice:
consumers know it by its id.

A partition belongs to one reader of a group at a time. One that died is found out after the topic's
``redeliver_after_s``. Servers accept that from 6 s up, unless their ``group.min.session.timeout.ms`` says
otherwise. To acknowledge is to say how far a partition was read. Readers say so twice a second, so what
was handled last may come again after a crash. When readers come or go, partitions move; what was under
way in one that moves is cancelled, and handled by its new reader. A group without readers is forgotten
after ``offsets.retention.minutes``, a week unless configured, and then begins anew.

Nothing removes a message that was read. A topic that need not keep them (``keep=False``) has them for a
week.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from faststream import AckPolicy
from faststream.confluent import KafkaBroker

from cambist.errors import ConfigurationError
from cambist_queue._address import Address
from cambist_queue._client import Handle
from cambist_queue._faststream import QUIET
from cambist_queue._kafka_reader import Reader
from cambist_queue._kafka_sender import Sender
from cambist_queue._kafka_settings import LARGEST, SILENT, reading, sending, shared
from cambist_queue._message import Message
from cambist_queue._options import WEEK_S
from cambist_queue._topic import Topic

_REPLICAS: Final = 3


class Connection:
    """See `cambist_queue._client.Client`."""

    def __init__(self, address: Address) -> None:
        if address.path:
            raise ConfigurationError("url: has something after its servers; the topic is a key of its own")
        self._timeout_s = address.timeout_s
        self._readers = KafkaBroker(
            address.servers,
            config=reading(address),
            client_id="cambist",
            allow_auto_create_topics=False,
            **QUIET,
        )
        self._sender = Sender(partial(_producer, address))
        self._admin = AdminClient(
            shared(address) | {"bootstrap.servers": ",".join(address.servers)}, logger=SILENT
        )

    async def connect(self) -> None:
        """See that the cluster answers; the driver connects by itself. See `Client`."""
        await self.ready()

    async def close(self) -> None:
        """Disconnect. See `Client`."""
        await self._sender.close()
        await self._readers.stop()

    async def create(self, topic: Topic) -> None:
        """Make the topic; groups come with their readers. See `Client`."""
        if topic.ours and await self._partitions(topic) is None:
            nodes = await self._nodes()
            made = self._admin.create_topics([_new(topic, nodes)], request_timeout=self._timeout_s)
            try:
                await _result(made[topic.name])
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
            async with asyncio.timeout(self._timeout_s):  # the servers tell each other
                while await self._partitions(topic) is None:  # noqa: ASYNC110  # nothing tells us
                    await asyncio.sleep(0.05)
        await self.check(topic)

    async def check(self, topic: Topic) -> None:
        """Compare the number of partitions with what it should be. See `Client`."""
        found = await self._partitions(topic)
        if found is None:
            raise ConfigurationError(
                f"topic {topic.name} is missing: run `cambist queue init`, or set create = true"
                if topic.ours
                else f"topic {topic.name} is missing, and not ours to make: see that its owner makes it"
            )
        if topic.ours and found != topic.partitions:
            raise ConfigurationError(
                f"topic {topic.name}: its number of partitions is {found} and has to be {topic.partitions}"
            )

    async def send(self, topic: Topic, message: Message) -> None:
        """Publish, and wait for the delivery report. See `Client`."""
        await self._sender.send(topic, message)

    @asynccontextmanager
    async def consume(self, topic: Topic, group: str, handle: Handle) -> AsyncIterator[None]:
        """Join the group. See `Client`."""
        await self._readers.connect()
        reader = Reader(topic, handle)
        subscriber = self._readers.subscriber(
            topic.name,
            group_id=group_id(topic, group),
            auto_offset_reset="earliest",
            partition_assignment_strategy=("cooperative-sticky",),
            session_timeout_ms=int(topic.redeliver_after_s * 1000),
            heartbeat_interval_ms=int(min(3.0, topic.redeliver_after_s / 3) * 1000),
            on_revoke=reader.revoked,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            persistent=False,
        )
        try:
            await subscriber.start()
            assert subscriber.consumer is not None  # noqa: S101  # start made it
            async with reader.reading(subscriber.consumer.consumer):
                yield
        finally:
            await subscriber.stop()

    async def ready(self) -> None:
        """Ask for the servers of the cluster. See `Client`."""
        await self._nodes()

    async def _nodes(self) -> int:
        cluster = await _result(self._admin.describe_cluster(request_timeout=self._timeout_s))
        return len(cluster.nodes)

    async def _partitions(self, topic: Topic) -> int | None:
        """Return how many partitions a topic has; ``None`` if it is missing. Asking does not make it."""
        names = TopicCollection([topic.name])
        found = self._admin.describe_topics(names, request_timeout=self._timeout_s)[topic.name]
        try:
            return len((await _result(found)).partitions)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
        return None


def connection(address: Address) -> Connection:
    """Return the client of an address."""
    return Connection(address)


def _producer(address: Address) -> KafkaBroker:
    return KafkaBroker(
        address.servers,
        config=sending(address),
        client_id="cambist",
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        max_request_size=LARGEST,
        **QUIET,
    )


def group_id(topic: Topic, group: str) -> str:
    """Return a group's id. A cluster has one list of groups, so it names the topic, if that is ours."""
    return f"{topic.name}.{group}" if topic.ours else group


def _new(topic: Topic, nodes: int) -> NewTopic:
    replicas = min(_REPLICAS, nodes)
    age_s = topic.max_age_s if topic.keep or topic.max_age_s else WEEK_S
    config = {
        "cleanup.policy": "delete",
        "max.message.bytes": str(LARGEST),
        "retention.ms": "-1" if age_s is None else str(age_s * 1000),
        "retention.bytes": "-1" if topic.max_bytes is None else str(topic.max_bytes // topic.partitions),
        **_durable(replicas),
    }
    return NewTopic(topic.name, topic.partitions, replicas, config=config)


def _durable(replicas: int) -> Mapping[str, str]:
    """Return what makes a confirmed message outlive its server: a second one that has it, or the disk."""
    return {"min.insync.replicas": "2"} if replicas == _REPLICAS else {"flush.messages": "1"}


async def _result(future: Any) -> Any:
    """Wait for the driver's own kind of future; the driver ends it within its timeout."""
    return await asyncio.to_thread(future.result)
