"""A strict cattrs converter for settings and our own JSON: nothing coerced, every fault with its path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.errors import AttributeValidationNote, ForbiddenExtraKeysError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from cambist._leaves import LEAVES, Misfit, mapping
from cambist.errors import ConfigurationError, Fault

Hook = Callable[[Any, Any], Any]


def strict_converter() -> Converter:
    """Return a converter that coerces nothing, refuses unknown keys, and collects all faults."""
    converter = Converter(detailed_validation=True, forbid_extra_keys=True)
    for type_, leaf in LEAVES.items():
        # A plain class must be registered as itself: cattrs has hooks for str and int before predicates.
        if isinstance(type_, type) and type_ is not object:
            converter.register_structure_hook(type_, _hook(leaf))
        else:
            converter.register_structure_hook_func(_is(type_), _hook(leaf))
    converter.register_structure_hook_func(_has_origin(Mapping), _hook(mapping))
    converter.register_structure_hook_func(_has_origin(Literal), _word)

    @converter.register_structure_hook_factory(_has_origin(tuple))
    def _tuples(wanted: Any) -> Hook:
        item = get_args(wanted)[0]
        return _items(converter.get_structure_hook(item), item)

    @converter.register_structure_hook_factory(lambda wanted: isinstance(wanted, type) and attrs.has(wanted))
    def _classes(wanted: Any) -> Hook:
        return _object(structure_function(wanted, converter))

    return converter


def _is(type_: Any) -> Callable[[Any], bool]:
    return lambda wanted: wanted is type_


def _has_origin(origin: Any) -> Callable[[Any], bool]:
    return lambda wanted: get_origin(wanted) is origin


def _hook(leaf: Callable[[Any], Any]) -> Hook:
    return lambda value, _: leaf(value)


def structure_function(cls: Any, converter: Converter, **overrides: Any) -> Hook:
    """Return the function that structures an attrs class, strictly."""
    return make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True, **overrides
    )


def faults(error: BaseException, path: str = "") -> Iterator[Fault]:
    """Return what cattrs collected, without its own texts: those hold the values."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from faults(inner, path + _step(inner, path))
    elif isinstance(error, KeyError):
        yield Fault(path, "is missing")
    elif isinstance(error, Misfit):
        yield Fault(path, str(error))
    elif isinstance(error, ConfigurationError):  # a settings class' own check
        yield Fault(path, error.reason)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = ", ".join(attribute.name for attribute in attrs.fields(error.cl))
        for key in sorted(error.extra_fields):
            yield Fault(f"{path}.{key}" if path else key, f"is not known here; known are: {known}")
    else:
        yield Fault(path, "is not of the documented form")


def _step(error: BaseException, path: str) -> str:
    for note in reversed(getattr(error, "__notes__", ())):
        if isinstance(note, AttributeValidationNote):
            return f".{note.name}" if path else note.name
        if isinstance(note, IterableValidationNote):
            return f"[{note.index}]"
    return ""


def _items(hook: Hook, item: Any) -> Hook:
    def items(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):  # cattrs would take a string apart into letters
            raise Misfit("is not a list")
        done, failed = [], []
        for index, element in enumerate(value):
            try:
                done.append(hook(element, item))
            except Exception as error:  # noqa: BLE001
                error.add_note(IterableValidationNote("", index, item))
                failed.append(error)
        if failed:
            raise ExceptionGroup("", failed)
        return tuple(done)

    return items


def _object(hook: Hook) -> Hook:
    def structure(value: Any, wanted: Any) -> Any:
        if isinstance(value, dict):
            return hook(value, wanted)
        raise Misfit("is not an object")

    return structure


def _word(value: Any, wanted: Any) -> Any:
    if value.__class__ is str and value in get_args(wanted):
        return value
    raise Misfit(f"is none of: {', '.join(map(str, get_args(wanted)))}")


def member(value: Any, wanted: Any) -> Any:
    """Take the word of an enum's member."""
    words = [member.value for member in wanted]
    if value.__class__ is str and value in words:
        return wanted(value)
    raise Misfit(f"is none of: {', '.join(words)}")
