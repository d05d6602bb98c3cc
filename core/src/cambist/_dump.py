"""From attrs classes to plain data for orjson, by functions that are generated as source code."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs

from cambist._json import plain
from cambist._money import BaseUnits

Dump = Callable[[Any], dict[str, Any]]


@cache
def dumper(cls: Any, *, sparse: bool = True) -> Dump:
    """Return a function that makes a dictionary of an instance.

    Args:
        cls: An attrs class. A name that is a Python keyword loses its underscore: ``from_`` is ``from``.
        sparse: Leave out members that are as by default.

    Raises:
        TypeError: A field's type has no form in JSON.
    """
    names: dict[str, Any] = {"plain": plain, "time": _time}
    lines, hints = ["def dump(o):", "    d = {}"], get_type_hints(cls)
    for index, field in enumerate(attrs.fields(cls)):
        type_, optional = _without_none(hints[field.name])
        lines.append(f"    v = o.{field.name}")
        value = _expression(type_, names, f"dump{index}")
        if sparse and field.default is not attrs.NOTHING:
            names[f"default{index}"] = default = _default(field)
            lines.append("    if v is not None:" if default is None else f"    if v != default{index}:")
            optional = optional and default is not None
        else:
            lines.append("    if True:")
        value = f"None if v is None else {value}" if optional and value != "v" else value
        lines.append(f"        d[{field.name.removesuffix('_')!r}] = {value}")
    lines.append("    return d")
    exec("\n".join(lines), names)  # noqa: S102  # of field names, and of nothing from outside
    return names["dump"]  # type: ignore[no-any-return]


def _expression(type_: Any, names: dict[str, Any], name: str) -> str:
    """Return the expression that makes plain data of ``v``."""
    if type_ in _LEAVES:
        return _LEAVES[type_]
    if get_origin(type_) is tuple:
        return f"[{_expression(get_args(type_)[0], names, name)} for v in v]"
    if get_origin(type_) is Mapping:
        return "plain(dict(v)) if v else {}"
    if isinstance(type_, type) and issubclass(type_, Enum):
        return "v._value_"
    if isinstance(type_, type) and attrs.has(type_):
        names[name] = dumper(type_)
        return f"{name}(v)"
    raise TypeError(f"{type_} has no form in JSON")


def _without_none(type_: Any) -> tuple[Any, bool]:
    """Return a type without ``None``, and whether it was there."""
    if get_origin(type_) in (Union, types.UnionType):
        (rest,) = [each for each in get_args(type_) if each is not type(None)]
        return rest, True
    return type_, False


def _default(field: Any) -> Any:
    return field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]


def _time(when: datetime) -> str:
    return (when if when.tzinfo is UTC else when.astimezone(UTC)).isoformat()[:-6] + "Z"


_LEAVES: dict[Any, str] = {
    str: "v",
    int: "v",
    BaseUnits: "str(v)",
    Decimal: "format(v, 'f')",
    datetime: "time(v)",
}
