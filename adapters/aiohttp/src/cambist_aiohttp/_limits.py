"""How much of everything a sender may take."""

from __future__ import annotations

from attrs import frozen

from cambist_aiohttp._rates import Rate


@frozen(kw_only=True)
class Limits:
    """How long we wait, and how much is held at once, in one process.

    Where there is no place left, whoever has kept us waiting for the longest time gives way. So senders
    that drip cannot keep others out, however many they are.

    Args:
        head_timeout_s: Within how many seconds of connecting a request's head has to be complete.
        idle_timeout_s: After how many seconds a connection is closed on which no further request came.
            Make it longer than your proxy's.
        body_timeout_s: Within how many seconds of its head a body has to be complete.
        max_header: The longest request line, and the longest header, in bytes. All of a head together may
            be four times as long.
        max_connections: How many connections are open. Keep it below the limit of open files.
        max_concurrent: How many deliveries are worked on.
        max_buffered: How many bytes their bodies, and those still arriving, take together.
        rate: How often a source may deliver; without limit unless given.
    """

    head_timeout_s: float = 10
    idle_timeout_s: float = 75
    body_timeout_s: float = 20
    max_header: int = 8190
    max_connections: int = 800
    max_concurrent: int = 256
    max_buffered: int = 64 * 1024 * 1024
    rate: Rate | None = None

    @property
    def max_head(self) -> int:
        """The longest head, in bytes; the longest trailers as well."""
        return 4 * self.max_header
