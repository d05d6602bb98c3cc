"""The settings of a provider, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs

from cambist import Secret

# The words for one, and for several.
NAMES = {
    str: ("text", "texts"),
    int: ("whole number", "whole numbers"),
    bool: ("`true` or `false`", "of `true` and `false`"),
    Secret: ("secret", "secrets"),
}


def rows_of_settings(settings: type) -> Iterator[tuple[str, str, str]]:
    """Return a row for each setting: its name, its type, and its default."""
    hints = get_type_hints(settings)
    for field in attrs.fields(settings):
        yield f"`{field.name}`", _type(hints[field.name]), _default(field.default)


def _type(hint: Any, *, many: bool = False) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(f"`{json.dumps(word)}`" for word in get_args(hint))
    if get_origin(hint) is tuple:
        return f"list of {_type(get_args(hint)[0], many=True)}"
    if arguments := [each for each in get_args(hint) if each is not NoneType]:
        return " or ".join(map(_type, arguments))
    if attrs.has(hint):
        keys = ", ".join(f"`{field.name}`" for field in attrs.fields(hint))
        return f"{'tables' if many else 'table'} with {keys}"
    return NAMES[hint][many]


def _default(default: Any) -> str:
    if default is attrs.NOTHING:
        return "required"
    return "none" if default in (None, ()) else f"`{json.dumps(default)}`"
