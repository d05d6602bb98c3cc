"""Money is exact: each digit that was sent is kept, and whatever could lose one is refused."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import example, given
from hypothesis import strategies as st

from cambist import Asset, Money, difference, event_schema, exact, scaled

UINT256 = 2**256 - 1
PATTERN = event_schema()["$defs"]["Money"]["properties"]["amount"]["pattern"]


@st.composite
def plain_numbers(draw: st.DrawFn) -> str:
    """Decimal notation of up to 128 significant digits, with a point anywhere."""
    places = draw(st.integers(0, 128))
    digits = str(draw(st.integers(0, 10**128 - 1))).zfill(places + 1)
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return draw(st.sampled_from(["", "-"])) + text


@given(plain_numbers())
@example("0.01000000")
@example("0.108823000000000000")
@example("1" * 40)
@example("9" * 128)
@example("-0.0")
def test_plain_notation_is_kept_digit_by_digit(text: str) -> None:
    assert format(exact(text), "f") == text


@given(st.integers(-(10**40), 10**40), st.integers(-80, 80), st.sampled_from("eE"))
def test_an_exponent_moves_the_point_and_nothing_else(digits: int, exponent: int, mark: str) -> None:
    assert Fraction(exact(f"{digits}{mark}{exponent}")) == Fraction(digits) * Fraction(10) ** exponent


@given(st.integers(0, 10**130), st.integers(-400, 400))
@example(1, 127)
@example(1, 128)
@example(10**127 + 1, -255)
@example(0, -255)
def test_what_is_taken_can_be_written_out_and_read_again(digits: int, exponent: int) -> None:
    try:
        number = exact(f"{digits}E{exponent}")
    except ValueError:
        assert digits >= 10**128 or not -128 <= exponent + len(str(digits)) - 1 <= 127
        return
    written = format(number, "f")
    assert exact(written) == number
    assert re.fullmatch(PATTERN, written)


@pytest.mark.parametrize("number", [0, -7, 2**64, UINT256, Decimal("1.500"), Decimal("-0")])
def test_an_integer_and_a_decimal_are_taken_as_they_are(number: int | Decimal) -> None:
    assert str(exact(number)) == str(number)


@pytest.mark.parametrize(
    "value",
    [
        *(0.1, 1.0, float("nan"), float("inf")),
        *(True, False, None, b"1", [1], {}, 1j, Fraction(1, 2)),
        *("", " ", " 1", "1 ", "1\n", "1_0", "1,5", "0x10", "1.2.3", "--1", "+-1", "1e", "½", "€1", "1\x00"),
        *("١٢", "\uff11", "1\u0660"),
        *("NaN", "nan", "sNaN", "Infinity", "-inf", Decimal("NaN"), Decimal("sNaN1"), Decimal("-Infinity")),
        *("1e999999999", "1e-999999999", "1E128", "1E-129", "0E-256"),
        *("1" * 129, "1." + "0" * 128, "9" * 5000, 10**128, 10**5000, Decimal("1" * 129)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, int) else ascii(value)[:20],
)
def test_what_is_no_exact_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^is ") as caught:
        exact(value)
    assert type(caught.value) is ValueError
    assert caught.value.__context__ is None


@given(st.text(min_size=4))
def test_a_refusal_never_holds_the_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is ") as caught:
        exact(f"4111{text}x")
    assert "4111" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_units", "decimals", "text"),
    [
        (1050, 2, "10.50"),
        (1, 18, "0.000000000000000001"),
        (0, 8, "0.00000000"),
        (-5, 1, "-0.5"),
        (7, 0, "7"),
        (UINT256, 18, f"{UINT256 // 10**18}.{UINT256 % 10**18:018d}"),
        (UINT256, 78, f"0.{UINT256}"),
    ],
)
def test_base_units_are_scaled_without_a_loss(base_units: int, decimals: int, text: str) -> None:
    assert format(scaled(base_units, decimals), "f") == text


@pytest.mark.parametrize(
    ("base_units", "decimals"),
    [(1, -1), (1, 79), (10**128, 0), (10**5000, 2), (1.5, 2), (True, 2), ("1", 2), (Decimal(1), 2)],
    ids=range(8),
)
def test_a_scale_or_number_that_is_none_is_refused(base_units: int, decimals: int) -> None:
    with pytest.raises(ValueError, match=r"^(a scale|is )"):
        scaled(base_units, decimals)


amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**60), max_value=10**60, places=18)


@given(amounts, amounts)
@example(Decimal(10**40), Decimal("1E-40"))
@example(Decimal("0.02000000"), Decimal("0.01990000"))
def test_a_difference_keeps_all_digits(whole: Decimal, part: Decimal) -> None:
    assert Fraction(difference(whole, part)) == Fraction(whole) - Fraction(part)


def test_a_difference_that_cannot_keep_all_digits_is_refused() -> None:
    with pytest.raises(ArithmeticError):
        difference(Decimal(10**100), Decimal("1E-100"))


@pytest.mark.parametrize(
    "given_",
    [
        *({"amount": value} for value in (1.5, 1.0, True, 1, "1", float("nan"))),
        *({"amount": Decimal(word)} for word in ("NaN", "sNaN", "Infinity", "-Infinity")),
        *({"base_units": value} for value in (1.0, True, "1", Decimal(1), float("inf"))),
        {},
        {"amount": None, "base_units": None},
        {"amount": Decimal(1), "base_units": 1},
        {"amount": Decimal(1), "base_units": 0},
    ],
    ids=repr,
)
def test_money_is_a_finite_decimal_or_an_integer_and_nothing_else(given_: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^Money needs"):
        Money(**given_)  # type: ignore[arg-type]


def test_money_and_assets_are_values_that_do_not_change() -> None:
    euro = Asset("EUR", id="iso4217:EUR")
    money = Money(Decimal("10.50"), euro)
    assert money == Money(Decimal("10.50"), Asset("EUR", None, "iso4217:EUR"))
    assert money != Money(Decimal("10.51"), euro)
    assert Money(base_units=7).amount is None
    with pytest.raises(FrozenInstanceError):
        money.amount = Decimal(0)  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        euro.code = "USD"  # type: ignore[misc]
