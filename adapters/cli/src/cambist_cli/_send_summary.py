"""What a receiver answered: counted, in the same little memory however many deliveries there were."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field
from rich.table import Table

from cambist_cli._send_client import Outcome
from cambist_cli._send_plan import Kind

# Times are counted in classes of one hundredth.
_STEP: Final = math.log(1.01)


@define
class Summary:
    """The outcomes of a run.

    Attributes:
        answers: How often each kind of delivery got each answer.
        times: How long the answers took, by class.
        attempts: How many requests were sent.
        retried: How many deliveries were sent more than once.
        accepted_forgeries: How many forged deliveries were acknowledged.
        unexpected: How many deliveries were not answered as they should be, those included.
    """

    answers: Counter[tuple[Kind, int | str]] = field(factory=Counter)
    times: Counter[int] = field(factory=Counter)
    attempts: int = 0
    retried: int = 0
    accepted_forgeries: int = 0
    unexpected: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one delivery."""
        self.answers[outcome.kind, outcome.answer] += 1
        self.attempts += outcome.attempts
        self.retried += outcome.attempts > 1
        self.accepted_forgeries += outcome.kind is Kind.FORGED and outcome.is_accepted
        self.unexpected += not outcome.is_expected
        if isinstance(outcome.answer, int):
            self.times[math.ceil(math.log(max(outcome.seconds, 1e-6)) / _STEP)] += 1

    @property
    def deliveries(self) -> int:
        """How many deliveries were sent."""
        return self.answers.total()

    def percentile(self, share: float) -> float | None:
        """Return the seconds within which this share of the answers came, to one hundredth of it."""
        left = math.ceil(self.times.total() * share)
        for step in sorted(self.times):
            left -= self.times[step]
            if left <= 0:
                return math.exp(step * _STEP)
        return None

    def document(self, seconds: float, seed: int) -> dict[str, Any]:
        """Return all of it, to be written as JSON.

        Args:
            seconds: How long the run took.
            seed: What makes the same run again.
        """
        answers: dict[str, dict[str, int]] = {}
        for (kind, answer), count in sorted(self.answers.items(), key=str):
            answers.setdefault(kind, {})[str(answer)] = count
        return {
            "deliveries": self.deliveries,
            "attempts": self.attempts,
            "retried": self.retried,
            "answers": answers,
            "accepted_forgeries": self.accepted_forgeries,
            "unexpected": self.unexpected,
            "seconds": round(seconds, 3),
            "p50_ms": _milliseconds(self.percentile(0.5)),
            "p99_ms": _milliseconds(self.percentile(0.99)),
            "seed": seed,
        }


def shown(document: dict[str, Any]) -> Iterator[Table | str]:
    """Return a summary to be read: a table, and the numbers below it."""
    table = Table()
    for name in ("delivery", "answer", "count"):
        table.add_column(name, justify="right" if name == "count" else "left")
    for kind, answers in document["answers"].items():
        for answer, count in answers.items():
            table.add_row(kind, answer, str(count))
    yield table
    seconds = document["seconds"]
    rate = document["attempts"] / max(seconds, 0.001)
    yield f"{document['deliveries']} deliveries in {seconds} s, {rate:.1f} requests/s"
    if document["p50_ms"] is not None:
        yield f"answered within {document['p50_ms']} ms (half), {document['p99_ms']} ms (99 of 100)"
    if document["retried"]:
        yield f"{document['retried']} were sent more than once"
    yield f"--seed {document['seed']} sends the same again"


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
