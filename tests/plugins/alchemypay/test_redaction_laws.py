"""What holds for every card number, spelling, place and body."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cambist import decode_json
from cambist_alchemypay.redaction import EXEMPT, redact

GAPS = st.sampled_from(["", "", "", " ", "-", "  ", " - ", "_", "\u00a0", "\u200b", "\u2011"])
# What stands beside a card number in a text: not a digit, for then the run would be a longer number.
BESIDE = st.text(st.sampled_from('abcXYZ .,:;/(){}[]"\\\né€😀'), max_size=12)
KEYS = st.sampled_from(["cardNumber", "desp", "failReason", "email", "x", "", "卡号", "status", "network"])
FEW_DIGITS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**8) + 1, 10**8 - 1),
    st.decimals(-9999, 9999, places=6).map(str),
    st.text(st.characters(codec="utf-8", exclude_categories=["Nd"]), max_size=20),
)


def luhn_digit(digits: str) -> str:
    """Return the digit that makes these pass the check, as the textbook has it."""
    total = 0
    for index, letter in enumerate(reversed(digits)):
        doubled = int(letter) * 2 if index % 2 == 0 else int(letter)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


CARD_NUMBERS = st.from_regex(r"[1-9][0-9]{11,17}", fullmatch=True).map(lambda text: text + luhn_digit(text))


@st.composite
def spellings(draw: st.DrawFn, number: str) -> Any:
    """Return a card number as a text with gaps in it, in a longer text, or as a JSON number."""
    if draw(st.booleans()) and draw(st.booleans()):
        return int(number)
    spelt = "".join(letter + draw(GAPS) for letter in number[:-1]) + number[-1]
    return draw(BESIDE) + spelt + draw(BESIDE)


@st.composite
def places(draw: st.DrawFn, value: Any) -> Any:
    """Return a document with the value somewhere in it."""
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            items = draw(st.lists(FEW_DIGITS, max_size=3))
            items.insert(draw(st.integers(0, len(items))), value)
            value = items
        else:
            pairs = draw(st.dictionaries(KEYS, FEW_DIGITS, max_size=4))
            key = draw(KEYS)
            value = {**pairs, key: value}
    return value


def written(document: Any, style: int) -> bytes:
    """Return a document as JSON in one of several styles."""
    text = json.dumps(document, ensure_ascii=style == 1, indent=style // 2 or None)
    if style == 5 and "\\" not in text:  # all digits in texts escaped
        text = re.sub('".*?"', lambda found: re.sub("[0-9]", r"\\u003\g<0>", found[0]), text)
    return text.encode()


def without_gaps(body: bytes) -> str:
    return re.sub(r"[\s_\u200b\u2011-]", "", json.dumps(decode_json(body), default=str, ensure_ascii=False))


@settings(max_examples=40)  # a spelling is some twenty draws
@given(st.data(), CARD_NUMBERS, st.integers(0, 5))
def test_no_card_number_is_left_in_whatever_spelling_and_place(
    data: st.DataObject, number: str, style: int
) -> None:
    body = written(data.draw(places(data.draw(spellings(number)))), style)
    assert number in without_gaps(body)
    masked = redact(body)
    assert number[:-4] not in without_gaps(masked)
    assert masked.count(b"*") >= len(number) - 4


@given(st.data(), st.from_regex(r"[0-9]{12,24}", fullmatch=True), st.integers(0, 5))
def test_no_number_is_left_under_its_key_valid_or_not(data: st.DataObject, number: str, style: int) -> None:
    value = data.draw(spellings("1" + number[1:]))
    masked = redact(written({"x": 1, "cardNumber": value}, style))
    assert sum(letter.isdecimal() for letter in without_gaps(masked)) == 4 + 1  # and that of x


@given(st.data(), CARD_NUMBERS, st.integers(0, 5))
def test_the_rest_of_a_document_is_the_same(data: st.DataObject, number: str, style: int) -> None:
    mask = "*" * (len(number) - 4) + number[-4:]
    body = written(data.draw(places(f"<{number}>")), style)
    masked = redact(body)
    expected = str(decode_json(body)).replace(number, mask)
    assert str(decode_json(masked)) == expected
    if style < 5:  # byte for byte
        assert masked == body.replace(number.encode(), mask.encode())


JSON = st.recursive(
    st.one_of(FEW_DIGITS, st.integers(), st.text(st.sampled_from("0123456789 -.x"), max_size=60)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.one_of(KEYS, st.sampled_from(sorted(EXEMPT))), inner)
    ),
    max_leaves=12,
)
DIGITS = st.text(st.sampled_from('0123456789 -.*,:"{}[]xe\\u%'), max_size=120)


@given(JSON, st.integers(0, 5))
def test_json_stays_json_and_a_second_look_finds_nothing(document: Any, style: int) -> None:
    masked = redact(written(document, style))
    decode_json(masked)
    assert redact(masked) == masked


@given(
    st.one_of(
        st.binary(max_size=200),
        DIGITS.map(str.encode),
        st.tuples(DIGITS, st.binary(max_size=9)).map(lambda both: both[0].encode() + both[1]),
    )
)
@example(b'{"cardNumber":"')
@example(b"\xff" * 40)
@example(b'"\\ud800 4111111111111111"')
def test_it_never_raises_and_a_second_look_finds_nothing(body: bytes) -> None:
    masked = redact(body)
    assert redact(masked) == masked


@given(CARD_NUMBERS, st.binary(max_size=40), st.binary(max_size=40))
def test_no_card_number_is_left_in_a_body_that_is_no_json(number: str, before: bytes, after: bytes) -> None:
    masked = redact(before + b"\xff" + number.encode() + b"\xff" + after)
    assert number.encode() not in masked


@given(st.sampled_from(sorted(EXEMPT)), CARD_NUMBERS, st.booleans())
def test_an_exempt_key_keeps_its_value_unless_the_card_has_that_number(
    key: str, number: str, as_number: bool
) -> None:
    value: Any = int(number) if as_number else number
    body = json.dumps({key: value, "cardNumber": "556735XXXXXX0737"}).encode()
    assert redact(body) == body
    masked = redact(json.dumps({key: value, "cardNumber": " ".join(number)}).encode())
    assert number[:-4] not in without_gaps(masked)


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b"1" * 10 * 2**20 + b'"',
        b'"' + b"1 " * 2**19 + b'"',
        b'"' + b"4111111111111111 " * 2**16 + b'"',
        b"[" + b"4111111111111111," * 2**14 + b"1]",
        b"[" + b'{"cardNumber":"4111111111111111","x":"4111111111111111"},' * 2**12 + b"1]",
        b'{"cardNumber":"4111111111111111","x":"' + b"4111111111111111" * 2**14 + b'"}',
        b"1 " * 2**19,
        b'"' * 2**20,
        b"[" * 100_000,
        b'{"cardNumber":' * 1000 + b"4111111111111111" + b"}" * 1000,
        b'"' + b"\\n" * 2**19 + b'"',
    ],
    ids=lambda body: f"{body[:20]!r}, {len(body)} bytes",
)
def test_a_large_body_takes_no_time_to_speak_of(body: bytes) -> None:
    start = time.process_time()
    masked = redact(body)
    assert time.process_time() - start < 5  # on a slow machine; what grows with the square takes minutes
    assert b"4111111111111111" not in masked
