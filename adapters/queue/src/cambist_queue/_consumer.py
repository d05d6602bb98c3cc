"""For a service that reads the events: each one once, in order within its payment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self
from weakref import WeakValueDictionary

from cambist import PaymentEvent
from cambist.errors import ConfigurationError
from cambist_queue import _dead
from cambist_queue._address import address_of
from cambist_queue._cloudevents import decode
from cambist_queue._link import Link
from cambist_queue._message import Received
from cambist_queue._options import EventOptions, split_options
from cambist_queue._reading import bury, read, repeat
from cambist_queue._seen import Seen, SeenInMemory

logger = logging.getLogger("cambist.queue")


class Consumer:
    """Hands events off a queue to a function. An asynchronous context manager.

    Brokers deliver again what they do not know to be done, and a receiver publishes again what it does not
    know to be published. ``seen`` drops what was dealt with. Only an event whose function has returned, in a
    process that ended before ``seen`` had it, comes a second time: where that matters, keep the ``id`` in the
    transaction of what you do.

    Args:
        url: The broker, as a sink has it.
        on_event: Deals with one event. If it raises, it is called again after a wait, and later events of the
            partition wait meanwhile: their order is kept.
        group: Who is reading. Readers of one group share the events.
        seen: What was dealt with; in memory unless given.
        options: The further keys of the sink: ``topic``, ``partitions``, ``tls``, …

    Raises:
        ConfigurationError: A key is unknown or malformed, or the broker's extra is not installed.

    Example:
        >>> async with Consumer("nats://127.0.0.1:4222", on_event, seen=SeenInSqlite("seen.db")):
        ...     await asyncio.Event().wait()
    """

    def __init__(
        self,
        url: str,
        on_event: Callable[[PaymentEvent], Awaitable[object]],
        *,
        group: str = "main",
        seen: Seen | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        given, rest = split_options(EventOptions, {"groups": [group], **(options or {})})
        if group not in given.groups:
            raise ConfigurationError(f"groups: {group} is not one of them")
        self._topic = given.topic
        self._group = group
        self._on_event = on_event
        self._seen = SeenInMemory() if seen is None else seen
        self._link = Link(address_of(url, rest), given.needed, create=given.create)
        self._under_way: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._stack = AsyncExitStack()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to read; the broker may still be away.

        Raises:
            ConfigurationError: The broker answers, and has no such topic or group.
        """
        await self._stack.enter_async_context(self._link)
        self._task = asyncio.create_task(
            read(self._link, self._topic, self._group, self._handle, asyncio.Event()),
            name=f"cambist queue: consume {self._topic.name}",
        )
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop reading. An event under way is given up, unacknowledged."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._stack.aclose()

    async def _handle(self, received: Received) -> None:
        try:
            event = decode(received)
        except ValueError as error:
            logger.error("dead letter: a message of %s %s", received.topic, error)  # noqa: TRY400
            letter = _dead.of_message(received, str(error))
        else:
            await self._once(event)
            return
        await bury(self._link, self._topic, letter, letter)

    async def _once(self, event: PaymentEvent) -> None:
        # A broker that lost sight of us delivers again what is under way: that waits for the first.
        async with self._under_way.setdefault(event.id, asyncio.Lock()):
            if await repeat(lambda: self._deal_with(event), f"event {event.id}: on_event failed"):
                await repeat(lambda: self._seen.add(event.id), f"event {event.id}: is not remembered")

    async def _deal_with(self, event: PaymentEvent) -> bool:
        """Return whether there was something to do."""
        if await self._seen.contains(event.id):
            return False
        await self._on_event(event)
        return True
