"""Exact money: the one conversion from what a provider wrote to what we state."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import NewType

from attrs import field, frozen

from cambist._describe import describe

# Room for a uint256 (78 digits) scaled by 18 decimals, and for nothing that could fill a disk when it is
# written out: 1e999999999 is eleven bytes on the wire.
MAX_DIGITS = 128

# Whatever would change a digit raises: rounding, clamping, a float. Python's default context rounds silently.
# At the largest exponent a number written out has as many digits as one may have: it can be read again.
_EXACT = decimal.Context(
    prec=MAX_DIGITS,
    Emax=MAX_DIGITS - 1,
    Emin=-MAX_DIGITS,
    traps=[
        decimal.Clamped,
        decimal.FloatOperation,
        decimal.InvalidOperation,
        decimal.Overflow,
        decimal.Rounded,
        decimal.Subnormal,
    ],
)
create_exact = _EXACT.create_decimal
"""Makes an exact decimal of a string or raises an `ArithmeticError`. NaN and other scripts' digits pass."""


def exact(value: object) -> Decimal:
    """Return a decimal with exactly the digits that were sent, trailing zeros included.

    Args:
        value: A string in decimal notation, with an exponent or without; an ``int``; a ``Decimal``. Never a
            ``float``: it has lost digits already.

    Raises:
        ValueError: It is none of these, is not finite, or has more than 128 digits. The message never holds
            the value.

    Example:
        >>> exact("0.01000000")
        Decimal('0.01000000')
    """
    if value.__class__ in _EXACT_TYPES:
        try:
            number = create_exact(value) if not isinstance(value, str) or value.isascii() else None  # type: ignore[arg-type]
        except ArithmeticError:
            number = None
        if number is not None and number.is_finite():
            return number
        raise ValueError("is not a finite decimal number of at most 128 digits")
    if value.__class__ is float:
        raise ValueError("is a binary float, which is not exact")
    raise ValueError("is not a number")


_EXACT_TYPES = frozenset({str, int, Decimal})


def difference(whole: Decimal, part: Decimal) -> Decimal:
    """Return ``whole - part`` with every digit, where ``-`` would round to 28 of them.

    Raises:
        ArithmeticError: The result has more than 128 digits.
    """
    return _EXACT.subtract(whole, part)


def scaled(base_units: int, decimals: int) -> Decimal:
    """Return base units (wei, satoshi, cents) as a decimal of the asset: ``scaled(1050, 2)`` is ``10.50``.

    Raises:
        ValueError: ``base_units`` is no ``int`` or too large, or ``decimals`` is not between 0 and 78.
    """
    if base_units.__class__ is not int:
        raise ValueError("is not a whole number of base units")
    if not 0 <= decimals <= 78:
        raise ValueError("a scale is between 0 and 78 decimals")
    return _EXACT.scaleb(exact(base_units), -decimals)


BaseUnits = NewType("BaseUnits", int)
"""A whole number of an asset's smallest unit."""


@frozen
class Asset:
    """What an amount is of. Each member is absent unless the provider makes it known."""

    code: str | None = field(default=None, metadata=describe("The provider's code, verbatim: `BTC`, `EUR`."))
    network: str | None = field(
        default=None, metadata=describe("The chain as a CAIP-2 identifier: `eip155:8453`.")
    )
    id: str | None = field(
        default=None, metadata=describe("A CAIP-19 identifier, or `iso4217:EUR` for fiat money.")
    )


@frozen
class Money:
    """An exact amount of an asset: `amount`, or `base_units` where the scale is not known."""

    amount: Decimal | None = field(
        default=None,
        metadata=describe("The exact amount, a string in JSON with the digits that the provider gave."),
    )
    asset: Asset = field(factory=Asset, metadata=describe("What the amount is of."))
    base_units: BaseUnits | None = field(
        default=None,
        metadata=describe("The amount in the asset's smallest unit, its scale unknown; a string in JSON."),
    )

    def __attrs_post_init__(self) -> None:
        # By exact class: a bool is an int too, and a float must never pass as money.
        amount = self.amount
        if amount is None:
            if self.base_units.__class__ is not int:
                raise ValueError("Money needs a Decimal amount or an int of base units")
        elif amount.__class__ is not Decimal or not amount.is_finite() or self.base_units is not None:
            raise ValueError("Money needs either a finite Decimal amount or an int of base units")
