"""How we use FastStream: it connects, publishes and subscribes. Reading and acknowledging is ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from cambist.errors import place
from cambist_queue._client import Handle
from cambist_queue._message import Received

logger = logging.getLogger("cambist.queue")

# It would log whole exceptions, whose texts may hold values, look for type hints to convert bodies by, and
# wait for a handler when we leave, which may never end: it waits for a sink.
QUIET: Final[dict[str, Any]] = {"logger": None, "apply_types": False, "graceful_timeout": None}


async def deal_with(
    received: Received,
    handle: Handle,
    acknowledge: Callable[[], Awaitable[object]],
    keep: Callable[[], Awaitable[object]] | None = None,
    every_s: float = 10,
) -> None:
    """Have a message handled, and acknowledge it. If either fails the broker delivers it again.

    Args:
        received: The message.
        handle: Deals with it.
        acknowledge: Tells the broker that it may go.
        keep: Tells the broker now and then that we are still at it, where it would give it to another reader.
        every_s: How often.
    """
    alive = None if keep is None else asyncio.create_task(_repeat(keep, every_s))
    try:
        await handle(received)
        await acknowledge()
    except Exception as error:  # noqa: BLE001  # FastStream would drop it unseen
        logger.warning("a message of %s was not acknowledged: %s", received.topic, place(error))
    finally:
        if alive is not None:
            alive.cancel()


async def _repeat(keep: Callable[[], Awaitable[object]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await keep()
        except Exception as error:  # noqa: BLE001  # the broker may be away for a moment
            logger.info("a message could not be kept: %s", place(error))
