"""JSON in, every digit kept: the one decoder for what comes from outside."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import orjson

# A number that a double might change follows one of : , [ and has a point, an exponent, or more
# digits than an int64 is sure to hold. With all digits mapped to 0, these three to : and the marks
# to a point, it is found by a search for one literal. A string can look like that too: the exact
# decoder is then taken for nothing, and gives the same.
_SHAPE = bytes(
    ord("0") if 48 <= c <= 57 else ord(":") if c in b",[" else ord(".") if c in b"eE" else c
    for c in range(256)
)
_inexact = re.compile(rb":0(?:0*\.|0{17})").search
_TOO_DEEP = "is nested too deeply"
_TOO_LONG = "holds a number that is too long"
_exact = json.JSONDecoder(parse_float=Decimal).decode


def decode(data: bytes) -> Any:
    """Return a JSON document with fractions as ``Decimal`` and integers of any size, digit by digit.

    It is strict (RFC 8259): UTF-8, no NaN or Infinity, no lone surrogate, at most 1024 levels. The last of
    duplicate keys counts.

    Raises:
        ValueError: It is not such a document. The message says where, and holds nothing of it.
    """
    try:
        value = orjson.loads(data)
        if value.__class__ is float or _inexact(data.translate(_SHAPE, b" \t\r\n-")):
            value = _exact(data.decode())
    except orjson.JSONDecodeError as error:
        too_long = "infinity" in error.msg  # orjson has no room for a number of 400 digits
        too_deep = "depth limit" in error.msg
        problem = f"is not valid JSON (at character {error.pos})"
        problem = _TOO_LONG if too_long else _TOO_DEEP if too_deep else problem
    except RecursionError:
        problem = _TOO_DEEP
    except (ValueError, ArithmeticError):
        problem = _TOO_LONG
    else:
        return value
    raise ValueError(problem)


def encode(value: Any) -> bytes:
    """Return compact JSON of what `decode` gives, numbers with all their digits.

    Raises:
        TypeError: It holds something that JSON has no form for.
    """
    return orjson.dumps(plain(value))


def plain(value: Any) -> Any:
    """Return the same with each number that orjson would change or refuse as a finished fragment."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if type(value) is Decimal and value.is_finite():
        return orjson.Fragment(str(value))
    if type(value) is int:
        return orjson.Fragment(str(value))
    if value is None or isinstance(value, str | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no exact form in JSON")


# The names under which the package offers them.
decode_json, encode_json = decode, encode
