"""Card numbers out of raw bodies: all digits but the last four become ``*``, and everything else stays.

In JSON these are masked:

- under a key such as ``cardNumber``, at any depth, every run of 12 or more digits;
- anywhere else, every 13 to 19 digits that pass the Luhn check, alone or in a longer text;
- what stood under such a key, wherever else it stands.

A run may have spaces, dashes or dots in it, escapes, or be a JSON number, which then becomes a string.

`EXEMPT` keys are spared the second rule: it takes one number in ten for a card's, and what an event takes as
an identifier, a sum, a rate, a time or an address must not change. The third rule holds for them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from cambist import decode_json, encode_json
from cambist_alchemypay.card_numbers import NONE, RUN, Known, hidden, known_of

EXEMPT = frozenset(
    {
        *("orderNo", "transactionId", "userNo", "cardId"),
        *("orderAmount", "paymentAmount", "cardAmount", "preAuthAmount", "transactionAmount"),
        *("applyFee", "rechargeFee", "rechargeMarkup", "deliveryFee"),
        *("currencyExchangeRate", "cryptoCurrencyExchangeRate"),
        *("orderTime", "preAuthTime", "transactionTime", "gmtCreate", "gmtModified", "kycStartTime", "date"),
        "cryptoAddress",
    }
)

_card_key = re.compile(r"card[\W_]*(?:number|num|no)|primary[\W_]*account|^pan$", re.I).search
_after_card_key = re.compile(r"(?:card[\W_]*(?:number|num|no)|\bpan)\W{0,16}$", re.I).search
# Of valid JSON: a string (with a colon after it, a key), a number, an opening and a closing bracket.
_token = re.compile(
    rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")(\s*+:)?|(-?[0-9][0-9.eE+-]*+)|([\[{])|([\]}])', re.S
).finditer
_KEY, _OPENING, _CLOSING = 2, 4, 5
# A number with a point or an exponent; its whole part counts.
_number = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,6}))?", re.A).fullmatch
# Of 12 to 19 digits in a row all but the last four.
_lone = re.compile(r"(?<!\d)\d{8,15}(?=\d{4}(?!\d))")
# A JSON escape, a form's escape, and what UTF-16 has between two digits.
_encoded = re.compile(r"\\u00([0-9a-f]{2})|%([0-9a-f]{2})|\0", re.I)


class Place(Enum):
    """Where a text stands, which decides what is a card number in it."""

    CARD = "under a key such as cardNumber"
    EXEMPT = "under one of the keys in EXEMPT"
    FREE = "anywhere else"


def redact(body: bytes) -> bytes:
    """Return the body without card numbers. Never raises.

    JSON stays the same JSON but for the masks. In a body that is no JSON, of which no event is ever made,
    every 12 to 19 digits in a row are masked too: what they are cannot be told there.
    """
    try:
        decode_json(body)
    except ValueError:
        return _unreadable(body)
    return _json(body)


def _json(body: bytes) -> bytes:
    scalars = list(_scalars(body))
    known = known_of(_whole(text) or text for *_, text, place in scalars if place is Place.CARD)
    pieces, done = [], 0
    for start, end, text, place in scalars:
        masked = _masked(text, place, known)
        if masked != text:
            pieces += [body[done:start], encode_json(masked)]
            done = end
    return b"".join([*pieces, body[done:]])


def _scalars(body: bytes) -> Iterator[tuple[int, int, str, Place]]:
    """Return the keys, strings and numbers of valid JSON that are long enough, with where they stand."""
    around: list[tuple[bytes, bool]] = []
    key, card = b"", False
    for token in _token(body):
        kind, (start, end) = token.lastindex, token.span()
        if kind == _OPENING:
            around.append((key, card))
            key, card = b"", card or _card_key(_text(key)) is not None
        elif kind == _CLOSING:
            key, card = around.pop()
        elif kind == _KEY:
            key, end = token[1], token.end(1)
            if end - start >= 14:
                yield start, end, _text(key), Place.FREE
        elif end - start >= 12:
            yield start, end, _text(token[0]), Place.CARD if card else _place(_text(key))


def _place(key: str) -> Place:
    if key in EXEMPT:
        return Place.EXEMPT
    return Place.CARD if _card_key(key) else Place.FREE


def _text(token: bytes) -> str:
    """Return what a JSON string or number says."""
    if b"\\" in token:
        return str(decode_json(token))
    return token.decode().strip('"')


def _masked(text: str, place: Place, known: Known) -> str:
    whole = _whole(text)
    if whole is not None:
        masked = _mask_runs(whole, place, known)
        if masked != whole:
            return masked
        if place is not Place.CARD:  # a sum or a rate: its fraction is no card number
            return text
    return _mask_runs(text, place, known)


def _mask_runs(text: str, place: Place, known: Known) -> str:
    letters: list[str] | None = None
    for run in RUN.finditer(text):
        named = place is Place.CARD or _after_card_key(text[max(0, run.start() - 40) : run.start()])
        for index in hidden(
            run[0],
            known,
            all_of_it=bool(named),
            luhn=place is not Place.EXEMPT,
        ):
            letters = letters or list(text)
            letters[run.start() + index] = "*"
    return text if letters is None else "".join(letters)


def _whole(text: str) -> str | None:
    """Return the digits before the point of a decimal number; nothing if the text is none, or is huge."""
    parts = _number(text)
    if parts is None or (parts[2] is None and parts[3] is None):
        return None
    digits = parts[1] + (parts[2] or "")
    point = len(parts[1]) + int(parts[3] or 0)
    if point > len(digits):
        digits = digits.ljust(min(point, 20), "0")
    return digits[: max(point, 0)].lstrip("0")


def _unreadable(body: bytes) -> bytes:
    text = body.decode(errors="surrogateescape")
    plain = _encoded.sub(_decoded, text)
    masked = _mask_runs(_lone.sub(lambda match: "*" * len(match[0]), plain), Place.FREE, NONE)
    return body if masked == plain else masked.encode(errors="surrogateescape")


def _decoded(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else ""
