"""How one sink does: how many events it may be given at a time, and when. Pure: the time is passed in."""

from __future__ import annotations

import random
from typing import Any, Final

from tenacity import RetryCallState, wait_exponential

STREAK: Final = 5
"""After as many failures without a success between them a sink counts as out of order."""

FIRST_REST_S: Final = 0.1
LONGEST_REST_S: Final = 30.0
LONGEST_WAIT_S: Final = 3600.0


class Line:
    """The way to one sink.

    A sink that is out of order gets a rest, and after each rest one event to try. So an outage costs a few
    events one of their tries each, however many wait; that it is over is seen within the longest rest.

    Args:
        concurrency: How many events the sink is given at a time.
    """

    def __init__(self, concurrency: int) -> None:
        self.running = 0
        self._concurrency = concurrency
        self._failures = 0
        self._rest_s = 0.0
        self._rests_until = float("-inf")

    def room(self, now: float) -> int:
        """Return how many more events the sink may be given at this time, in seconds of any clock."""
        if now < self._rests_until:
            return 0
        most = 1 if self._failures >= STREAK else self._concurrency
        return max(most - self.running, 0)

    def succeeded(self) -> None:
        """Note that the sink took an event."""
        self._failures = 0
        self._rest_s = 0.0
        self._rests_until = float("-inf")

    def failed(self, now: float) -> None:
        """Note that it did not. What it was given before a rest and fails in it makes the rest no longer."""
        self._failures += 1
        if self._failures >= STREAK and now >= self._rests_until:
            self._rest_s = min(max(2 * self._rest_s, FIRST_REST_S), LONGEST_REST_S)
            self._rests_until = now + self._rest_s


def longest_wait_s(attempts: int, first_wait_s: float) -> float:
    """Return how many seconds an event waits at most that failed so many times: each time twice as long."""
    state: Any = RetryCallState(None, None, (), {})  # type: ignore[arg-type]  # of it only the number counts
    state.attempt_number = attempts
    return wait_exponential(multiplier=first_wait_s, max=LONGEST_WAIT_S)(state)


def wait_s(attempts: int, first_wait_s: float) -> float:
    """Return how many seconds it waits: half of that at least, so that not all come back at once."""
    return longest_wait_s(attempts, first_wait_s) * random.uniform(0.5, 1)  # noqa: S311  # no secret
