"""A stored delivery, read by the mapping of today, and what is different then. Nothing is written here."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from cambist import Delivery, Pipeline, Processed, Status, Verdict, Verification, to_json
from cambist.errors import PayloadError, UnknownSource
from cambist_inbox._differences import Difference, differences
from cambist_inbox._items import Row
from cambist_inbox._sealed import BODY
from cambist_inbox._vault import SealError, Vault


class Result(StrEnum):
    """What became of one delivery in a replay."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    RELEASED = "released"
    QUARANTINED = "quarantined"
    NO_BODY = "no body"
    OTHER_IDENTITY = "other identity"
    UNREADABLE = "unreadable"
    SEALED = "sealed"
    NO_SOURCE = "no source"

    @property
    def failed(self) -> bool:
        """Whether a person has to see to it."""
        return self in _FAILED


_FAILED = {Result.OTHER_IDENTITY, Result.UNREADABLE, Result.SEALED, Result.NO_SOURCE}


@frozen
class Change:
    """An event that is another now, or new.

    Attributes:
        event_id: Its identifier.
        before: Its document as it was stored; nothing for one that is new.
        after: Its document now.
        differences: The members in which they differ.
    """

    event_id: str
    before: bytes | None = field(repr=False)
    after: bytes = field(repr=False)
    differences: tuple[Difference, ...]


@frozen
class VerdictChange:
    """An event that has done something else to its payment, by all that is known now."""

    event_id: str
    before: Verdict | None
    after: Verdict


@frozen
class PaymentChange:
    """A payment that stands elsewhere now; nowhere if all of its events are another payment's."""

    reference: str
    before: Status | None
    after: Status | None


@frozen
class Replayed:
    """What became of one delivery.

    Attributes:
        delivery_id: Its number.
        source: The name of its source.
        result: What became of it.
        changes: The events that are different.
        verdicts: The events of the same payments that have done something else.
        payments: The payments that stand elsewhere.
        problem: Why it failed or is still in quarantine. It shows no value.
    """

    delivery_id: int
    source: str
    result: Result
    changes: tuple[Change, ...] = ()
    verdicts: tuple[VerdictChange, ...] = ()
    payments: tuple[PaymentChange, ...] = ()
    problem: str | None = None


@frozen
class Read:
    """A delivery that was read again."""

    row: Row = field(repr=False)
    processed: Processed = field(repr=False)


def read_again(pipeline: Pipeline, vault: Vault, row: Row) -> Read | Replayed:
    """Return a stored delivery as the pipeline reads it now, or why that cannot be."""
    if row["body"] is None:
        return _without(row, Result.NO_BODY, "its body was dropped")
    problem = ""
    try:
        body = BODY.open(vault, row) or b""
        delivery = Delivery(row["source"], _headers(row), body, row["received_at"])
        return Read(row, pipeline.parse(delivery, _verification(row)))
    except SealError as error:
        result, problem = Result.SEALED, error.reason
    except UnknownSource:
        result, problem = Result.NO_SOURCE, "its source is not configured any more"
    except PayloadError as error:
        still = row["problem"] is not None
        result, problem = Result.QUARANTINED if still else Result.UNREADABLE, error.reason
    return _without(row, result, problem)


def compare(
    read: Read, own: Mapping[str, bytes], elsewhere: Collection[str]
) -> tuple[Result, tuple[Change, ...]]:
    """Return what is different now.

    Args:
        read: The delivery.
        own: The documents of its events, as they are stored.
        elsewhere: Which of its other events came with another delivery first: they stay that one's.
    """
    quarantined = read.row["problem"] is not None
    events = {event.id: event for event in read.processed.events}
    fresh = [id_ for id_ in events if id_ not in own and id_ not in elsewhere]
    gone = own.keys() - events.keys()
    if gone or (fresh and not quarantined):
        return Result.OTHER_IDENTITY, ()
    changes = []
    for id_, event in events.items():
        after = to_json(event)
        if id_ in fresh:
            changes.append(Change(id_, None, after, ()))
        elif id_ in own and (found := differences(own[id_], after)):
            changes.append(Change(id_, own[id_], after, found))
    if quarantined:
        return Result.RELEASED, tuple(changes)
    return (Result.CHANGED if changes else Result.UNCHANGED), tuple(changes)


def _without(row: Row, result: Result, problem: str) -> Replayed:
    return Replayed(row["id"], row["source"], result, problem=problem)


def _headers(row: Row) -> list[tuple[str, str]]:
    kept: list[list[Any]] = json.loads(row["headers"])
    return [(str(name), str(value)) for name, value in kept]


def _verification(row: Row) -> Verification | None:
    return None if row["scheme"] is None else Verification(row["scheme"], row["label"])
