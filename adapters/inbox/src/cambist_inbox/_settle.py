"""Where payments stand after some of their events have become others. Pure: rows in, rows out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, cast

from attrs import frozen

from cambist import PaymentState, Status, Verdict, advance

if TYPE_CHECKING:
    from cambist import PaymentEvent


@frozen
class Step:
    """As much of an event as moves its payment.

    Attributes:
        seq: Its place among all events; nothing for one that is new.
        event_id: The event's identifier.
        status: Its status.
        occurred_at: Its time.
        verdict: What is stored of what it did; nothing for an event that is new.
    """

    seq: int | None
    event_id: str
    status: Status
    occurred_at: datetime | None
    verdict: Verdict | None


@frozen
class Settled:
    """A payment after all of its events.

    Attributes:
        state: Where it stands; nothing if no event is left.
        verdicts: What each event did, by its identifier, where that is not what is stored.
    """

    state: PaymentState | None
    verdicts: dict[str, Verdict]


def settle(steps: Iterable[Step]) -> Settled:
    """Apply a payment's events in the order in which they were stored."""
    state: PaymentState | None = None
    verdicts = {}
    for step in sorted(steps, key=lambda each: (each.seq is None, each.seq or 0)):
        # The reducer asks for these two members only, and says so.
        state, verdict = advance(state, cast("PaymentEvent", step))
        if verdict is not step.verdict:
            verdicts[step.event_id] = verdict
    return Settled(state, verdicts)
