"""What ``ach-access-sign`` is made of: the body with its keys sorted and what is empty left out.

https://alchemypay.readme.io/docs/about-the-sign-1
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from cambist import decode_json, encode_json


def canonical(body: bytes) -> bytes:
    """Return the form of a body that the vendor signs; one that is no JSON, or is too deep, as it is."""
    try:
        return encode_json(_sorted(decode_json(body)))
    except (ValueError, RecursionError):
        return body


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        items = ((key, _sorted(item)) for key, item in sorted(value.items()))
        return {key: item for key, item in items if not _empty(item)}
    if isinstance(value, list):
        return _sorted_list(item for item in map(_sorted, value) if not _empty(item))
    return value


def _sorted_list(items: Iterable[Any]) -> list[Any]:
    """Return integers, other numbers and strings, each kind in order, then the rest in the order given."""
    kinds: dict[type, list[Any]] = {int: [], Decimal: [], str: []}
    rest: list[Any] = []
    for item in items:
        kinds.get(type(item), rest).append(item)
    return [item for kind in kinds.values() for item in sorted(kind)] + rest


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})
