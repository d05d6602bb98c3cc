"""What is on a broker: topics in partitions, and who reads them."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from attrs import frozen

DEFAULT_PARTITIONS: Final = 16
"""How many partitions a topic has unless configured otherwise."""


@frozen
class Topic:
    """Messages of one sort, in partitions. Those of one key are in one partition, and keep their order there.

    Args:
        name: Parts of letters, digits, ``_`` and ``-`` with dots between them: ``cambist.events``.
        partitions: How many partitions it has. It stays as it was created: with another number, keys would be
            in other partitions, and lose their order. 0 is somebody else's topic, with as many as it has.
        groups: Who reads it. Each group gets every message, and the readers of a group share them.
        keep: What happens to a message that every group has read: ``True`` leaves it until it is too old.
        max_age_s: After how many seconds a message is too old; ``None`` for never.
        max_bytes: How large the topic becomes before the oldest messages go; ``None`` for no bound.
        redeliver_after_s: After how many seconds a message of a reader that died is handed to another one.
    """

    name: str
    partitions: int = DEFAULT_PARTITIONS
    groups: tuple[str, ...] = ()
    keep: bool = True
    max_age_s: int | None = None
    max_bytes: int | None = None
    redeliver_after_s: float = 30

    @property
    def ours(self) -> bool:
        """Whether it is ours to make and to send to."""
        return self.partitions > 0


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a key: CRC-32 of its UTF-8 bytes, modulo their number. Any language has it."""
    return crc32(key.encode(errors="surrogateescape")) % partitions


def dead_letters(topic: Topic) -> Topic:
    """Return the topic of what cannot be read of another one. It is bounded: it may be anybody's."""
    return Topic(f"{topic.name}.dead", partitions=1, groups=("inspect",), max_bytes=256 * 1024 * 1024)
