"""The process that starts the others that serve, and keeps them running."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import Final

from attrs import define, field

from cambist_cli._pipes import Pipes, ended
from cambist_cli._reload import Current
from cambist_cli._seat import Seat
from cambist_cli._serve_worker import Worker
from cambist_cli._signals import ENDS, force

logger = logging.getLogger("cambist.cli")

_STEADY_S: Final = 10.0  # a worker that ends sooner has ended as soon as it started
_TRIES: Final = 5
_FIRST_WAIT_S: Final = 0.5
_MERCY_S: Final = 2.0  # workers end by themselves in their time; after this much more they are ended


@define(eq=False)
class _Slot:
    """The place of a worker."""

    number: int
    pid: int | None = None
    is_ready: bool = False
    since: float = 0.0
    due: float | None = None  # when to start one
    failures: int = 0  # in a row
    generation: int = 0  # which reload it was told of
    is_retired: bool = False  # told to end, for another one to take its place


@define(eq=False)
class Supervisor:
    """Starts workers by forking, and restarts those that end. It has no thread and no event loop.

    The first worker has to serve before the others are started, so that what is wrong is told once. One that
    ends is replaced at once, and then after ever longer waits. If one keeps ending as soon as it has started,
    all are ended, for whoever runs this to see.

    Args:
        timeout_s: Within how many seconds a worker ends that is told to.
        current: What they serve; a reload changes it, for those that are started later.
        seat: Is told how all of them are.
        address: Where they listen.

    Attributes:
        code: The exit code, in the end.
    """

    timeout_s: float
    current: Current
    seat: Seat
    address: str
    code: int = field(init=False, default=0)
    _pipes: Pipes = field(init=False, factory=Pipes.open)
    _slots: list[_Slot] = field(init=False)
    _is_up: bool = field(init=False, default=False)  # all of them have served at once
    _is_ending: bool = field(init=False, default=False)
    _deadline: float | None = field(init=False, default=None)
    _generation: int = field(init=False, default=0)
    _unaware: set[int] = field(init=False, factory=set)  # who has not done the last reload

    def run(self, count: int) -> Worker | None:
        """Return the worker in each process that is to serve; nothing in this one, once they have ended.

        Args:
            count: How many there are to be.
        """
        self._slots = [_Slot(number) for number in range(1, count + 1)]
        self._slots[0].due = time.monotonic()
        while not self._is_ending or any(slot.pid for slot in self._slots):
            for slot in self._slots:
                if slot.due is not None and slot.due <= time.monotonic():
                    forked = self._pipes.fork(slot.number)
                    if isinstance(forked, Worker):
                        return forked
                    slot.pid, slot.since, slot.due = forked, time.monotonic(), None
                    slot.generation = self._generation
            times = [slot.due for slot in self._slots if slot.due is not None]
            times += [] if self._deadline is None else [self._deadline]
            self._pipes.wait(max(0.0, min(times) - time.monotonic()) if times else None)
            self._look()
        return None

    def _look(self) -> None:
        """Look at all that may have happened."""
        for number in self._pipes.signals():
            if number in ENDS:
                self._end(number)
            elif number == signal.SIGHUP and not self._is_ending:
                self._reload()
        slots = {slot.pid: slot for slot in self._slots if slot.pid}
        for pid, word in self._pipes.reports():
            if pid in slots:
                self._told(slots[pid], word)
        for pid, code in ended():
            if pid in slots:
                self._lost(slots[pid], code)
        if self._deadline is not None and time.monotonic() >= self._deadline:
            logger.error("workers are not at their end: what is under way is given up")
            self._send(signal.SIGKILL)
            self.code, self._deadline = 1, None

    def _told(self, slot: _Slot, word: str) -> None:
        if word == "over":
            self._stop(1)
        elif word == "reloaded":
            self._aware(slot)
        elif word == "kept":
            self._retire(slot)
        elif word == "ready" and not self._is_ending:
            slot.is_ready = True
            if slot.generation < self._generation:
                self._tell_to_reload(slot)
            waiting = [other for other in self._slots if not other.is_ready]
            for other in waiting:
                if other.pid is None and other.due is None:
                    other.due = time.monotonic()
            if not (waiting or self._is_up):
                self._is_up = True
                self.seat.ready(self.address)

    def _end(self, number: int) -> None:
        if self._is_ending:
            self._send(signal.SIGKILL)
            force(number)
        self._stop(0)

    def _stop(self, code: int) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        self.code = code
        self._deadline = time.monotonic() + self.timeout_s + _MERCY_S
        self.seat.stopping()
        for slot in self._slots:
            slot.due = None
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.pid:
                os.kill(slot.pid, number)

    def _reload(self) -> None:
        self.seat.reloading()
        if not self.current.reload():
            self.seat.reloaded(None)
            return
        self._generation += 1
        self._unaware = {slot.number for slot in self._slots if slot.pid}
        for slot in self._slots:
            if slot.is_ready:
                self._tell_to_reload(slot)
        self._say_if_all_are_aware()

    def _tell_to_reload(self, slot: _Slot) -> None:
        slot.generation = self._generation
        if slot.pid:
            os.kill(slot.pid, signal.SIGHUP)

    def _aware(self, slot: _Slot) -> None:
        if slot.number in self._unaware:
            self._unaware.discard(slot.number)
            self._say_if_all_are_aware()

    def _say_if_all_are_aware(self) -> None:
        if not self._unaware:
            self.seat.reloaded(self.current.said())

    def _retire(self, slot: _Slot) -> None:
        """End a worker that could not take over what we could: the next one has it of us, by being forked."""
        if slot.pid and slot.number in self._unaware and not (slot.is_retired or self._is_ending):
            logger.error(
                "worker %d (process %d) could not reload: another one takes its place", slot.number, slot.pid
            )
            slot.is_retired = True
            os.kill(slot.pid, signal.SIGTERM)

    def _lost(self, slot: _Slot, code: int) -> None:
        """Take note of a worker that has ended."""
        how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        was_ready, pid, lived_s = slot.is_ready, slot.pid, time.monotonic() - slot.since
        was_retired = slot.is_retired
        slot.pid, slot.is_ready, slot.is_retired = None, False, False
        self._aware(slot)
        if self._is_ending:
            self.code = self.code or int(code != 0)
            return
        if was_retired:
            slot.due = time.monotonic()
            return
        if not (was_ready or self._is_up):
            if code <= 0:  # else it has said why
                logger.error("worker %d (process %d) ended %s before it served", slot.number, pid, how)
            self._stop(1)
            return
        slot.failures = 1 if was_ready and lived_s >= _STEADY_S else slot.failures + 1
        if slot.failures == _TRIES:
            logger.error("worker %d ended %d times as soon as it started, now %s", slot.number, _TRIES, how)
            self._stop(1)
            return
        wait_s = _FIRST_WAIT_S * 2 ** (slot.failures - 2) if slot.failures > 1 else 0.0
        slot.due = time.monotonic() + wait_s
        logger.warning(
            "worker %d (process %d) ended %s; another one starts in %s s", slot.number, pid, how, wait_s
        )
