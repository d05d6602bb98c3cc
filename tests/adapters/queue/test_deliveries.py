"""Raw deliveries as messages, and dead letters."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist import Delivery
from cambist.errors import CambistError, Fault, PayloadError, UnknownSource, VerificationError
from cambist_queue import Received, decode_delivery, encode_delivery
from cambist_queue import _dead as dead

from .toy import CARD, PIPELINE, SECRET, START, body, genuine

_name = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1)
_bytes = st.binary(max_size=50)


@given(
    headers=st.lists(st.tuples(_name, _bytes)),
    raw=_bytes,
    path=st.none() | _bytes,
    remote=st.none() | st.text(max_size=40),
    when=st.datetimes(timezones=st.just(UTC)),
)
def test_a_delivery_comes_back_as_it_was(
    headers: list[tuple[str, bytes]], raw: bytes, path: bytes | None, remote: str | None, when: datetime
) -> None:
    given_path = None if path is None else path.decode(errors="surrogateescape")
    one = Delivery("shop", headers, raw, when, given_path, remote)
    assert decode_delivery(encode_delivery(one, "key").body) == one


def test_it_still_proves_genuine() -> None:
    one = genuine(body(1))
    again = decode_delivery(encode_delivery(one, "key").body)
    assert PIPELINE.process(again).events == PIPELINE.process(one).events


def test_another_team_writes_the_format_by_hand() -> None:
    document = {
        "schema": "cambist.delivery/1",
        "source": "shop",
        "received_at": "2026-01-31T12:00:00Z",
        "headers": [["X-Signature", "abc"], ["x-signature", "\u00e9"]],
        "body": b64encode(b'{"a": 1}').decode(),
    }
    found = decode_delivery(json.dumps(document).encode())
    assert found == Delivery(
        "shop", [("X-Signature", "abc"), ("x-signature", b"\xe9")], b'{"a": 1}', START, None, None
    )


def test_two_copies_of_a_delivery_are_two_messages() -> None:
    # A forged copy that a broker remembers must not displace the genuine one.
    assert encode_delivery(genuine(body(1)), "key").id != encode_delivery(genuine(body(1)), "key").id


_WHOLE: dict[str, Any] = {
    "schema": "cambist.delivery/1",
    "source": "shop",
    "received_at": "2026-01-31T12:00:00Z",
    "headers": [],
    "body": "",
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "cambist.delivery/2"}, "schema"),
        ({"source": None}, "source"),
        ({"source": 1}, "source"),
        ({"received_at": "2026-01-31T12:00:00"}, "received_at"),
        ({"received_at": 1769860800}, "received_at"),
        ({"received_at": None}, "received_at"),
        ({"received_at": "0001-01-01T00:00:00+23:00"}, "received_at"),
        ({"received_at": "9999-12-31T23:59:59-23:00"}, "received_at"),
        ({"headers": {"a": "b"}}, "headers"),
        ({"headers": [["a", "b", "c"]]}, "headers"),
        ({"headers": [["a", 1]]}, "headers"),
        ({"headers": [["a", "\u20ac"]]}, "headers"),
        ({"body": "not base64!"}, "body"),
        ({"body": None}, "body"),
        ({"path": 1}, "path"),
        ({"path": "\u20ac"}, "path"),
        ({"remote": []}, "remote"),
        ({"4111111111111111": 1}, "1 members"),
    ],
    ids=str,
)
def test_what_is_no_delivery_is_refused_by_the_member(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        decode_delivery(json.dumps({**_WHOLE, **change}).encode())
    assert "4111" not in str(refused.value)


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'"text"', b"\xff", b"{" * 100_000, b"1e999"], ids=len)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="is not a JSON object whose schema is"):
        decode_delivery(raw)


ERRORS: list[CambistError] = [
    VerificationError("the signature is not of this body", source="cards"),
    PayloadError([Fault("amount", "is missing")], source="cards"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_dead_letter_says_why_and_holds_no_secret_and_no_card_number(error: CambistError) -> None:
    raw = body(1, note=f"card {CARD}")
    one = genuine(raw, "cards", **{"X-Kind": "a", "Authorization": "Bearer b", "Cookie": "c"})
    letter = dead.of_delivery(one, error, PIPELINE)
    found = json.loads(letter.body)
    assert (found["schema"], found["error"], found["reason"]) == (
        "cambist.dead-letter/1",
        type(error).__name__,
        str(error),
    )
    kept = found["delivery"]
    assert kept["source"] == "cards"
    assert kept["received_at"] == "2026-01-31T12:00:00+00:00"
    assert kept["bytes"] == len(raw)
    assert b64decode(kept["body"]) == raw.replace(CARD.encode(), b"*" * 16)
    assert [name for name, _ in kept["headers"]] == ["x-kind", "x-signature"]
    everything = letter.body + b64decode(kept["body"])
    assert not any(
        secret in everything for secret in (SECRET.encode(), CARD.encode(), b"Bearer", b"webhooks")
    )


def test_the_faults_of_a_payload_are_told_up_to_twenty() -> None:
    error = PayloadError([Fault(f"items[{n}]", "is missing") for n in range(30)], source="toy")
    found = json.loads(dead.of_delivery(genuine(body(1)), error, PIPELINE).body)
    assert len(found["faults"]) == 20
    assert found["faults"][0] == {"path": "items[0]", "problem": "is missing"}


def test_of_an_unknown_source_nothing_is_kept_but_the_body() -> None:
    one = Delivery("who", {"X-Key": SECRET}, body(1), START)
    error = UnknownSource("no such source is configured", source="who")
    letter = dead.of_delivery(one, error, PIPELINE)
    kept = json.loads(letter.body)["delivery"]
    assert set(kept) == {"source", "received_at", "bytes", "body"}
    assert b64decode(kept["body"]) == body(1)
    assert SECRET.encode() not in letter.body


def test_of_an_unknown_source_whose_deliveries_may_hold_card_numbers_nothing_is_kept() -> None:
    one = Delivery("who", {"X-Key": SECRET}, CARD.encode(), START)
    error = UnknownSource("no such source is configured", source="who")
    letter = dead.of_delivery(one, error, PIPELINE, card_numbers=True)
    assert set(json.loads(letter.body)["delivery"]) == {"source", "received_at", "bytes"}


@given(value=_bytes)
def test_a_letter_tells_the_bytes_of_a_header_whatever_they_are(value: bytes) -> None:
    one = Delivery("cards", [(b"X-Kind", value)], body(1), START)
    found = json.loads(dead.of_delivery(one, ERRORS[0], PIPELINE).body)
    assert found["delivery"]["headers"] == [["x-kind", value.decode("latin-1")]]


def test_of_a_message_that_is_no_delivery_nothing_is_kept_but_its_digest() -> None:
    letter = dead.of_message(Received(CARD.encode(), None, {"k": SECRET}, "t", 3), "is no delivery")
    found = json.loads(letter.body)
    assert found["message"]["topic"] == "t"
    assert found["message"]["partition"] == 3
    assert found["message"]["bytes"] == 16
    assert len(found["message"]["sha256"]) == 64
    assert CARD.encode() not in letter.body
    assert SECRET.encode() not in letter.body
