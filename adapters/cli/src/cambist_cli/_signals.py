"""What a server does with its operator's signals, from its first moment to its last."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from attrs import define, field

logger = logging.getLogger("cambist.cli")

ENDS: Final = (signal.SIGTERM, signal.SIGINT)


def force(number: int, _frame: FrameType | None = None) -> None:
    """End this process now, with the code that a shell gives to one that a signal has ended.

    What is committed stays so, and what is not was not answered.
    """
    os._exit(128 + number)


@contextmanager
def while_starting() -> Iterator[None]:
    """Heed signals before there is an event loop.

    SIGTERM ends it, since nothing is received yet. It needs a handler for that: the kernel keeps
    signals without one away from a container's first process. SIGHUP waits for its handler.
    """
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


@define(eq=False)
class Signals:
    """The signals to a process that serves.

    Args:
        timeout_s: Within how many seconds it ends, once it is told to.
        is_supervised: Whether another process ends it by force. It may get every signal twice, then: from
            that one, and from a terminal or service manager which tells all of them.

    Attributes:
        stop: Set with SIGTERM or SIGINT. The second of them ends the process.
        hangup: Set with SIGHUP.
    """

    timeout_s: float
    is_supervised: bool
    stop: asyncio.Event = field(init=False, factory=asyncio.Event)
    hangup: asyncio.Event = field(init=False, factory=asyncio.Event)

    def heed(self) -> None:
        """Begin, until the running loop is closed."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self.hangup.set)
        for number in ENDS:
            loop.add_signal_handler(number, self.end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def end(self) -> None:
        """Have the process end in order, and within its time."""
        if self.stop.is_set():
            return
        self.stop.set()
        if not self.is_supervised:
            loop = asyncio.get_running_loop()
            for number in ENDS:
                loop.remove_signal_handler(number)
                signal.signal(number, force)  # also while the loop is held up
        timer = threading.Timer(self.timeout_s, self._overdue)
        timer.daemon = True
        timer.start()

    def _overdue(self) -> None:
        logger.error("not at its end within %s seconds: what is under way is given up", self.timeout_s)
        os._exit(1)
