"""What a topic is on NATS: how its stream and consumers are named, made and compared."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen
from nats.js import JetStreamContext, api
from nats.js.errors import BadRequestError, NotFoundError, ServerError, ServiceUnavailableError

from cambist.errors import ConfigurationError
from cambist_queue._client import HINT
from cambist_queue._topic import Topic

logger = logging.getLogger("cambist.queue")
_DUPLICATES_S: Final = 600.0  # for how long the server drops a second message of one id
_REPLICAS: Final = 3
# What a server says to three replicas that has no cluster, or not as many servers with JetStream.
_ALONE: Final = 10074
_TOO_FEW: Final = {10005, 10023}


@frozen
class _Checked:
    """What a topic relies on. An operator may have changed the rest, such as the number of replicas."""

    name: str
    key: str = ""  # of the configuration


_OF_STREAM: Final = (
    _Checked("subjects"),
    _Checked("storage"),
    _Checked("retention"),
    _Checked("max_age", "max_age_s"),
    _Checked("max_bytes", "max_bytes"),
)
_OF_CONSUMER: Final = (
    _Checked("filter_subject"),
    _Checked("ack_policy"),
    _Checked("max_ack_pending"),
    _Checked("max_deliver"),
    _Checked("ack_wait", "redeliver_after_s"),
)


def stream_name(topic: Topic) -> str:
    """Return the name of a topic's stream: a stream's name has no dots."""
    return topic.name.replace(".", "-")


def subject(topic: Topic, partition: int) -> str:
    """Return the subject of a partition: ``cambist.events.p3``."""
    return f"{topic.name}.p{partition}"


def consumer_name(group: str, partition: int) -> str:
    """Return the name of the durable consumer of a group on a partition: ``main-p3``."""
    return f"{group}-p{partition}"


async def create(stream: JetStreamContext, topic: Topic) -> None:
    """Make a topic's stream, and a consumer for each group and partition, where they are missing.

    Raises:
        ConfigurationError: They are there, and other than they should be.
    """
    name = stream_name(topic)
    try:
        _compare(f"stream {name}", _stream(topic), (await stream.stream_info(name)).config, _OF_STREAM)
    except NotFoundError:
        await _add(stream, _stream(topic))
    for consumer, wanted in _consumers(topic):
        try:
            await stream.consumer_info(name, consumer)
        except NotFoundError:
            await stream.add_consumer(name, wanted)
    await check(stream, topic)


async def check(stream: JetStreamContext, topic: Topic) -> None:
    """Compare a topic's stream and consumers with what they should be.

    Raises:
        ConfigurationError: One is missing, or other.
    """
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


async def _add(stream: JetStreamContext, wanted: api.StreamConfig) -> None:
    try:
        await stream.add_stream(wanted, num_replicas=_REPLICAS)
    except (BadRequestError, ServerError, ServiceUnavailableError) as error:
        if error.err_code in _TOO_FEW:
            logger.warning(
                "stream %s has one replica: there are no %d servers for it; edit the stream when there are",
                wanted.name,
                _REPLICAS,
            )
        elif error.err_code != _ALONE:
            raise
    else:
        return
    await stream.add_stream(wanted, num_replicas=1)


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


def _compare(what: str, wanted: Any, found: Any, checked: tuple[_Checked, ...]) -> None:
    for each in checked:
        should, does = getattr(wanted, each.name), getattr(found, each.name)
        if not _same(should, does):
            fix = f" ({each.key}): edit it on the server, or configure {does}" if each.key else ""
            raise ConfigurationError(f"{what}: its {each.name} is {does} and has to be {should}{fix}")


def _same(one: Any, other: Any) -> bool:
    """Whether two settings are the same; the server has times in nanoseconds."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) < 1e-6
    return bool(one == other)
