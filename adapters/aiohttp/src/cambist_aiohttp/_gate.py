"""How many deliveries are let in at once, and how much of them is held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import Factory, define, field

from cambist_aiohttp._limits import Limits
from cambist_aiohttp._rates import Buckets


@define(eq=False)
class Visit:
    """One request from its admission to its release.

    Args:
        source: Where it goes.
    """

    source: str
    held: int = field(init=False, default=0)
    at_work: bool = field(init=False, default=False)


@define(eq=False)
class Gate:
    """Counts who is inside, and the bytes of their bodies.

    Args:
        limits: How many and how much.
    """

    limits: Limits
    _buckets: Buckets | None = field(
        init=False,
        default=Factory(lambda self: self.limits.rate and Buckets(self.limits.rate), takes_self=True),
    )
    _at_work: int = field(init=False, default=0)
    _held: int = field(init=False, default=0)
    # Whose bodies are still arriving: the longest first.
    _arriving: dict[asyncio.Timeout, Visit] = field(init=False, factory=dict)

    def wait(self, source: str) -> float | None:
        """Return in how many seconds a delivery of this source may come: 0 for now; nothing if none may."""
        if self._at_work >= self.limits.max_concurrent:
            return None
        return 0.0 if self._buckets is None else self._buckets.wait(source)

    def reserve(self, visit: Visit, size: int) -> bool:
        """Make room for a body. Bodies that have been arriving for the longest time give way to it."""
        while self._held + size > self.limits.max_buffered and self._arriving:
            timeout = next(iter(self._arriving))
            self._hold(self._arriving.pop(timeout), 0)
            if not timeout.expired():
                timeout.reschedule(0)
        if self._held + size > self.limits.max_buffered:
            return False
        self._hold(visit, size)
        return True

    @asynccontextmanager
    async def patience(self, visit: Visit) -> AsyncIterator[None]:
        """Raise `TimeoutError` in this context when a body has taken too long, or has to give way."""
        async with asyncio.timeout(self.limits.body_timeout_s) as timeout:
            self._arriving[timeout] = visit
            try:
                yield
            finally:
                self._arriving.pop(timeout, None)

    def enter(self, visit: Visit, size: int) -> float | None:
        """Let a delivery in whose body is there. See `wait`."""
        if self._at_work >= self.limits.max_concurrent:
            return None
        if self._buckets is not None and (wait := self._buckets.take(visit.source)):
            return wait
        self._hold(visit, size)
        self._at_work += 1
        visit.at_work = True
        return 0.0

    def leave(self, visit: Visit) -> None:
        """Take note that a request is done."""
        self._hold(visit, 0)
        self._at_work -= visit.at_work
        visit.at_work = False

    def give_back(self, source: str) -> None:
        """Put back what a delivery took of its source's rate."""
        if self._buckets is not None:
            self._buckets.give_back(source)

    def _hold(self, visit: Visit, size: int) -> None:
        self._held += size - visit.held
        visit.held = size
