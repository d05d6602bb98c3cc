"""What connects a supervisor with the processes that it forks."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import tempfile
from collections.abc import Iterator
from typing import IO, Final, Self

from attrs import frozen

from cambist_cli._serve_worker import Worker
from cambist_cli._signals import ENDS

_HEEDED: Final = (*ENDS, signal.SIGHUP, signal.SIGCHLD)


@frozen
class Pipes:
    """The supervisor's end of it.

    Args:
        lifeline: Nothing is written to it. Who reads it sees when its writer is no more.
        report: Workers write to it.
        wakeup: Python writes the number of each signal to it.
        turn: A file for workers to lock.
    """

    lifeline: tuple[int, int]
    report: tuple[int, int]
    wakeup: tuple[int, int]
    turn: IO[bytes]

    @classmethod
    def open(cls) -> Self:
        """Return new ones, and have signals to this process go there."""
        turn = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as its processes
        pipes = cls(os.pipe(), os.pipe(), os.pipe(), turn)
        for descriptor in (pipes.report[0], *pipes.wakeup):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(pipes.wakeup[1])
        for number in _HEEDED:
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        return pipes

    def wait(self, timeout_s: float | None) -> None:
        """Return when there is a signal or a report."""
        with selectors.DefaultSelector() as selector:
            for descriptor in (self.report[0], self.wakeup[0]):
                selector.register(descriptor, selectors.EVENT_READ)
            selector.select(timeout_s)

    def signals(self) -> bytes:
        """Return the numbers of the signals since the last call."""
        return _read(self.wakeup[0])

    def reports(self) -> Iterator[tuple[int, str]]:
        """Return what workers have told since the last call: the number of a process, and a word."""
        for line in _read(self.report[0]).decode().splitlines():
            pid, _, word = line.partition(" ")
            yield int(pid), word

    def fork(self, number: int) -> int | Worker:
        """Return the number of a new process; in the new one, the worker that it is."""
        # Until it has handlers of its own, a signal to it would be written to our pipe.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)
        try:
            return os.fork() or self._worker(number)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)

    def _worker(self, number: int) -> Worker:
        """Let go of what is the supervisor's."""
        signal.set_wakeup_fd(-1)
        for descriptor in (self.lifeline[1], self.report[0], *self.wakeup):
            os.close(descriptor)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # it has received nothing yet
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return Worker(number, self.report[1], self.lifeline[0], self.turn)


def ended() -> Iterator[tuple[int, int]]:
    """Return the processes that have ended, with their exit codes; a code below 0 is a signal's."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)  # a container's first process has others' children, too
            if pid == 0:
                return
            yield pid, os.waitstatus_to_exitcode(status)


def _read(descriptor: int) -> bytes:
    with contextlib.suppress(BlockingIOError):
        return os.read(descriptor, 65536)
    return b""
