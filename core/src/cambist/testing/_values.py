"""What stands in place of a genuine value, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

from cambist.testing._json_paths import REMOVED

CANARY: Final = "cambist-canary"
CANARY_NUMBER: Final = 7_318_529_046
CARD: Final = "4111111111111111"
"""A number for tests that passes for a card's: its check digit is right."""

GONE: Final[Mapping[str, Any]] = {"removed": REMOVED, "null": None}

OTHER_TYPES: Final[Mapping[str, Any]] = {
    "a word": CANARY,
    "an empty string": "",
    "a card number": CARD,
    "an integer": CANARY_NUMBER,
    "a fraction": Decimal("0.50"),
    "true": True,
    "a list": [CANARY, CANARY_NUMBER, None, {}, [CARD]],
    "an object": {CARD: CANARY, "id": {}, "amount": [], "": None},
}

ODD: Final[Mapping[str, Any]] = {
    "a blank": " ",
    "a number in words": "one hundred",
    "NaN in quotes": "NaN",
    "a huge exponent in quotes": "1e999999999",
    "underscores in a number": "1_000",
    "a digit of another script": "\N{ARABIC-INDIC DIGIT ONE}",
    "300 digits in quotes": "9" * 300,
    "letters of another script": "初始化\u202e",
    "a time without a zone": "2026-01-31T12:00:00",
    "the last day of the calendar": "9999-12-31T23:59:59-14:00",
    "JSON in a string": '{"a":[1,{"b":null}]}',
    "deep JSON in a string": "[" * 5_000,
    "zero": 0,
    "a negative integer": -1,
    "a huge exponent": orjson.Fragment("1e999999999"),
    "a number of 5,000 digits": orjson.Fragment("7" * 5_000),
    "NaN": orjson.Fragment("NaN"),
    "false": False,
    "an empty list": [],
    "an empty object": {},
    "500 nested lists": orjson.Fragment("[" * 500 + "]" * 500),
    "90 nested objects": orjson.Fragment('{"a":' * 90 + "1" + "}" * 90),
}

NEW_KEY: Final = "cambist_new_field"
NEW: Final[Mapping[str, Any]] = {
    "text": CANARY,
    "object": {CANARY: [CANARY_NUMBER]},
    "list": [{CANARY: None}],
}
