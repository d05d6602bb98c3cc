"""What a simulation sends, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from random import Random
from typing import Final, TypeVar

from attrs import frozen

from cambist import Sample
from cambist_cli._send_variants import Vary

T = TypeVar("T")
WINDOW: Final = 1000
"""Among how many deliveries ``--shuffle`` changes the order: what waits is held in memory."""


class Kind(StrEnum):
    """Why a delivery is sent."""

    GENUINE = "genuine"
    DUPLICATE = "duplicate"
    """One that is sent besides, word for word, and signed again."""
    FORGED = "forged"
    """One that is sent besides, with something changed after it was signed."""


@frozen
class Shot:
    """One delivery to be sent.

    Attributes:
        kind: Why it is sent.
        sample: What is sent.
        seed: What is changed in a forged one depends on it.
    """

    kind: Kind
    sample: Sample
    seed: int = 0


def shots(
    varied: Sequence[Vary], count: int, *, duplicate: float, tamper: float, rng: Random
) -> Iterator[Shot]:
    """Return what to send, in the order of the samples: each in turn, with a new identity in each round.

    Args:
        varied: The samples.
        count: How many genuine deliveries.
        duplicate: For which share of them there is a duplicate.
        tamper: For which share of them there is a forgery.
        rng: Where the numbers of a run begin: two runs do not send the same events.
    """
    begin = rng.randrange(2**30)
    for index in range(count):
        number, which = divmod(index, len(varied))
        sample = varied[which](begin + number if number else 0)
        yield Shot(Kind.GENUINE, sample)
        if _is_due(index, duplicate):
            yield Shot(Kind.DUPLICATE, sample)
        if _is_due(index, tamper):
            yield Shot(Kind.FORGED, sample, rng.randrange(2**30))


def total(count: int, *, duplicate: float, tamper: float) -> int:
    """Return how many deliveries `shots` returns."""
    return count + int(count * duplicate) + int(count * tamper)


def shuffled(items: Iterable[T], rng: Random) -> Iterator[T]:
    """Return items in a random order, none of them moved to the front by more than `WINDOW` places."""
    waiting: list[T] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == WINDOW:
            yield _any(waiting, rng)
    while waiting:
        yield _any(waiting, rng)


def _is_due(index: int, share: float) -> bool:
    """Whether it is this one's turn, so that a share is met exactly and evenly."""
    return int((index + 1) * share) > int(index * share)


def _any(items: list[T], rng: Random) -> T:
    index = rng.randrange(len(items))
    items[index], items[-1] = items[-1], items[index]
    return items.pop()
