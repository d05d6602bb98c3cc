"""Checks of what a configuration file says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import Attribute

Check = Callable[[object, "Attribute[Any]", Any], None]


def checked(holds: Callable[[Any], object], otherwise: str) -> Check:
    """Return a validator that names the key and says what is wrong with it."""

    def check(_: object, attribute: Attribute[Any], value: Any) -> None:
        if not holds(value):
            raise ValueError(f"{attribute.name}: {otherwise}")

    return check


def is_text(value: Any) -> bool:
    """Whether it is a text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def is_whole(value: Any, low: int, high: int) -> bool:
    """Whether it is a whole number within bounds."""
    return type(value) is int and low <= value <= high
