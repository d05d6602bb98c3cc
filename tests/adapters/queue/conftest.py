"""Every broker's tests are the same tests, each against a server of their own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest

from cambist_queue import Link, Message, Received, Topic, address_of

BROKERS = ("nats", "rabbit", "redis", "kafka")


class Server(Protocol):
    @property
    def url(self) -> str: ...

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "broker" in metafunc.fixturenames:
        # A module says so if it is about one broker. One worker of xdist for each: its server starts once.
        names = getattr(metafunc.module, "BROKERS", BROKERS)
        marked = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]
        metafunc.parametrize("broker", marked, scope="session")


@pytest.fixture(scope="session")
def server(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that no test kills."""
    yield from _running(broker, tmp_path_factory.mktemp(broker))


@pytest.fixture
def own_server(broker: str, tmp_path: Path) -> Iterator[Server]:
    """A server for one test, which may kill it."""
    yield from _running(broker, tmp_path)


def _running(broker: str, folder: Path) -> Iterator[Server]:
    module: Any = import_module(f".servers.{broker}", __package__)
    if reason := module.missing():
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    running: Server = module.Server(folder)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def topic() -> Topic:
    """A topic that no other test has."""
    return Topic(f"t{uuid4().hex[:12]}.events", 4, ("main",), redeliver_after_s=2)


@asynccontextmanager
async def linked(server: Server, *topics: Topic, create: bool = True) -> AsyncIterator[Link]:
    """A way to a server, where the topics are."""
    async with Link(address_of(server.url, {"timeout_s": 10}), topics, create=create) as link:
        await asyncio.wait_for(link.connected(), 30)
        yield link


@pytest.fixture
async def link(server: Server, topic: Topic) -> AsyncIterator[Link]:
    async with linked(server, topic) as link:
        yield link


def message(number: int, key: str = "a payment", **headers: str) -> Message:
    return Message(b"%d" % number, "application/json", uuid4().hex, key, headers)


class Readings:
    """What a reader got, and a way to wait for it."""

    def __init__(self, before: Callable[[Received], Awaitable[object]] | None = None) -> None:
        self.got: list[Received] = []
        self._before = before
        self._changed = asyncio.Event()

    async def __call__(self, received: Received) -> None:
        if self._before is not None:
            await self._before(received)
        self.got.append(received)
        self._changed.set()

    @property
    def numbers(self) -> list[int]:
        return [int(each.body) for each in self.got]

    async def until(self, enough: Callable[[], bool], within_s: float = 60) -> None:
        async with asyncio.timeout(within_s):
            while not enough():
                self._changed.clear()
                await self._changed.wait()
