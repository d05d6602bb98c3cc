"""A client that is there from the start, whether or not its broker is."""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from types import TracebackType
from typing import Final, Self

from cambist.errors import ConfigurationError, SinkError, place
from cambist_queue._address import Address
from cambist_queue._client import Client, TooLargeError
from cambist_queue._message import Message
from cambist_queue._topic import Topic

logger = logging.getLogger("cambist.queue")
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0


def client_of(address: Address) -> Client:
    """Return the client of a broker, not connected.

    Raises:
        ConfigurationError: What it needs is not installed.
    """
    try:
        module = import_module(f"cambist_queue._{address.broker}")
    except ImportError as error:
        missing = error.name or "its driver"
    else:
        client: Client = module.connection(address)
        return client
    raise ConfigurationError(f"{missing} is not installed: install cambist-queue[{address.broker}]")


class UnsendableError(SinkError):
    """The broker takes no message of this size: there is no use in sending it again."""


class Link:
    """Connects a client, and tries again in the background if the broker is away.

    An asynchronous context manager. Entering it waits for the first attempt, and never raises because the
    broker is away: a receiver has to start then as well, and answer 503 until the broker is back.

    Args:
        address: Where the broker is.
        topics: What has to be there. The names of those that a run of `create` may make are in ``create``.
        create: Whether to make what is missing. In production `cambist queue init` does that, once.

    Raises:
        ConfigurationError: The broker answers, and a topic is missing or other than it should be.
    """

    def __init__(self, address: Address, topics: tuple[Topic, ...], *, create: bool = False) -> None:
        self.client = client_of(address)
        self._address = address
        self._topics = topics
        self._create = create
        self._task: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except ConfigurationError:
            await self.client.close()
            raise
        except Exception as error:  # noqa: BLE001  # a driver's text may hold the URL
            logger.warning("%s cannot be reached, and is tried again: %s", self._address.broker, place(error))
            self._task = asyncio.create_task(self._retry(), name="cambist queue: connect")
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self.client.close()

    async def connected(self) -> None:
        """Wait until the broker was reached for the first time."""
        await self._connected.wait()

    async def send(self, topic: Topic, message: Message) -> None:
        """Return when the broker has confirmed a message.

        Raises:
            UnsendableError: It takes no message of this size.
            SinkError: It did not. The error shows no part of the message.
        """
        if not self._connected.is_set():
            raise SinkError(f"{self._address.broker} was not reached yet")
        too_large = False
        try:
            async with asyncio.timeout(self._address.timeout_s):
                await self.client.send(topic, message)
        except TooLargeError:
            too_large = True
            problem = f"{len(message.body)} bytes and their headers are more than it takes"
        except Exception as error:  # noqa: BLE001
            problem = place(error)
        else:
            # A driver may swallow a cancellation: `asyncio.wait_for` in redis-py does before Python 3.12.
            if (task := asyncio.current_task()) and task.cancelling():
                raise asyncio.CancelledError
            return
        text = f"{self._address.broker} did not confirm a message of {topic.name}: {problem}"
        raise UnsendableError(text) if too_large else SinkError(text)

    async def ready(self) -> None:
        """Return if the broker answers.

        Raises:
            SinkError: It does not.
        """
        problem = "was not reached yet"
        if self._connected.is_set():
            try:
                async with asyncio.timeout(self._address.timeout_s):
                    await self.client.ready()
                    return
            except Exception as error:  # noqa: BLE001
                problem = f"does not answer: {place(error)}"
        raise SinkError(f"{self._address.broker} {problem}")

    async def _open(self) -> None:
        async with asyncio.timeout(self._address.timeout_s):
            await self.client.connect()
        for topic in self._topics:
            await (self.client.create(topic) if self._create else self.client.check(topic))
        self._connected.set()

    async def _retry(self) -> None:
        wait = _FIRST_WAIT_S
        while True:
            await asyncio.sleep(wait)
            try:
                await self._open()
            except ConfigurationError as error:
                logger.error("%s: %s", self._address.broker, error)  # noqa: TRY400
            except Exception as error:  # noqa: BLE001
                logger.info("%s cannot be reached: %s", self._address.broker, place(error))
            else:
                logger.warning("%s is reached", self._address.broker)
                return
            wait = min(2 * wait, _LONGEST_WAIT_S)
