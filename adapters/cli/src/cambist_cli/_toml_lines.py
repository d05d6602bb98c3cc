"""In which line of a TOML document each key stands, which `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import define, field

Path = tuple[str | int, ...]

_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
# Three quotes before one: a multi-line string begins like an empty one. It may end in up to two quotes more.
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_KEY: Final = re.compile(r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+|[ \t]*\.[ \t]*)+""")
_HEADER: Final = re.compile(rf"(\[\[?)[ \t]*({_KEY.pattern})[ \t]*\]\]?")
_ASSIGN: Final = re.compile(r"[ \t]*=[ \t]*")
_PLAIN: Final = re.compile(r"[^,\]}#\r\n]+")


def lines_of(text: str) -> Mapping[Path, int]:
    """Return the line of each table, key and item of a list, the first being 1.

    A place is told as the keys and indices that lead to it: ``("sources", 0, "secrets", 1, "env")``. Of a
    table that is written in several pieces it is the first.

    Args:
        text: A document that `tomllib` accepts; of another one there may be no lines, or odd ones.
    """
    try:
        return _Scanner(text.replace("\r\n", " \n")).scan()
    except (ValueError, IndexError, RecursionError):
        return {}


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """Return the line of a place, or of the nearest one around it that there is."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


@define
class _Scanner:
    text: str
    position: int = 0
    lines: dict[Path, int] = field(factory=dict)
    # How many tables each array of tables has so far.
    counts: dict[Path, int] = field(factory=dict)
    _counted: tuple[int, int] = (0, 1)

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip()
        while self.position < len(self.text):
            if found := _HEADER.match(self.text, self.position):
                table = self._header(_names(found[2]), many=len(found[1]) == 2)
                self.position = found.end()
            else:
                self._pair(table)
            self._skip()
        return self.lines

    def _header(self, names: Path, *, many: bool) -> Path:
        """Return the place of the table that a header begins."""
        path: Path = ()
        for depth, name in enumerate(names, 1):
            path = (*path, name)
            self._note(path)
            if many and depth == len(names):
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:  # an array of tables: its newest one is meant
                path = (*path, self.counts[path] - 1)
                self._note(path)
        return path

    def _pair(self, table: Path) -> None:
        found = _KEY.match(self.text, self.position)
        if found is None:
            raise ValueError("this is not TOML")
        path = table
        for name in _names(found[0]):
            path = (*path, name)
            self._note(path)
        self.position = found.end()
        self._match(_ASSIGN)
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self.text[self.position]
        if opening == "[":
            self._list(path)
        elif opening == "{":
            self._inline(path)
        elif opening in "\"'":
            self._match(_STRING)
        else:
            self._match(_PLAIN)

    def _list(self, path: Path) -> None:
        for index, _ in enumerate(self._items("]")):
            self._note((*path, index))
            self._value((*path, index))

    def _inline(self, path: Path) -> None:
        for _ in self._items("}"):
            self._pair(path)

    def _items(self, end: str) -> Iterator[None]:
        """Stop at each item of a list or an inline table, and go on behind its end."""
        self.position += 1
        self._skip()
        while self.text[self.position] != end:
            yield
            self._skip()
            if self.text[self.position] == ",":
                self.position += 1
                self._skip()
        self.position += 1

    def _match(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.position)
        if found is None:
            raise ValueError("this is not TOML")
        self.position = found.end()

    def _skip(self) -> None:
        self._match(_SPACE)

    def _note(self, path: Path) -> None:
        before, line = self._counted
        line += self.text.count("\n", before, self.position)
        self._counted = (self.position, line)
        self.lines.setdefault(path, line)


def _names(key: str) -> Path:
    """Return the parts of a dotted key, as tomllib reads quotes and escapes."""
    names: list[str] = []
    table = tomllib.loads(f"{key} = 0")
    while isinstance(table, dict):
        ((name, table),) = table.items()
        names.append(name)
    return tuple(names)
