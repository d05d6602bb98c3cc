"""An account's key is read if every character is right, and else refused."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cambist_stellar.strkey import decode_account, encode_account

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
keys = st.binary(min_size=32, max_size=32)

# SEP-23 gives the first with its bytes; the second is Circle's, the issuer of USDC.
KNOWN = {
    "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ": (
        "3f0c34bf93ad0d9971d04ccc90f705511c838aad9734a4a2fb0d7a03fc7fe89a"
    ),
    "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN": (
        "3b9911380efe988ba0a8900eb1cfe44f366f7dbe946bed077240f7f624df15c5"
    ),
}
GOOD = next(iter(KNOWN))
REASON = r"base32|public key|checksum"


def written(version: int, key: bytes) -> str:
    """Write a key of any version as StrKey has it, checksum and all."""
    payload = bytes([version]) + key
    checksum = binascii.crc_hqx(payload, 0).to_bytes(2, "little")
    return base64.b32encode(payload + checksum).decode()


REFUSED = {
    "empty": "",
    "a letter short": GOOD[:-1],
    "a letter long": GOOD + "A",
    "padded": GOOD[:-1] + "=",
    "in small letters": GOOD.lower(),
    "with a digit that base32 has not": GOOD[:-1] + "1",
    "with a space": " " + GOOD[1:],
    "with a line break": GOOD[:-1] + "\n",
    "not ASCII": GOOD[:-1] + "Ж",
    "an O of another script": GOOD.replace("A", "\N{CYRILLIC CAPITAL LETTER A}"),
    "a secret seed": written(18 << 3, b"s" * 32),
    "a hash": written(23 << 3, b"h" * 32),
    "a contract": written(2 << 3, b"c" * 32),
    "a muxed account": written(12 << 3, b"m" * 40),
    "half an account": written(6 << 3, b"g" * 16),
    "the checksum the other way round": base64.b32encode(
        b"\x30" + b"g" * 32 + binascii.crc_hqx(b"\x30" + b"g" * 32, 0).to_bytes(2, "big")
    ).decode(),
}


@pytest.mark.parametrize(("text", "key"), KNOWN.items())
def test_known_accounts(text: str, key: str) -> None:
    assert decode_account(text).hex() == key
    assert encode_account(bytes.fromhex(key)) == text


@given(keys)
def test_a_key_survives_writing_and_reading(key: bytes) -> None:
    text = encode_account(key)
    assert len(text) == 56
    assert text.startswith("G")
    assert decode_account(text) == key


@settings(max_examples=400, deadline=None)
@given(keys, st.integers(0, 55), st.sampled_from(ALPHABET))
def test_one_character_of_another_value_is_refused(key: bytes, place: int, letter: str) -> None:
    text = encode_account(key)
    other = text[:place] + letter + text[place + 1 :]
    if other != text:
        with pytest.raises(ValueError, match=REASON):
            decode_account(other)


@settings(deadline=None)
@given(keys, st.integers(0, 54))
def test_two_neighbours_that_changed_places_are_refused(key: bytes, place: int) -> None:
    text = encode_account(key)
    other = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    if other != text:
        with pytest.raises(ValueError, match=REASON):
            decode_account(other)


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_no_account_is_refused_and_not_told(text: str) -> None:
    with pytest.raises(ValueError, match=REASON) as caught:
        decode_account(text)
    assert not text or text not in str(caught.value)


@given(st.text(max_size=80))
def test_any_text_is_an_account_or_refused(text: str) -> None:
    try:
        key = decode_account(text)
    except ValueError:
        return
    assert encode_account(key) == text
