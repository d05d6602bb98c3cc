"""Places in a JSON document, and the document with one of them changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

from cambist._json import decode

Path = tuple[str | int, ...]
REMOVED: Final = object()
"""Stands for no value at all: the key, or the item of a list, goes."""


def loaded(body: bytes) -> Any:
    """Return a JSON object or list to be changed and written again; ``None`` if the body is something else.

    Integers past 64 bits are decimals in it, since only those can be written again.
    """
    try:
        document = decode(body)
    except ValueError:
        return None
    return _writable(document) if isinstance(document, dict | list) else None


def walk(document: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Return every place below a document with what stands there, outer ones first."""
    items: Any = ()
    if isinstance(document, dict):
        items = document.items()
    elif isinstance(document, list):
        items = enumerate(document)
    for key, value in items:
        yield (*path, key), value
        yield from walk(value, (*path, key))


def objects(document: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Return every object in a document, itself included, with its place."""
    if isinstance(document, dict):
        yield (), document
    yield from ((path, value) for path, value in walk(document) if isinstance(value, dict))


def shown(path: Path) -> str:
    """Return a path as faults name it: ``transactions[0].amount``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "(the whole body)"


def changed(document: Any, path: Path, value: Any) -> bytes:
    """Return a document as JSON with another value in one place. The document itself stays as it is."""
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    last: Any = path[-1]
    before = list(holder) if isinstance(holder, list) else dict(holder)
    if value is REMOVED:
        del holder[last]
    else:
        holder[last] = value
    try:
        return written(document)
    finally:
        holder.clear()
        if isinstance(holder, list):
            holder.extend(before)
        else:
            holder.update(before)


def replaced(document: Any, changes: Mapping[Path, Any]) -> bytes:
    """Return a document as JSON with several changes. It is changed itself, inner places first."""
    for path, value in sorted(changes.items(), key=lambda change: len(change[0]), reverse=True):
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        last: Any = path[-1]
        if isinstance(holder, list) and last >= len(holder):
            continue  # an item before it was removed
        if value is REMOVED:
            del holder[last]
        else:
            holder[last] = value
    return written(document)


def written(document: Any) -> bytes:
    """Return a document as JSON, numbers with all their digits."""
    return orjson.dumps(document, default=_number)


def _number(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} has no exact form in JSON")


def _writable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _writable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    if type(value) is int and not -(2**63) <= value < 2**64:
        return Decimal(value)
    return value
