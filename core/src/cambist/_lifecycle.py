"""Where a payment stands, and how events move it: a pure reducer that any order of arrival agrees with."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import evolve, frozen

if TYPE_CHECKING:
    from cambist._event import PaymentEvent


class Status(StrEnum):
    """Where a payment stands, in one vocabulary for all providers."""

    CREATED = "created"
    AWAITING_PAYMENT = "awaiting_payment"
    ACTION_REQUIRED = "action_required"
    PROCESSING = "processing"
    ON_HOLD = "on_hold"
    PARTIALLY_PAID = "partially_paid"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"

    @property
    def final(self) -> bool:
        """Whether the payment normally ends here. Late money and refunds can still follow."""
        return self in FINAL


FINAL = frozenset(
    {
        Status.COMPLETED,
        Status.FAILED,
        Status.CANCELLED,
        Status.EXPIRED,
        Status.PARTIALLY_REFUNDED,
        Status.REFUNDED,
    }
)


class Verdict(StrEnum):
    """What an event did to the state of its payment."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    STALE = "stale"
    CONFLICTING = "conflicting"


# The phase outweighs time: money that arrived stays arrived, whatever is said of it later, and a
# refund is told after the payment it undoes. Inside a phase the provider's time decides, and this
# order where times are equal or absent.
_PHASES = (
    (Status.UNKNOWN,),
    (
        Status.CREATED,
        Status.AWAITING_PAYMENT,
        Status.ACTION_REQUIRED,
        Status.ON_HOLD,
        Status.PARTIALLY_PAID,
        Status.PROCESSING,
        Status.EXPIRED,
        Status.CANCELLED,
        Status.FAILED,
    ),
    (Status.COMPLETED,),
    (Status.REFUNDING, Status.PARTIALLY_REFUNDED, Status.REFUNDED),
)
PHASE = {status: phase for phase, statuses in enumerate(_PHASES) for status in statuses}
RANK = {status: rank for rank, status in enumerate(s for statuses in _PHASES for s in statuses)}
_NEVER_PAID = frozenset({Status.EXPIRED, Status.CANCELLED, Status.FAILED})


@frozen
class PaymentState:
    """What is known of one payment: the newest status that carried a time, and the highest that did not.

    Both are kept because a provider may give a time in some events only, and comparing such pairs
    one by one could go round in a circle. The higher of the two is the payment's status.
    """

    timed: Status = Status.UNKNOWN
    occurred_at: datetime | None = None
    untimed: Status = Status.UNKNOWN

    @property
    def status(self) -> Status:
        """Where the payment stands."""
        return max(self.timed, self.untimed, key=RANK.__getitem__)

    @property
    def final(self) -> bool:
        """Whether the payment normally ends here."""
        return self.status.final


def advance(state: PaymentState | None, event: PaymentEvent) -> tuple[PaymentState, Verdict]:
    """Apply one event to the state of its payment.

    Whatever the order in which a set of events arrives, and however often each does, the state after
    all of them is the same.

    Args:
        state: What was known before; ``None`` for a payment not seen yet.
        event: The event; only its status and ``occurred_at`` count.

    Returns:
        The state after it, and what the event did. ``applied`` moved the status; ``unchanged`` repeated
        it; ``stale`` came after a newer one, or after one of higher rank where a time is missing;
        ``conflicting`` contradicts money that has arrived and no time shows it to be older, which a person
        should look at. The last two leave the status.
    """
    known = state or PaymentState()
    status, at = event.status, event.occurred_at
    if at is None:
        new = evolve(known, untimed=max(known.untimed, status, key=RANK.__getitem__))
    elif known.occurred_at is None or _order(status, at) > _order(known.timed, known.occurred_at):
        new = evolve(known, timed=status, occurred_at=at)
    else:
        new = known
    if new.status is not known.status or state is None:
        return new, Verdict.APPLIED
    if status is known.status or status is Status.UNKNOWN:
        return new, Verdict.UNCHANGED
    older = at is not None and known.occurred_at is not None and at <= known.occurred_at
    if PHASE[known.status] > PHASE[status] and not older and (at is not None or status in _NEVER_PAID):
        return new, Verdict.CONFLICTING
    return new, Verdict.STALE


def _order(status: Status, at: datetime) -> tuple[int, datetime, int]:
    return PHASE[status], at, RANK[status]
