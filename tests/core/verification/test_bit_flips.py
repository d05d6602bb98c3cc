"""No single bit of a body or of a signature's header may change."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st


def flipped(data: bytes, bit: int) -> bytes:
    at, place = divmod(bit, 8)
    return data[:at] + bytes([data[at] ^ (1 << place)]) + data[at + 1 :]


def flipped_text(text: str, bit: int) -> str:
    return flipped(text.encode(), bit).decode("latin-1")


def test_no_bit_of_its_header_may_change(row: Any) -> None:
    value = row.signed().headers[row.header]
    for bit in range(len(value) * 8):
        other = flipped_text(value, bit)
        if not row.same(value, other):
            row.refusal(row.with_values(other))


def test_no_bit_of_the_body_may_change(signature: Any) -> None:
    genuine = signature.signed()
    for bit in range(len(genuine.body) * 8):
        signature.refusal(evolve(genuine, body=flipped(genuine.body, bit)))


@settings(max_examples=800)
@given(body=st.binary(min_size=1, max_size=200), draw=st.data())
def test_of_any_body_no_bit_may_change(signature: Any, body: bytes, draw: st.DataObject) -> None:
    genuine, header = signature.signed(body), signature.header
    scheme = signature.make(signature.secrets())
    assert scheme.verify(genuine).label == "key 1"
    bit = draw.draw(st.integers(0, len(body) * 8 - 1), "bit of the body")
    signature.refusal(evolve(genuine, body=flipped(body, bit)))
    value = genuine.headers[header]
    other = flipped_text(value, draw.draw(st.integers(0, len(value) * 8 - 1), "bit of the header"))
    if not signature.same(value, other):
        headers = {**genuine.headers, header.lower(): other}
        signature.refusal(evolve(genuine, headers=headers))
