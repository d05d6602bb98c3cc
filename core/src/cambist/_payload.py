"""Typed payloads from decoded JSON: quickly when all is as documented, thoroughly when it is not.

A payload is a ``TypedDict`` that says what a provider documents::

    class Fee(TypedDict):
        amount: Decimal            # must be there, and must fit
        currency: str | None       # may be absent or null
        type: Soft[str]            # what does not fit is None, and noted on the event
        note: Ignored              # documented, and no concern of ours

After reading, what may be absent is asked for with ``get``. The decoded object is changed in place:
copying it into instances of classes was measured to cost a tenth of the whole way of a delivery, or more.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import (
    Annotated,
    Any,
    Final,
    NotRequired,
    Required,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from attrs import evolve, frozen

from cambist._leaves import LEAVES, Code, Identifier, Misfit, mapping
from cambist._money import create_exact
from cambist.errors import Fault

T = TypeVar("T")
Read = Callable[[Any], Any]

_SOFT: Final = "cambist: soft"
_IGNORED: Final = "cambist: ignored"

Soft = Annotated[T | None, _SOFT]
"""``Soft[str]``: absent, null, empty and unfit are all ``None``; unfit is noted."""

Ignored: TypeAlias = Annotated[object, _IGNORED]
"""A documented key that no event needs. It is neither checked nor noted as new."""


@frozen
class _Field:
    name: str
    type: Any
    optional: bool = False
    soft: bool = False


# What stands where a name should could be a value: a card number as a key, or control characters.
_is_name = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII).fullmatch


class _Odd(Exception):  # noqa: N818  # a signal inside this module
    """Not all is as documented."""


Reading = tuple[T | None, Sequence[Fault], Sequence[Fault]]


def read(cls: type[T], document: Any, path: str = "") -> Reading[T]:
    """Return the document as its ``TypedDict``, its faults, and what is odd. With faults it is ``None``.

    ``path`` is where the document stands, and begins every path that is told.
    """
    quick = _quick(cls)  # type: ignore[arg-type]  # a type is hashable
    try:
        quick(document)
    except Exception:  # noqa: BLE001  # whatever it was: now it is looked for, with its path
        return _read_thoroughly(cls, document, path)
    return document, (), ()


def _read_thoroughly(cls: type[T], document: Any, path: str) -> Reading[T]:
    examination = _Examination()
    examination.document(cls, document, path)
    return None if examination.faults else document, examination.faults, examination.odd


# The quick way. Generated, as attrs generates __init__: a call for each field would cost as much as making
# the event does.


@cache
def _quick(cls: Any, /) -> Callable[[Any], None]:
    """Return a function that takes what is documented and raises at anything else."""
    fields, known = _fields(cls)
    names: dict[str, Any] = {"Odd": _Odd, "known": known.issuperset, "exact": create_exact}
    lines = ["def quick(o):", "    if o.__class__ is not dict or not known(o): raise Odd", "    get = o.get"]
    for index, field in enumerate(fields):
        read, key = f"read{index}", repr(field.name)
        if field.optional:
            lines += [f"    v = get({key})", "    if v is not None:"]
        else:
            lines += [f"    v = o[{key}]", "    if True:"]
        # The first test of a leaf is written out, and its reader does the rest.
        leaf = f"{read}(v)" if not field.soft else f"None if v == '' else {read}(v)"
        if field.type is str or field.type is Identifier:
            empty = " or not v" if field.soft or field.type is Identifier else ""
            lines.append(f"        if v.__class__ is not str{empty}: o[{key}] = {leaf}")
        elif field.type is Code:
            lines.append(f"        if v.__class__ is not str or not 0 < len(v) <= 64: {leaf}")
        elif field.type is Decimal:
            lines.append(f"        v = exact(v) if v.__class__ is str and v.isascii() else {leaf}")
            lines.append("        if not v.is_finite(): raise Odd")
            lines.append(f"        o[{key}] = v")
        elif is_typeddict(field.type):
            lines.append(f"        {read}(v)")
        elif get_origin(field.type) is list and is_typeddict(get_args(field.type)[0]):
            lines += ["        if v.__class__ is not list: raise Odd", f"        for each in v: {read}(each)"]
        else:
            lines.append(f"        o[{key}] = {leaf}")
        names[read] = _reader(field.type)
    exec("\n".join(lines), names)  # noqa: S102  # of field names, and of nothing from outside
    return names["quick"]  # type: ignore[no-any-return]


def _reader(type_: Any) -> Read:
    if leaf := LEAVES.get(type_):
        return leaf
    if get_origin(type_) is Mapping:
        return mapping
    if get_origin(type_) is list:
        item = _reader(get_args(type_)[0])
        return item if is_typeddict(get_args(type_)[0]) else lambda value: _items(value, item)
    if is_typeddict(type_):
        return _quick(type_)
    raise TypeError(f"a payload has no fields of type {type_}")


def _items(value: Any, item: Read) -> list[Any]:
    if value.__class__ is not list:
        raise _Odd
    return [item(each) for each in value]


# The thorough way. The quick one may have been here and given up half-way: what it has changed is as it
# should be, and each reader takes its own result again.


class _Examination:
    """Reads as `_quick` does, goes on after what does not fit, and keeps where it was."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.odd: list[Fault] = []

    def document(self, cls: Any, document: Any, path: str) -> None:
        if document.__class__ is not dict:
            self.faults.append(Fault(path, "is not an object"))
            return
        fields, known = _fields(cls)
        for field in fields:
            where = f"{path}.{field.name}" if path else field.name
            value = document.get(field.name)
            if value is None and field.optional:
                continue
            if value == "" and field.soft:
                document[field.name] = None
            elif field.name not in document:
                self.faults.append(Fault(where, "is missing"))
            elif field.soft:
                document[field.name] = self._softly(field.type, value, where)
            else:
                document[field.name] = self._value(field.type, value, where)
        for key in document:
            if key not in known:
                shown = key if _is_name(key) else "(a name that is not shown)"
                self.odd.append(
                    Fault(f"{path}.{shown}" if path else shown, "is a field that this release does not know")
                )

    def _softly(self, type_: Any, value: Any, path: str) -> Any:
        inner = _Examination()
        result = inner._value(type_, value, path)
        self.odd += inner.faults + inner.odd
        return None if inner.faults else result

    def _value(self, type_: Any, value: Any, path: str) -> Any:
        if is_typeddict(type_):
            self.document(type_, value, path)
            return value
        if get_origin(type_) is list:
            if value.__class__ is list:
                item = get_args(type_)[0]
                return [self._value(item, each, f"{path}[{index}]") for index, each in enumerate(value)]
            self.faults.append(Fault(path, "is not a list"))
            return None
        try:
            return _reader(type_)(value)
        except Misfit as misfit:
            self.faults.append(Fault(path, str(misfit)))
            return None


@cache
def _fields(cls: Any) -> tuple[tuple[_Field, ...], frozenset[str]]:
    """Return the fields of a payload that are read, and all keys that are documented."""
    hints = get_type_hints(cls, include_extras=True)
    fields = [_field(name, hint) for name, hint in hints.items() if hint is not Ignored]
    return tuple(fields), frozenset(hints)


def _field(name: str, hint: Any) -> _Field:
    if get_origin(hint) in (NotRequired, Required):
        inner = _field(name, get_args(hint)[0])
        return evolve(inner, optional=inner.optional or get_origin(hint) is NotRequired)
    soft = get_origin(hint) is Annotated and _SOFT in hint.__metadata__
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (each for each in get_args(hint) if each is not type(None))
        return _Field(name, inner, optional=True, soft=soft)
    return _Field(name, hint, soft=soft)
