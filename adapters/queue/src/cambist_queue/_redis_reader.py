"""One reader of a group on Redis: it takes its share of the partitions, and handles what is in them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from redis.asyncio import Redis

from cambist.errors import place
from cambist_queue._client import Handle
from cambist_queue._message import Received
from cambist_queue._redis_scripts import LEASE, NEXT, RELEASE, run
from cambist_queue._topic import Topic

logger = logging.getLogger("cambist.queue")
WAIT_S: Final = 1.0
"""How long a read waits for a message; a reader looks that often whether it has to give up partitions."""
PREFIX: Final = "ce_"


def stream_name(topic: Topic, partition: int) -> str:
    """Return the name of a partition's stream: ``cambist.events.p3``."""
    return f"{topic.name}.p{partition}"


class Reader:
    """Reads a topic for a group. An asynchronous context manager.

    Args:
        client: The connections.
        topic: What is read.
        group: The group that this is a reader of.
        handle: Deals with one message.
        timeout_s: How long an answer may take.
    """

    def __init__(self, client: Redis, topic: Topic, group: str, handle: Handle, timeout_s: float) -> None:
        self._client = client
        self._topic = topic
        self._group = group
        self._handle = handle
        self._timeout_s = timeout_s
        self._token = uuid4().hex
        self._readers = f"{topic.name}:readers:{group}"
        self._streams = [stream_name(topic, number) for number in range(topic.partitions)]
        self._leases = [f"{stream}:lease:{group}" for stream in self._streams]
        self._parts: dict[int, asyncio.Task[None]] = {}
        self._leaving: set[int] = set()
        self._failing: set[int | None] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._share(), name=f"cambist queue: leases of {self._topic.name}")
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._stop(self._parts)
        if self._parts:
            await asyncio.wait(self._parts.values())
        with suppress(Exception):  # what is not given up runs out
            async with asyncio.timeout(min(WAIT_S, self._timeout_s)):
                await run(self._client, RELEASE, self._leases, self._token)
                await self._client.zrem(self._readers, self._token)

    async def _share(self) -> None:
        """Keep the leases, and stop handling before they could be anybody else's."""
        now = asyncio.get_running_loop().time
        lease_s = self._topic.redeliver_after_s
        pause_s = min(WAIT_S, lease_s / 6)
        until = now()
        while not _cancelled():
            started = now()
            left_s = until - started
            try:
                async with asyncio.timeout(min(self._timeout_s, left_s) if left_s > 0 else self._timeout_s):
                    share, held = await run(
                        self._client, LEASE, [self._readers, *self._leases], self._token, int(lease_s * 1000)
                    )
            except Exception as error:  # noqa: BLE001  # a driver's text may hold the URL
                self._failed(None, error)
                if now() >= until:
                    self._stop(self._parts)
            else:
                if _cancelled():
                    return
                self._failing.discard(None)
                until = started + lease_s - pause_s
                self._divide(share, held)
            await asyncio.sleep(pause_s)

    def _divide(self, share: int, held: list[int]) -> None:
        self._stop(self._parts.keys() - held)
        self._leaving = set(sorted(held)[share:])
        for partition in held:
            if partition not in self._parts or self._parts[partition].done():
                self._parts[partition] = asyncio.create_task(
                    self._read(partition), name=f"cambist queue: read {self._streams[partition]}"
                )

    def _stop(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            if not self._parts[partition].cancelling():  # twice would end its cleaning up
                self._parts[partition].cancel()

    async def _read(self, partition: int) -> None:
        """Handle a partition's messages until the lease is lost, or has to be given up."""
        done = b""
        while not _cancelled():
            try:
                found = await self._next(partition, done)
                done = b""
                if found is None or partition in self._leaving or _cancelled():
                    break
                if len(found) == 2:
                    await self._handle(self._received(partition, found[1]))
                    done = found[0]
                else:
                    await self._client.xread({self._streams[partition]: found[0]}, 1, int(WAIT_S * 1000))
            except Exception as error:  # noqa: BLE001
                self._failed(partition, error)
                await asyncio.sleep(WAIT_S)
            else:
                self._failing.discard(partition)
        with suppress(Exception):  # it runs out
            async with asyncio.timeout(self._timeout_s):
                await run(self._client, RELEASE, [self._leases[partition]], self._token)

    async def _next(self, partition: int, done: bytes) -> Any:
        """Acknowledge one message, and return what `NEXT` says of the one that follows it."""
        keys = [self._streams[partition], self._leases[partition]]
        async with asyncio.timeout(self._timeout_s):
            return await run(
                self._client, NEXT, keys, self._token, self._group, done, 0 if self._topic.keep else 1
            )

    def _received(self, partition: int, pairs: list[bytes]) -> Received:
        fields = {
            name.decode(errors="replace"): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)
        }
        content_type = fields.get("content-type")
        return Received(
            body=fields.get("data", b""),
            content_type=None if content_type is None else content_type.decode(errors="replace"),
            headers={
                name.removeprefix(PREFIX): value.decode(errors="replace")
                for name, value in fields.items()
                if name.startswith(PREFIX)
            },
            topic=self._topic.name,
            partition=partition,
        )

    def _failed(self, partition: int | None, error: Exception) -> None:
        """Log an error, and those that follow it on a lower level: the broker may be away for long."""
        level = logging.INFO if partition in self._failing else logging.WARNING
        self._failing.add(partition)
        name = self._topic.name if partition is None else self._streams[partition]
        logger.log(level, "reading %s failed, and is tried again: %s", name, place(error))


def _cancelled() -> bool:
    """Whether this task was cancelled: `asyncio.wait_for`, in the driver, may swallow that before 3.12."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
