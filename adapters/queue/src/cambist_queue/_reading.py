"""What a worker and a consumer have in common: they read on, whatever fails, and keep dead letters."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from cambist.errors import place
from cambist_queue._client import Handle
from cambist_queue._link import Link, UnsendableError
from cambist_queue._message import Message
from cambist_queue._topic import Topic, dead_letters

T = TypeVar("T")
logger = logging.getLogger("cambist.queue")

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 10.0
_NOT_KEPT: Final = "a dead letter was not kept"


async def read(link: Link, topic: Topic, group: str, handle: Handle, reads: asyncio.Event) -> None:
    """Have a group's messages handled until this is cancelled.

    Args:
        link: The way to the broker, open. If the broker goes before its messages can be asked for, they are
            asked for again.
        topic: What is read.
        group: As whom.
        handle: Deals with one message.
        reads: Is set while messages are asked for.
    """
    await link.connected()

    async def consume() -> None:
        async with link.client.consume(topic, group, handle):
            reads.set()
            try:
                await asyncio.Event().wait()
            finally:
                reads.clear()

    await repeat(consume, f"{topic.name} is not read")


async def bury(link: Link, topic: Topic, letter: Message, bare: Message) -> None:
    """Return when a dead letter is kept; the bare one if the broker takes none of the other's size."""
    send = partial(link.send, dead_letters(topic))
    try:
        await repeat(lambda: send(letter), _NOT_KEPT, but=UnsendableError)
    except UnsendableError:
        await repeat(lambda: send(bare), _NOT_KEPT)


async def repeat(
    attempt: Callable[[], Awaitable[T]], what: str, *, but: type[Exception] | tuple[type[Exception], ...] = ()
) -> T:
    """Try until it works, with longer and longer waits in between, and return what it returned.

    Args:
        attempt: What is tried.
        what: What the log says of an attempt that failed.
        but: Errors that would come again each time: they are raised.
    """
    wait = FIRST_WAIT_S
    while True:
        try:
            return await attempt()
        except but:
            raise
        except Exception as error:  # noqa: BLE001  # its text may hold a value of a payload
            logger.error("%s, and is tried again: %s", what, place(error))  # noqa: TRY400
        await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311  # not a secret: it spreads the load
        wait = min(2 * wait, LONGEST_WAIT_S)
