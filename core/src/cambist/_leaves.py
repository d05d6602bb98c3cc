"""What JSON's plain values may become. Strict: nothing is coerced, and no message holds a value.

Each reader takes its own result again (see `_payload`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NewType

from cambist._money import MAX_DIGITS, BaseUnits, exact

Identifier = NewType("Identifier", str)
"""A provider's identifier: a string or an integer on the wire, text to us."""

Code = NewType("Code", str)
"""A short word, such as a currency's code: a string of 1 to 64 characters."""

Count = NewType("Count", int)
"""A whole number from zero: an integer or its digits on the wire."""

UnixTime = NewType("UnixTime", datetime)
"""A time: whole Unix seconds on the wire."""

IsoTime = NewType("IsoTime", datetime)
"""A time: ISO 8601 with a zone on the wire. Digits past the microsecond are dropped."""

# JSON comes in with 1024 levels, and orjson writes 254 of them, those of the event around it included.
MAX_LEVELS: Final = 100


class Misfit(ValueError):  # noqa: N818  # it becomes a Fault or an Anomaly before anyone sees it
    """A value is not of the documented type; the message says what it is not."""


def text(value: Any) -> str:
    """Take a string."""
    if value.__class__ is str:
        return value
    raise Misfit("is not a string")


def identifier(value: Any) -> Identifier:
    """Take a string that is not empty, or an integer."""
    if value.__class__ is str and value:
        return Identifier(value)
    if value.__class__ is int:
        return Identifier(str(number(value)))
    raise Misfit("is neither an integer nor a string, or is empty")


def code(value: Any) -> Code:
    """Take a string of 1 to 64 characters."""
    if value.__class__ is str and 0 < len(value) <= 64:
        return Code(value)
    raise Misfit("is not a string of 1 to 64 characters")


def integer(value: Any) -> int:
    """Take an integer, which true and false are not."""
    if value.__class__ is int:
        return value
    raise Misfit("is not an integer")


def count(value: Any) -> Count:
    """Take an integer from zero, or its digits."""
    if value.__class__ is int and 0 <= value < 10**18:
        return Count(value)
    if value.__class__ is str and value.isdigit() and value.isascii() and len(value) <= 18:
        return Count(int(value))
    raise Misfit("is not a whole number")


def base_units(value: Any) -> BaseUnits:
    """Take a whole number from zero, or its digits, as large as money can be."""
    if value.__class__ is str and value.isdigit() and value.isascii() and len(value) <= MAX_DIGITS:
        return BaseUnits(int(value))
    if value.__class__ is int and 0 <= value < 10**MAX_DIGITS:
        return BaseUnits(value)
    raise Misfit("is not a whole number of base units")


def boolean(value: Any) -> bool:
    """Take true or false."""
    if value.__class__ is bool:
        return value
    raise Misfit("is not true or false")


def number(value: Any) -> Decimal:
    """Take an exact number, or a string of one."""
    try:
        return exact(value)
    except ValueError as error:
        problem = str(error)
    raise Misfit(problem)


def unix_time(value: Any) -> UnixTime:
    """Take whole Unix seconds."""
    if value.__class__ is datetime:
        return UnixTime(value)
    try:
        return UnixTime(datetime.fromtimestamp(integer(value), UTC))
    except (ValueError, OverflowError, OSError):
        pass
    raise Misfit("is not a Unix time")


def iso_time(value: Any) -> IsoTime:
    """Take an ISO 8601 time with a zone."""
    if value.__class__ is datetime:
        return IsoTime(value)
    try:
        when = datetime.fromisoformat(text(value))
        if when.tzinfo is not None:
            return IsoTime(when.astimezone(UTC))
    except (ValueError, OverflowError):  # the latter at the ends of the calendar
        pass
    raise Misfit("is not an ISO 8601 time with a zone")


def mapping(value: Any) -> Mapping[str, Any]:
    """Take an object as it is, of no more levels than an encoder can follow."""
    if value.__class__ is not dict:
        raise Misfit("is not an object")
    level: list[Any] = [value]
    for _ in range(MAX_LEVELS):
        items = (item for outer in level for item in (outer.values() if outer.__class__ is dict else outer))
        level = [item for item in items if item.__class__ is dict or item.__class__ is list]
        if not level:
            return value
    raise Misfit("is nested too deeply")


def anything(value: Any) -> Any:
    """Take a value as it is."""
    return value


def binary_float(_value: Any) -> float:
    """Refuse: whoever declares a float wants a Decimal."""
    raise TypeError("declare Decimal: a float has lost digits")


LEAVES: dict[Any, Callable[[Any], Any]] = {
    str: text,
    Identifier: identifier,
    Code: code,
    int: integer,
    Count: count,
    BaseUnits: base_units,
    bool: boolean,
    Decimal: number,
    UnixTime: unix_time,
    IsoTime: iso_time,
    Any: anything,
    object: anything,
    float: binary_float,
}
