"""What a topic is on RabbitMQ: how its exchange and queues are named, made and compared."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from aio_pika.abc import AbstractChannel, AbstractQueue
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity, ChannelPreconditionFailed

from cambist.errors import ConfigurationError
from cambist_queue._client import HINT
from cambist_queue._rabbit_readers import OpenChannel
from cambist_queue._topic import Topic

logger = logging.getLogger("cambist.queue")
# Without a limit, RabbitMQ 4 drops a message that comes back for the 20th time.
_DELIVERIES: Final = 2**31 - 1
_OF_ROSTER: Final = {"x-queue-type": "quorum"}


def routing_key(partition: int) -> str:
    """Return the routing key of a partition: ``p3``."""
    return f"p{partition}"


def queue_name(topic: Topic, group: str, partition: int) -> str:
    """Return the name of a group's queue of a partition: ``cambist.events.main.p3``."""
    return f"{topic.name}.{group}.{routing_key(partition)}"


def roster_name(topic: Topic, group: str) -> str:
    """Return the name of the queue that counts a group's readers. It is always empty."""
    return f"{topic.name}.{group}.readers"


async def create(open_channel: OpenChannel, topic: Topic) -> None:
    """Make a topic's exchange, and the queues of each group, where they are missing.

    Raises:
        ConfigurationError: They are there, and other than they should be.
    """
    if await _has_exchange(open_channel, topic.name):
        await _check_partitions(open_channel, topic)
    async with open_channel() as channel:
        await channel.declare_exchange(_mark(topic), durable=True)
        exchange = await channel.declare_exchange(topic.name, durable=True)
        for group in topic.groups:
            await _declare(channel, roster_name(topic, group), _OF_ROSTER)
            for partition in range(topic.partitions):
                queue = await _declare(channel, queue_name(topic, group, partition), _arguments(topic))
                await queue.bind(exchange, routing_key(partition))
    await check(open_channel, topic)


async def check(open_channel: OpenChannel, topic: Topic) -> None:
    """Look for a topic's exchange and for each queue, and compare how they were made.

    Raises:
        ConfigurationError: One is missing, or other.
    """
    if not await _has_exchange(open_channel, topic.name):
        raise _missing(f"exchange {topic.name}")
    await _check_partitions(open_channel, topic)
    name = ""
    try:
        async with open_channel() as channel:
            for name, _ in _queues(topic):
                await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        pass
    else:
        await _compare(open_channel, topic)
        return
    raise _missing(f"queue {name}")


async def _compare(open_channel: OpenChannel, topic: Topic) -> None:
    """Declare again what is there, which compares it: a passive declaration looks at the name only."""
    try:
        async with open_channel() as channel:
            for name, arguments in _queues(topic):
                await _declare(channel, name, arguments)
    except ChannelClosed as error:
        if type(error).__name__ != "ChannelAccessRefused":  # aio-pika passes it on, and does not name it
            raise
        # It takes the permission to make queues, which a sender may not have.
        logger.info("the queues of %s are there; how they were made may not be compared", topic.name)


async def _has_exchange(open_channel: OpenChannel, name: str) -> bool:
    try:
        async with open_channel() as channel:
            await channel.get_exchange(name)
    except ChannelNotFoundEntity:
        return False
    return True


async def _check_partitions(open_channel: OpenChannel, topic: Topic) -> None:
    if not await _has_exchange(open_channel, _mark(topic)):
        raise ConfigurationError(
            f"exchange {topic.name}: its number of partitions is not {topic.partitions}, "
            "and has to be the one that it was made with"
        )


def _mark(topic: Topic) -> str:
    """Return the name of the exchange that tells the number of partitions: ``cambist.events:16``."""
    return f"{topic.name}:{topic.partitions}"


def _queues(topic: Topic) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group in topic.groups:
        yield roster_name(topic, group), _OF_ROSTER
        for partition in range(topic.partitions):
            yield queue_name(topic, group, partition), _arguments(topic)


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


async def _declare(channel: AbstractChannel, name: str, arguments: Mapping[str, Any]) -> AbstractQueue:
    try:
        return await channel.declare_queue(name, durable=True, arguments=dict(arguments))
    except ChannelPreconditionFailed as error:
        problem = str(error)
    raise ConfigurationError(
        f"queue {name}: RabbitMQ has it otherwise, or cannot have it so: {problem}. Configure it as it is, "
        "or delete it once it is empty and run `cambist queue init`"
    )


def _missing(what: str) -> ConfigurationError:
    return ConfigurationError(f"{what} is missing: {HINT}")
