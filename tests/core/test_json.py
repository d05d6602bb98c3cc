"""JSON from outside is decoded strictly, and every number keeps all of its digits."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cambist._json import decode, encode

MIB = 2**20


def by_the_standard_library(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def outcome(data: bytes) -> Any:
    """The value, or the ValueError; any other exception fails the test."""
    try:
        return decode(data)
    except ValueError as error:
        return error


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.10882300", Decimal("0.10882300")),
        ("0.000000000000000001", Decimal("0.000000000000000001")),
        ("19.99", Decimal("19.99")),
        ("-0.0", Decimal("-0.0")),
        ("1e5", Decimal("1E+5")),
        ("1E-7", Decimal("1E-7")),
        ("2e+0", Decimal("2")),
        ("381", 381),
        ("-7", -7),
        ("999999999999999999", 10**18 - 1),
        ("9223372036854775808", 2**63),
        ("18446744073709551616", 2**64),
        ("-9223372036854775809", -(2**63) - 1),
        ("1234567890123456789012345678901234567890", 1234567890123456789012345678901234567890),
    ],
)
@pytest.mark.parametrize(
    "frame",
    ["{}", "[{}]", '{{"a":{}}}', '{{"a" :\r\n\t {} }}', "[ [0,{}],1 ]", '[{{"b":["1.5",{}]}}]', " {}\n"],
)
def test_a_number_keeps_its_digits_wherever_it_stands(text: str, value: object, frame: str) -> None:
    document = frame.format(text)
    found = decode(document.encode())
    assert repr(found) == repr(by_the_standard_library(document))
    assert repr(value) in repr(found)


# Whole documents as text: the law has to hold for every spelling, not only for the one of an encoder.
# Built from few, cheap draws: a document costs hypothesis more than it costs the decoder.

WHOLE = ["0", "7", "381", "99999999999999999", "100000000000000000", *map(str, (2**63, 2**64 - 1, 10**40))]
FRACTION = ["", "", ".0", ".10882300", ".000000000000000001", ".99999999999999999999999999999999"]
EXPONENT = ["", "", "", "e5", "E-7", "e+0", "E60"]
WORDS = [
    "null",
    "true",
    "false",
    '""',
    '"a"',
    r'"\"1.5"',
    '":1.5,"',
    '"[0.1"',
    r'"\\"',
    r'"\u00e9\ud83d\ude00é"',
]

parts = [["", "", "-"], WHOLE, FRACTION, EXPONENT]
numbers = st.builds("".join, st.tuples(*map(st.sampled_from, parts))) | st.integers().map(str)
strings = st.text('0123456789.eE-+:,[]{}" \\\n', max_size=9).map(json.dumps)
scalars = st.sampled_from(WORDS) | numbers | strings
blanks = st.sampled_from(["", "", " ", "\n", "\r\n\t "])


def list_of(items: list[str], gap: str) -> str:
    return f"[{gap}{f'{gap},{gap}'.join(items)}{gap}]"


def object_of(items: list[str], gap: str) -> str:
    pairs = [f'"{"ab0"[index % 3]}"{gap}:{gap}{item}' for index, item in enumerate(items)]
    return f"{{{gap}{f'{gap},{gap}'.join(pairs)}{gap}}}"


def containers(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda make, items, gap: make(items, gap),
        st.sampled_from([list_of, object_of]),
        st.lists(items, max_size=5),
        blanks,
    )


level = scalars
for _ in range(3):
    level = scalars | containers(level)
documents = containers(level) | scalars


@settings(max_examples=1500)
@given(documents)
@example('{"a": 1, "a": 0.10, "b": "\\ud83d\\ude00"}')
@example('[":1.5"]')
@example("[-1\n,-2.50]")
@example("[100000000000000000]")
@example("[1000000000000000000, 9999999999999999999]")
def test_it_decodes_what_the_standard_library_decodes_exactly(text: str) -> None:
    assert repr(decode(text.encode())) == repr(by_the_standard_library(text))


@settings(max_examples=200)
@given(documents)
def test_what_is_decoded_can_be_encoded_without_a_loss(text: str) -> None:
    value = decode(text.replace("-0e+0", "0e+0").encode())  # the minus of an integer zero is no digit
    written = encode(value)
    assert decode(written) == value
    assert encode(decode(written)) == written


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), Decimal("NaN"), Decimal("Infinity"), b"1", {1}, object()]
)
def test_what_json_has_no_exact_form_for_is_not_encoded(value: object) -> None:
    with pytest.raises(TypeError, match="has no exact form in JSON"):
        encode({"a": [value]})


CARD = "4111111111111111"
REFUSED = {
    "empty": b"",
    "blank": b" \n",
    "cut off": b'{"card": "4111111111111111"',
    "two documents": b'"4111111111111111" 1',
    "single quotes": b"{'card': '4111111111111111'}",
    "comment": b'{"card": "4111111111111111"} // note',
    "trailing comma": b'["4111111111111111",]',
    "bare key": b'{card: "4111111111111111"}',
    "form": b"card=4111111111111111&amount=1",
    "NaN": b'["4111111111111111", NaN]',
    "Infinity": b'["4111111111111111", -Infinity]',
    "leading zero": b"[04111111111111111.0]",
    "leading plus": b"[+4111111111111111]",
    "no digit before the point": b"[.4111111111111111]",
    "no digit after the point": b"[4111111111111111.]",
    "lone surrogate": b'["4111111111111111 \\ud800"]',
    "lone low surrogate": b'["4111111111111111 \\udc00"]',
    "raw control character": b'["4111111111111111 \x01"]',
    "byte order mark": b'\xef\xbb\xbf"4111111111111111"',
    "UTF-16": '"4111111111111111"'.encode("utf-16"),
    "latin-1": '["4111111111111111 é"]'.encode("latin-1"),
    "overlong UTF-8": b'["4111111111111111 \xc0\x80"]',
    "surrogate in UTF-8": b'["4111111111111111 \xed\xa0\x80"]',
    "100,000 open lists": b"[" * 100_000,
    "100,000 nested lists": b"[" * 100_000 + b"]" * 100_000,
    "100,000 nested lists of a fraction": b"[" * 100_000 + b"0.4111111111111111" + b"]" * 100_000,
    "100,000 nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_json_is_a_value_error_without_the_data(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is ") as caught:
        decode(data)
    assert type(caught.value) is ValueError
    assert CARD not in str(caught.value)
    # orjson's own error carries the whole document.
    assert caught.value.__context__ is caught.value.__cause__ is None


EITHER = {
    "5,000-digit integer": b"[" + b"4" * 5000 + b"]",
    "5,000-digit fraction": b"[0." + b"4" * 5000 + b"]",
    "fraction of 1 MiB": b"[0." + b"4" * MIB + b"]",
    "1e400": b"[1e400]",
    "1e-400": b"[1e-400]",
    "1e999999999999999999999": b"[1e999999999999999999999]",
    "1e-999999999999999999999": b"[1e-999999999999999999999]",
    "string of 10 MiB": b'"' + b"4" * 10 * MIB + b'"',
    "string of 10 MiB beside a fraction": b'["' + b"4" * 10 * MIB + b'", 0.10]',
    "a million zeros as strings": b"[" + b",".join([b'":00000000"'] * 100_000) + b"]",
    "duplicate keys": b'{"a": 1, "a": 2}',
    "NUL in a string": b'["\\u0000"]',
    "bare number": b"0.10882300",
}


@pytest.mark.parametrize("data", EITHER.values(), ids=EITHER)
def test_what_is_extreme_gives_the_exact_value_or_a_value_error(data: bytes) -> None:
    found = outcome(data)
    if isinstance(found, ValueError):
        assert type(found) is ValueError
        assert len(str(found)) < 60
        assert found.__context__ is None
    else:
        assert found == by_the_standard_library(data.decode())


@pytest.mark.parametrize("inner", [b"", b"1.5"])
def test_a_thousand_levels_give_a_value_or_a_value_error(inner: bytes) -> None:
    found = outcome(b"[" * 1000 + inner + b"]" * 1000)
    if isinstance(found, ValueError):
        assert str(found) == "is nested too deeply"
    else:
        for _ in range(1000):
            (found,) = found or [None]


def test_the_last_of_duplicate_keys_counts() -> None:
    assert decode(b'{"a": 1, "a": 0.20}') == {"a": Decimal("0.20")}
    assert decode(b'{"a": 0.10, "a": 2}') == {"a": 2}


def with_another_byte(data: bytes) -> st.SearchStrategy[bytes]:
    return st.builds(
        lambda at, byte: data[:at] + bytes([byte]) + data[at + 1 :],
        st.integers(0, len(data)),
        st.integers(0, 255),
    )


@settings(max_examples=400)
@given(st.binary(max_size=60) | documents.map(str.encode).flatmap(with_another_byte))
def test_any_bytes_give_a_value_or_a_value_error(data: bytes) -> None:
    found = outcome(data)
    if isinstance(found, ValueError):
        assert type(found) is ValueError
    else:
        assert repr(found) == repr(by_the_standard_library(data.decode()))
