"""Events out: a sink that returns when the broker has confirmed them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from cambist import Processed
from cambist.hookspecs import Sink
from cambist_queue._address import address_of
from cambist_queue._cloudevents import Mode, encode
from cambist_queue._link import Link
from cambist_queue._options import EventOptions, split_options
from cambist_queue._topic import Topic
from cambist_queue._trace import trace_of


class QueueSink:
    """Publishes each event as a CloudEvent.

    Args:
        link: The way to the broker.
        topic: Where events go.
        mode: ``binary`` or ``structured``.
    """

    def __init__(self, link: Link, topic: Topic, mode: Mode = "binary") -> None:
        self._link = link
        self._topic = topic
        self._mode = mode

    async def publish(self, processed: Processed) -> None:
        """Return when the broker has confirmed every event, in their order.

        Raises:
            SinkError: It did not. Those before the one that failed are there; they have the same ``id`` when
                they come again.
        """
        trace = trace_of(processed)
        for event in processed.events:
            await self._link.send(self._topic, encode(event, self._mode, trace))

    async def ready(self) -> None:
        """Return if the broker answers.

        Raises:
            SinkError: It does not.
        """
        await self._link.ready()


@asynccontextmanager
async def open_sink(url: str, options: Mapping[str, Any]) -> AsyncIterator[Sink]:
    """Open the sink of a URL. See `cambist.hookspecs.SinkFactory`.

    Raises:
        ConfigurationError: A key is unknown or malformed, the broker's extra is not installed, or the broker
            answers and has no such topic.
    """
    given, rest = split_options(EventOptions, options)
    async with Link(address_of(url, rest), given.needed, create=given.create) as link:
        yield QueueSink(link, given.topic, given.mode)
