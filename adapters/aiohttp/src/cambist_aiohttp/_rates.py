"""How often a source may deliver."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import field, frozen

from cambist.errors import ConfigurationError


@frozen
class Rate:
    """How many deliveries a source may bring.

    Args:
        per_second: In the long run.
        burst: At once, after a pause; at least one.

    Raises:
        ConfigurationError: One of them is not positive.
    """

    per_second: float
    burst: int

    def __attrs_post_init__(self) -> None:
        if not (self.per_second > 0 and self.burst >= 1):
            raise ConfigurationError("a rate is more than 0 a second, and its burst at least 1")


@frozen
class Buckets:
    """A token bucket for each source, kept as the one time at which it will be full again.

    Args:
        rate: How fast they fill, and how many tokens they hold.
        clock: Seconds that never go back.
    """

    rate: Rate
    clock: Callable[[], float] = time.monotonic
    _full_at: dict[str, float] = field(init=False, factory=dict, repr=False)

    def wait(self, source: str) -> float:
        """Return in how many seconds there is a token; 0 if there is one now."""
        now = self.clock()
        missing = (self._full_at.get(source, now) - now) * self.rate.per_second
        return max(0.0, (missing - self.rate.burst + 1) / self.rate.per_second)

    def take(self, source: str) -> float:
        """Take a token and return 0; or return in how many seconds there is one. Only for known sources."""
        if wait := self.wait(source):
            return wait
        self._full_at[source] = max(self._full_at.get(source, 0.0), self.clock()) + 1 / self.rate.per_second
        return 0.0

    def give_back(self, source: str) -> None:
        """Put a token back that was taken for what was no delivery of the source's."""
        if source in self._full_at:
            self._full_at[source] -= 1 / self.rate.per_second
