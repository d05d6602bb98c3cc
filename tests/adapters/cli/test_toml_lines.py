"""`lines_of`: the lines that tomllib does not tell, for whatever tomllib reads."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist_cli._toml_lines import line_of, lines_of


def places(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


ODD = r'''# a = 1
"a b" . 'c' = 1 # d = 2
multi = """
[table]
key = 1 \""" quoted ""
"""
literal = \'\'\'
x = [
\'\'\'\'\'
list = [ # ]
  1, "]", [
    { deep = "}", 'more' . a = [2] } # , 3
  ]
  , 2026-01-31 12:00:00, 0x1F,
]
empty = [[], {}, "", """""", \'\'\'\'\'\']
a.b.c = "\" # no comment"
a.b.d = 'C:\'
[ x . "y.z" ]
k = 1
[[t]]
[t.sub]
k = 1
[[t.sub.inner]]
[[t]]
[[t.inner]]
k = 1
[[t.inner]]
k = { a = { b = 1 }, c = [ {d = 1}, {d = 2} ] }
3.14 = "a key"
'''.replace("\\'", "'")
ODD_LINES = {
    ("a b", "c"): 2,
    ("multi",): 3,
    ("literal",): 7,
    ("list",): 10,
    ("list", 0): 11,
    ("list", 2): 11,
    ("list", 2, 0): 12,
    ("list", 2, 0, "more", "a", 0): 12,
    ("list", 3): 14,
    ("list", 4): 14,
    ("empty", 1): 16,
    ("a", "b", "c"): 17,
    ("a", "b", "d"): 18,
    ("x",): 19,
    ("x", "y.z", "k"): 20,
    ("t",): 21,
    ("t", 0): 21,
    ("t", 0, "sub", "k"): 23,
    ("t", 0, "sub", "inner", 0): 24,
    ("t", 1): 25,
    ("t", 1, "inner", 0, "k"): 27,
    ("t", 1, "inner", 1): 28,
    ("t", 1, "inner", 1, "k", "c", 1, "d"): 29,
    ("t", 1, "inner", 1, "3", "14"): 30,
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_odd_documents(line_end: str) -> None:
    text = ODD.replace("\n", line_end)
    lines = lines_of(text)
    assert lines.keys() == set(places(tomllib.loads(text)))
    assert {path: lines[path] for path in ODD_LINES} == ODD_LINES


KEYS = st.sampled_from(["a", "b-1", "'c.d'", '"e # f"', '"\\u0067 = 1"', "7"])
SCALARS = st.sampled_from(
    [
        "1",
        "-2.5e3",
        "true",
        "2026-01-31 12:00:00Z",
        '""',
        '"[x] # \\" = {"',
        "'}\\'",
        '"""\n[a]\nb = 1 # \\"""\n"""',
        "'''a\n''b = ['''",
        '"""x"""""',
    ]
)
BLANK = st.sampled_from(["", " ", "\n", " # c = [1]\n", "\n\t\n"])


@st.composite
def lists(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    items = [draw(BLANK) + item + draw(BLANK) for item in draw(st.lists(values, max_size=3))]
    comma = draw(st.sampled_from(["", ","])) if items else ""
    return f"[{','.join(items)}{comma}{draw(BLANK)}]"


@st.composite
def inlines(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    keys = draw(st.lists(KEYS, unique=True, max_size=3))
    return "{ " + " ,".join(f"{key} = {draw(values)} " for key in keys) + "}"


VALUES = st.recursive(SCALARS, lambda inner: lists(inner) | inlines(inner), max_leaves=6)


@st.composite
def statements(draw: st.DrawFn) -> str:
    dotted = draw(st.sampled_from([".", " . "])).join(draw(st.lists(KEYS, min_size=1, max_size=3)))
    heads = st.sampled_from([f"[{dotted}]", f"[[ {dotted} ]]"])
    statement = draw(heads | VALUES.map(lambda value: f"{dotted} = {value}"))
    return statement + draw(st.sampled_from(["\n", " # [x]\n", "\r\n\n"]))


@given(st.lists(statements(), max_size=6))
def test_every_place_stands_in_the_statement_that_brings_it(texts: list[str]) -> None:
    """Some documents have a key twice: as far as it goes, tomllib says what is there and what is not."""
    known: set[tuple[str | int, ...]] = set()
    first = 1
    for count, text in enumerate(texts, 1):
        try:
            found = set(places(tomllib.loads("".join(texts[:count]))))
        except tomllib.TOMLDecodeError:
            return
        lines = lines_of("".join(texts[:count]))
        assert lines.keys() == found
        after = first + text.count("\n")
        assert all(first <= lines[path] < after for path in found - known)
        assert all(lines[path] < first for path in known)
        known, first = found, after


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("server", "port"), 2),
        (("server", "prot"), 1),
        (("server",), 1),
        (("inbox", "url"), None),
        ((), None),
    ],
)
def test_what_is_missing_stands_where_it_should(path: tuple[str, ...], expected: int | None) -> None:
    assert line_of(lines_of("[server]\nport = 1\n"), path) == expected


@pytest.mark.parametrize("text", ["a", "a =", "a = [", "a = {b = 1", "a = " + "[" * 100_000, "=", "a = '"])
def test_what_is_not_toml_has_no_lines(text: str) -> None:
    assert lines_of(text) == {}
