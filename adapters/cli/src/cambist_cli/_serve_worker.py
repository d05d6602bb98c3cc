"""One of several processes that serve together, as it sees itself."""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import IO

from attrs import frozen

from cambist import Processed
from cambist.hookspecs import Sink
from cambist_cli._signals import Signals


@frozen
class Worker:
    """A process that a supervisor has started.

    Args:
        number: Which of them it is, from 1. The one that takes its place has its number.
        report: The pipe to the supervisor: a line for each thing that it is told.
        lifeline: A pipe that ends when the supervisor does.
        turn: A file to lock, for what only one of them may do at a time.
    """

    number: int
    report: int
    lifeline: int
    turn: IO[bytes]

    @property
    def is_first(self) -> bool:
        """Whether it does what one of them has to do."""
        return self.number == 1

    def attach(self, signals: Signals) -> None:
        """End with the supervisor, however that ends: nobody else would end this process."""
        asyncio.get_running_loop().add_reader(self.lifeline, self._orphaned, signals)

    def ready(self, address: str) -> None:
        """Tell that it serves."""
        self._tell("ready")

    def reloading(self) -> None:
        """Tell nothing: it was told to."""

    def reloaded(self, said: str | None) -> None:
        """Tell that it is done with it, or that it kept what it had."""
        self._tell("kept" if said is None else "reloaded")

    def stopping(self) -> None:
        """Tell nothing: it was told to, or is missed."""

    def in_turn(self, sink: Sink) -> Sink:
        """Return a sink that one of the processes at a time publishes to."""
        return _InTurn(sink, self.turn.fileno())

    def give_up(self) -> None:
        """Tell that none of them has anything left to do."""
        self._tell("over")

    def _orphaned(self, signals: Signals) -> None:
        asyncio.get_running_loop().remove_reader(self.lifeline)
        signals.end()

    def _tell(self, word: str) -> None:
        os.write(self.report, f"{os.getpid()} {word}\n".encode())


@frozen
class _InTurn:
    """Keeps lines whole. A pipe takes more than 4 KiB in pieces, and others' in between."""

    sink: Sink
    lock: int

    async def publish(self, processed: Processed) -> None:
        """Publish while no other process does."""
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        try:
            await self.sink.publish(processed)
        finally:
            fcntl.lockf(self.lock, fcntl.LOCK_UN)
