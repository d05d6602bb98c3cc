"""All that is wrong with a document, where what reads it stops at the first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final, Generic, TypeVar

from attrs import field, frozen

from cambist.errors import ConfigurationError
from cambist_cli._tables import table_labels
from cambist_cli._toml_lines import Path

T = TypeVar("T")
_key = re.compile(r"[\w-]+(?:\.[\w-]+|\[\d+\])*(?=: )").match
_step = re.compile(r"[\w-]+").findall

_NOTHING: Final = object()
_URL: Final = "stand-in://"
# What `[[sources]]` and `[[sinks]]` need beside a name.
_STAND_INS: Final[dict[str | int, dict[str, str]]] = {
    "sources": {"provider": "stand-in"},
    "sinks": {"url": _URL},
}


@frozen
class Problem:
    """One thing that is wrong in a document.

    Attributes:
        place: Where: the keys and indices that lead there. There may be nothing.
        text: What is wrong, as the error of `serve` says it.
    """

    place: Path
    text: str


@frozen
class Mended(Generic[T]):
    """What could be read of a document.

    Attributes:
        result: What was made of it; nothing if that could not be had.
        problems: What was wrong.
        touched: The places that something else stands in now, or nothing.
    """

    result: T | None
    problems: list[Problem] = field(factory=list)
    touched: Counter[Path] = field(factory=Counter)

    def is_touched(self, place: Path) -> bool:
        """Whether what stands there is not, or not wholly, what the document says."""
        return any(each[: len(place)] == place for each in self.touched) or self.is_replaced(place)

    def is_replaced(self, place: Path) -> bool:
        """Whether what stands there has nothing to do with what the document says."""
        return any(place[: len(each)] == each for each in self.touched)


def read_all(make: Callable[[dict[str, Any]], T], document: dict[str, Any]) -> Mended[T]:
    """Return what is made of a document, and every error on the way there.

    After an error the place that it tells is taken out, or something else put there, and all is tried again.

    Args:
        make: Makes something of the document. Its errors begin with the table and the key.
        document: As it was read. It is not changed.
    """
    original, document = document, deepcopy(document)
    found = Mended[T](None)
    while True:
        try:
            return Mended(make(document), found.problems, found.touched)
        except ConfigurationError as error:
            text = str(error)
        label, table = _table(text, document)
        rest = text.removeprefix(label)
        place = (*table, *steps(rest.lstrip()))
        if place not in found.touched:
            # A name that was put there for want of one is not the file's.
            called = label_of(original, table) if len(table) > 1 else label
            found.problems.append(Problem(place, called + rest))
        remedies = list(_remedies(place) if place else ())[found.touched[place] :]
        found.touched[place] += 1
        if not remedies:
            return found
        _put(document, *remedies[0])


def _table(text: str, document: dict[str, Any]) -> tuple[str, Path]:
    """Return which table an error names, and its place: ``[[sources]] 'shop' secrets[0]: …``."""
    for label, place in _labels(document):
        if text.startswith((f"{label} ", f"{label}:")):
            return label, place
    return "", ()


def steps(text: str) -> Path:
    """Return the path that a text begins with, if it does: ``secrets[0]: …``."""
    found = _key(text)
    return tuple(int(step) if step.isdigit() else step for step in _step(found[0])) if found else ()


def label_of(document: dict[str, Any], place: Path) -> str:
    """Return what errors call a table of an array of tables.

    Args:
        document: The document as it was read.
        place: The array's key, and the table's index.
    """
    name, index = str(place[0]), int(place[1])
    return table_labels(name, document[name])[index]


def _labels(document: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """Return what errors may call a table, the narrowest first."""
    for name, value in document.items():
        if isinstance(value, list):
            for index, label in enumerate(table_labels(name, value)):
                yield label, (name, index)
            yield f"[[{name}]]", (name,)
        elif isinstance(value, dict):
            yield f"[{name}]", (name,)
        yield name, (name,)
    yield "[[sources]]", ("sources",)  # it has to be there


def _remedies(place: Path) -> Iterator[tuple[Path, Any]]:
    """Return what to put where, so that a place is in order: each is stronger than the one before it."""
    root, *rest = place
    index = rest.pop(0) if rest and isinstance(rest[0], int) else None
    table: Path = (root,) if index is None else (root, index)
    name = "stand-in" if index is None else f"stand-in-{index}"
    if len(rest) > 1:
        yield place, name
    if rest:
        key = (*table, rest[0])
        yield key, _NOTHING
        yield key, _URL if rest[0] == "url" else name
    stand_in = _STAND_INS.get(root)
    if stand_in is None:  # not one table of an array: those after it would move up
        yield (root,), _NOTHING
    else:
        yield table, [{"name": name, **stand_in}] if index is None else {"name": name, **stand_in}


def _put(document: dict[str, Any], place: Path, value: Any) -> None:
    """Put a value into a document, or take out what is there, if there is such a place."""
    holder: Any = document
    try:
        for step in place[:-1]:
            holder = holder[step]
        if value is _NOTHING:
            del holder[place[-1]]
        else:
            holder[place[-1]] = value
    except (LookupError, TypeError):
        return
