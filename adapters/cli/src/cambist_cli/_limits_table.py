"""``[limits]`` of the configuration file."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from cambist_aiohttp import Limits, Rate
from cambist_cli._checks import Check, checked, is_whole


def _seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 3600


def _whole(low: int, high: int) -> Check:
    return checked(lambda value: is_whole(value, low, high), f"is not a whole number from {low} to {high}")


_time = checked(_seconds, "is not a number of seconds up to 3600")


@frozen
class LimitsTable:
    """``[limits]``: how much of everything a sender may take, in one process.

    Args:
        head_timeout_s: Within how many seconds of connecting a request's head has to be complete.
        idle_timeout_s: After how many seconds without a request a connection is closed.
        body_timeout_s: Within how many seconds of its head a body has to be complete.
        max_header: The longest request line, and the longest header, in bytes.
        max_connections: How many connections are open.
        max_concurrent: How many deliveries are worked on.
        rate: How many deliveries a second each source may bring; without limit unless given.
        burst: How many of them at once; as many as in a second unless given.
    """

    head_timeout_s: float = field(default=10, validator=_time)
    idle_timeout_s: float = field(default=75, validator=_time)
    body_timeout_s: float = field(default=20, validator=_time)
    max_header: int = field(default=8190, validator=_whole(1024, 65536))
    max_connections: int = field(default=800, validator=_whole(1, 1_000_000))
    max_concurrent: int = field(default=256, validator=_whole(1, 100_000))
    rate: int | None = field(
        default=None,
        validator=checked(
            lambda rate: rate is None or is_whole(rate, 1, 1_000_000),
            "is not a whole number from 1 to 1000000",
        ),
    )
    burst: int | None = field(
        default=None,
        validator=checked(
            lambda burst: burst is None or is_whole(burst, 1, 1_000_000),
            "is not a whole number from 1 to 1000000",
        ),
    )

    def __attrs_post_init__(self) -> None:
        if self.burst is not None and self.rate is None:
            raise ValueError("burst: needs a rate")

    def limits(self, max_body: int) -> Limits:
        """Return the limits. As many bytes are held as 64 of the largest bodies have."""
        return Limits(
            head_timeout_s=self.head_timeout_s,
            idle_timeout_s=self.idle_timeout_s,
            body_timeout_s=self.body_timeout_s,
            max_header=self.max_header,
            max_connections=self.max_connections,
            max_concurrent=self.max_concurrent,
            max_buffered=64 * max_body,
            rate=None if self.rate is None else Rate(self.rate, self.burst or self.rate),
        )
