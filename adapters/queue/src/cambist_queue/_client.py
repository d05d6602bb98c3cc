"""What every broker's module offers. All the rest is shared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeAlias

from cambist_queue._message import Message, Received
from cambist_queue._topic import Topic

HINT: Final = "run `cambist queue init`, or set create = true for development"
"""What to do about a topic that is not there."""

Handle: TypeAlias = Callable[[Received], Awaitable[None]]
"""Deals with one message. It returns when the message may go, and raises only when it is cancelled."""


class TooLargeError(Exception):
    """The broker takes no message of this size, however often it is sent."""


class Client(Protocol):
    """One connection to a broker. It comes back by itself when the broker was away."""

    async def connect(self) -> None:
        """Connect; raise whatever the driver raises if the broker is away. Called again until it works."""
        ...

    async def close(self) -> None:
        """Disconnect. It does not raise because the broker is away."""
        ...

    async def create(self, topic: Topic) -> None:
        """Make a topic with all that belongs to it, durable; leave alone what is there as it should be.

        Raises:
            ConfigurationError: It is there in another form, such as with another number of partitions.
        """
        ...

    async def check(self, topic: Topic) -> None:
        """See that a topic is there as it should be, and create nothing.

        Raises:
            ConfigurationError: It is not; the message says what is missing, or other.
        """
        ...

    async def send(self, topic: Topic, message: Message) -> None:
        """Return when the broker has confirmed that it has the message durably; raise if it did not.

        It waits no longer than the client's timeout. A message that failed may be there nevertheless.

        Raises:
            TooLargeError: It is not there, and never will be. The connection is as it was.
        """
        ...

    def consume(self, topic: Topic, group: str, handle: Handle) -> AbstractAsyncContextManager[None]:
        """Have a group's messages handled inside of this context.

        The messages of one partition are handled one after the other, in their order, and by one reader of
        the group at a time; those of several partitions at the same time. A message is acknowledged when
        ``handle`` has returned. What was not acknowledged is delivered again, to this reader or another one.
        A long ``handle`` keeps its message: nobody else gets it in the meantime. Leaving the context cancels
        what is under way.
        """
        ...

    async def ready(self) -> None:
        """Return if the broker answers; raise if it does not."""
        ...
