"""What is different between two documents of one event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cambist import decode_json

# Which release made a document is no difference by itself: the same content keeps its maker.
_MAKER = "plugin_version"


class Difference(NamedTuple):
    """One member that is not the same.

    Attributes:
        path: Where: ``amounts.received.amount``.
        before: What stood there; nothing also where it was absent.
        after: What stands there now.
    """

    path: str
    before: Any
    after: Any

    def __repr__(self) -> str:
        return f"<Difference {self.path}>"  # the values are of a payload


def differences(before: bytes, after: bytes) -> tuple[Difference, ...]:
    """Return every member in which two documents differ, except for the release that made them."""
    if before == after:
        return ()
    found = _differences("", decode_json(before), decode_json(after))
    return tuple(each for each in found if each.path != _MAKER)


def _differences(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            inner = f"{path}.{name}" if path else name
            yield from _differences(inner, before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(f"{path}[{index}]", one, other)
    elif repr(before) != repr(after):  # 1.0 and 1.00 are equal, and not the same
        yield Difference(path, before, after)
