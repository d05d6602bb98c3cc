"""A broker in memory: what it takes, and when it is away, is a test's to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from cambist_queue import Link, Message, Received, Topic, address_of
from cambist_queue._client import Handle, TooLargeError
from cambist_queue._faststream import deal_with

TOPIC = Topic("cambist.deliveries", partitions=1)


class Broker:
    """Hands out what waits, and acknowledges as the clients of real brokers do.

    Args:
        waiting: The bodies that it hands out, each time it is read.
        takes: How many bytes it takes in one message.
        away: How often reading fails before it works.
        at_once: Whether all are handed out at the same time; else each after the one before.
    """

    def __init__(self, *waiting: bytes, takes: int = 2**30, away: int = 0, at_once: bool = False) -> None:
        self.waiting = waiting
        self.sent: list[Message] = []
        self.handed = 0
        self.acknowledged = 0
        self.takes = takes
        self.away = away
        self.at_once = at_once
        self._done = asyncio.Event()

    @property
    def letters(self) -> list[Any]:
        return [orjson.loads(message.body) for message in self.sent]

    async def dealt_with(self) -> None:
        """Wait until all that waited was handed out and is no longer held."""
        async with asyncio.timeout(20):
            await self._done.wait()

    async def connect(self) -> None: ...
    async def close(self) -> None: ...
    async def create(self, topic: Topic) -> None: ...
    async def check(self, topic: Topic) -> None: ...
    async def ready(self) -> None: ...

    async def send(self, topic: Topic, message: Message) -> None:
        if len(message.body) > self.takes:
            raise TooLargeError
        self.sent.append(message)

    @asynccontextmanager
    async def consume(self, topic: Topic, group: str, handle: Handle) -> AsyncIterator[None]:
        if self.away:
            self.away -= 1
            raise ConnectionError("nobody there")
        task = asyncio.create_task(self._hand_out(topic, handle))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _hand_out(self, topic: Topic, handle: Handle) -> None:
        if self.at_once:
            await asyncio.gather(*(self._hand(topic, body, handle) for body in self.waiting))
        else:
            for body in self.waiting:
                await self._hand(topic, body, handle)
        self._done.set()

    async def _hand(self, topic: Topic, body: bytes, handle: Handle) -> None:
        self.handed += 1
        await deal_with(Received(body, "application/json", {}, topic.name, 0), handle, self._acknowledge)

    async def _acknowledge(self) -> None:
        self.acknowledged += 1


def link_to(broker: Broker) -> Link:
    """Return a way to a broker in memory."""
    link = Link(address_of("nats://127.0.0.1:4222"), ())
    link.client = broker
    return link
