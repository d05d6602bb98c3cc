"""What webhooks and orders are made of: spellings, times, references, sums, the merchant's own data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cambist import Amounts, Context, Kind, Money, Status, decode_json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Before this the number must be seconds: as milliseconds it would be of 1973.
_EARLIEST_MS = 10**11
# The vendor states one amount, whether it came or is only asked for. Under these it did not, or went back.
_NOTHING_CAME = frozenset(
    {Status.AWAITING_PAYMENT, Status.FAILED, Status.EXPIRED, Status.REFUNDING, Status.REFUNDED}
)
_is_reference = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII).fullmatch


def respell(cls: type, document: Any, path: str, context: Context) -> None:
    """Bring the keys of an object from camelCase to the snake_case of its payload class, in place."""
    if not isinstance(document, dict):
        return
    for name, other in _spellings(cls):
        if other in document:
            value = document.pop(other)
            if document.get(name) is None:
                document[name] = value
            elif value is not None and value != document[name]:
                context.anomaly(f"{path}{other}", f"is not the same as {name}, which counts")


@cache
def _spellings(cls: type) -> tuple[tuple[str, str], ...]:
    names = ((name, re.sub("_(.)", lambda found: found[1].upper(), name)) for name in cls.__annotations__)
    return tuple((name, other) for name, other in names if name != other)


def time(value: object, path: str, context: Context) -> datetime | None:
    """Return a time that is ISO 8601 with a zone, or integer Unix milliseconds; another is noted."""
    when = None
    try:
        if isinstance(value, str):
            when = datetime.fromisoformat(value)
        elif type(value) is int and value >= _EARLIEST_MS:
            when = _EPOCH + timedelta(milliseconds=value)
        if when is not None and when.tzinfo is not None:
            return when.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    if value is not None:
        context.anomaly(path, "is neither an ISO 8601 time with a zone nor Unix milliseconds")
    return None


def reference(text: str | None, path: str, context: Context) -> str | None:
    """Return the merchant's reference as it is, and note one that the vendor's rule does not allow."""
    if text is not None and not _is_reference(text):
        context.anomaly(path, "is not up to 255 letters, digits, - and _")
    return text


def comes(kind: Kind, status: Status) -> bool:
    """Whether the stated amount goes to the receiver."""
    return kind is not Kind.TEST and status not in _NOTHING_CAME


def amounts(money: Money | None, *, comes: bool) -> Amounts:
    """Return the one sum as what the receiver gets, or else as what was asked for."""
    return Amounts(received=money) if comes else Amounts(requested=money)


def metadata(
    form: object, discount: str | None, session: object, session_path: str, context: Context
) -> Mapping[str, Any]:
    """Return the merchant's own data: what the form asked for, a discount code, what the session carries.

    A payer can type anything into the form, so under one name the others count.
    """
    answers = _opened(form, "data.form_data", context)
    ours = {"discount_code": discount} if discount else {}
    ours |= _opened(session, session_path, context)
    if any(answers[name] != ours[name] for name in answers.keys() & ours.keys()):
        context.anomaly("data.form_data", "has a name that the session's own data has too, which counts")
    return answers | ours


def _opened(value: object, path: str, context: Context) -> dict[str, Any]:
    """Return an object that may come as a string of JSON."""
    if isinstance(value, str):
        try:
            value = decode_json(value.encode())
        except ValueError:
            value = ()  # no object, as the next lines say
    if isinstance(value, dict):
        return value
    if value is not None:
        context.anomaly(path, "is neither an object nor JSON of one")
    return {}
