"""Whatever comes in becomes events or exactly one error."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cambist import Delivery, PaymentEvent, Pipeline, Status, decode_json, encode_json, from_json, to_json
from cambist.errors import PayloadError, VerificationError
from cambist.testing import load_cases

CASES = {case.name: case for case in load_cases(Path(__file__).parent / "cases")}
ARRIVAL = datetime(2026, 1, 15, 12, tzinfo=UTC)
ORDER = b'{"orderNo":"1","orderType":"1","status":"INIT","orderAmount":"1","cardAmount":"1","failReason":""}'

BROKEN = {
    "empty": b"",
    "blank": b" \n",
    "not UTF-8": ORDER.replace(b"INIT", b"\xff\xfe"),
    "UTF-16": ORDER.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + ORDER,
    "a form": b"orderNo=1&status=INIT",
    "cut off": ORDER[:-1],
    "followed by more": ORDER + b"{}",
    "half of a surrogate pair": ORDER.replace(b"INIT", b"\\ud800"),
    "a control character in a string": ORDER.replace(b"INIT", b"IN\x00IT"),
    "a list": b"[" + ORDER + b"]",
    "an empty object": b"{}",
    "null": b"null",
    "true": b"true",
    "a string": b'"order"',
    "an integer": b"7",
    "a fraction": b"0.5",
    "an integer of 5,000 digits": b"7" * 5_000,
    "a string of 10 MiB": b'"' + b"x" * 10 * 2**20 + b'"',
    "a string of 10 MiB of digits": b'"' + b"7" * 10 * 2**20 + b'"',
    "NaN": b"NaN",
    "NaN as a sum": ORDER.replace(b'"1"', b"NaN"),
    "NaN in quotes as a sum": ORDER.replace(b'Amount":"1"', b'Amount":"NaN"'),
    "infinity in quotes as a sum": ORDER.replace(b'Amount":"1"', b'Amount":"-Infinity"'),
    "a sum with a huge exponent": ORDER.replace(b'cardAmount":"1"', b'cardAmount":"1e999999999"'),
    "a sum with a tiny exponent": ORDER.replace(b'cardAmount":"1"', b'cardAmount":1e-999999999'),
    "a sum of 5,000 digits": ORDER.replace(b'cardAmount":"1"', b'cardAmount":"' + b"7" * 5_000 + b'"'),
    "a sum with underscores": ORDER.replace(b'cardAmount":"1"', b'cardAmount":"1_000"'),
    "a sum in digits of another script": ORDER.replace(b'cardAmount":"1"', b'cardAmount":"\\u0661"'),
    "an order number of 5,000 digits": ORDER.replace(b'"orderNo":"1"', b'"orderNo":' + b"7" * 5_000),
    "an order number that is false": ORDER.replace(b'"orderNo":"1"', b'"orderNo":false'),
    "a status that is an object": ORDER.replace(b'"INIT"', b'{"INIT":1}'),
    "100,000 nested arrays": b"[" * 100_000 + b"]" * 100_000,
    "100,000 nested objects": b'{"cardNumber":' * 100_000 + b"1" + b"}" * 100_000,
    "500 nested arrays as a sum": ORDER.replace(b'Amount":"1"', b'Amount":' + b"[" * 500 + b"]" * 500),
}
ACCEPTED = {
    "duplicate keys": ORDER.replace(b'"status"', b'"status":"FAIL","status"'),
    "an order number of 5,000 digits in quotes": ORDER.replace(b'"1"', b'"' + b"7" * 5_000 + b'"', 1),
    "a reason of 10 MiB": ORDER.replace(b'Reason":"', b'Reason":"' + b"x" * 10 * 2**20),
    "a reason of 1 MiB of digits": ORDER.replace(b'Reason":"', b'Reason":"' + b"7 " * 2**19),
    "an unknown field of 5,000 keys": ORDER.replace(b"{", b'{"x":{' + b'"a":1,' * 4_999 + b'"b":1},'),
    "900 nested arrays in an unknown field": ORDER.replace(b"{", b'{"x":' + b"[" * 900 + b"]" * 900 + b","),
    "a status of another script": ORDER.replace(b"INIT", "初始化\u202e".encode()),
    "a sum of 128 digits": ORDER.replace(b'orderAmount":"1"', b'orderAmount":"' + b"7" * 128 + b'"'),
    "a card sum of 128 digits": ORDER.replace(b'cardAmount":"1"', b'cardAmount":' + b"7" * 128),
    "a card sum with an exponent": ORDER.replace(b'cardAmount":"1"', b'cardAmount":"1E+100"'),
    "a negative sum": ORDER.replace(b'orderAmount":"1"', b'orderAmount":"-0"'),
}


def outcome(pipeline: Pipeline, body: bytes) -> PaymentEvent | PayloadError:
    """Return the one event, which survives JSON, or the one error."""
    try:
        (event,) = pipeline.process(Delivery("cards", {}, body, ARRIVAL)).events
    except PayloadError as error:
        return error
    assert from_json(to_json(event)) == event
    return event


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_body_that_is_no_webhook_is_refused(body: bytes, pipeline: Pipeline) -> None:
    with pytest.raises(PayloadError) as refusal:
        pipeline.process(Delivery("cards", {}, body, ARRIVAL))
    assert len(str(refusal.value)) < 2_000
    assert refusal.value.provider == "alchemypay-card"


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_a_body_at_the_edge_is_accepted(body: bytes, pipeline: Pipeline) -> None:
    assert isinstance(outcome(pipeline, body), PaymentEvent)


def test_the_last_of_duplicate_keys_counts(pipeline: Pipeline) -> None:
    event = outcome(pipeline, ACCEPTED["duplicate keys"])
    assert isinstance(event, PaymentEvent)
    assert event.status is Status.CREATED


# --- Each field of each case removed, nulled, emptied, or given another type.

VALUES: dict[str, Any] = {
    "removed": ...,
    "null": None,
    "empty": "",
    "a word": "x",
    "a number": 7,
    "a fraction": Decimal("0.50"),
    "true": True,
    "a list": ["1"],
    "an object": {"a": "1"},
    "a long text": "9" * 300,
    "a blank": " ",
}
DECIDING = {
    *("orderNo", "transactionId", "status", "kycStatus"),
    *("orderAmount", "paymentAmount", "cardAmount"),
    "cardId",  # by which alone an unknown webhook is known
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize(
    "name", ["order_fail", "transaction_complete", "kyc_completed", "transaction_physical"]
)
def test_a_field_of_another_type_gives_an_event_or_one_error(
    name: str, value: Any, pipeline: Pipeline
) -> None:
    document = decode_json(CASES[name].delivery.body)
    for key in document:
        changed = {**document, key: value}
        if value is ...:
            del changed[key]
        result = outcome(pipeline, encode_json(changed))
        if isinstance(result, PayloadError):
            assert key in DECIDING
            assert {fault.path for fault in result.faults} <= {key, ""}


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=30), st.decimals(allow_nan=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=200)
@given(data=st.data())
def test_no_payload_gives_anything_else(data: st.DataObject, pipeline: Pipeline) -> None:
    case = CASES[data.draw(st.sampled_from(["order_document", "transaction_complete", "kyc_completed"]))]
    document = decode_json(case.delivery.body)
    keys = st.sampled_from([*document, "date", "failReason", "voucherCode", "x"])
    document |= data.draw(st.dictionaries(keys, JSON, max_size=4))
    try:
        body = encode_json(document)
    except (TypeError, ValueError):  # lone surrogates
        return
    result = outcome(pipeline, body)
    assert "fault of the plugin" not in str(result)


@given(body=st.binary(max_size=100))
def test_no_bytes_give_anything_else(body: bytes, pipeline: Pipeline) -> None:
    with pytest.raises(PayloadError):
        pipeline.process(Delivery("cards", {}, body, ARRIVAL))


# --- Signatures.

SIGNED = CASES["verified_signed"]
GOOD = SIGNED.delivery.headers["ach-access-sign"]
TIME = SIGNED.delivery.headers["ach-access-timestamp"]


def mac(message: bytes, key: bytes = b"sk-s3cret") -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


FORGED: dict[str, list[tuple[str | bytes, str | bytes]]] = {
    "nothing": [],
    "no time": [("ach-access-sign", GOOD)],
    "an empty time": [("ach-access-sign", GOOD), ("ach-access-timestamp", "")],
    "a time that is none": [("ach-access-sign", GOOD), ("ach-access-timestamp", "now")],
    "a time in digits of another script": [
        ("ach-access-sign", GOOD),
        ("ach-access-timestamp", TIME.replace("1", "\N{ARABIC-INDIC DIGIT ONE}")),
    ],
    "a time of 1,000 digits": [("ach-access-sign", GOOD), ("ach-access-timestamp", "9" * 1000)],
    "two times": [
        ("ach-access-sign", GOOD),
        ("ach-access-timestamp", TIME),
        ("ach-access-timestamp", str(int(TIME) + 1)),
    ],
    "another time": [("ach-access-sign", GOOD), ("ach-access-timestamp", str(int(TIME) + 1))],
    "no signature": [("ach-access-timestamp", TIME)],
    **{
        what: [("ach-access-sign", signature), ("ach-access-timestamp", TIME)]
        for what, signature in {
            "an empty signature": "",
            "garbage": "garbage",
            "not ASCII": "é" * 44,
            "not ASCII, as bytes": b"\xff" * 44,
            "cut off": GOOD[:-1],
            "in hex": base64.b64decode(GOOD).hex(),
            "in other case": GOOD.swapcase(),
            "for an empty body": mac(f"{TIME}POST/webhooks/cards".encode()),
            "of the body alone": mac(SIGNED.delivery.body),
            "of another method": mac(f"{TIME}GET/webhooks/cards".encode() + SIGNED.delivery.body),
            "of an empty secret": mac(f"{TIME}POST/webhooks/cards".encode() + SIGNED.delivery.body, b""),
        }.items()
    },
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_a_forged_signature_is_refused(headers: list[tuple[str, str]], watched: Pipeline) -> None:
    delivery = Delivery("signed", headers, SIGNED.delivery.body, ARRIVAL, SIGNED.delivery.path)
    with pytest.raises(VerificationError) as refusal:
        watched.process(delivery)
    assert GOOD not in str(refusal.value)


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_signed_body_that_is_no_webhook_gives_one_error(body: bytes, watched: Pipeline) -> None:
    signature = mac(f"{TIME}POST/webhooks/cards".encode() + body)
    headers = {"ach-access-sign": signature, "ach-access-timestamp": TIME}
    with pytest.raises(PayloadError):
        watched.process(Delivery("signed", headers, body, ARRIVAL, "/webhooks/cards"))


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_signature_an_hour_off_is_refused(hours: int, watched: Pipeline) -> None:
    headers = {"ach-access-sign": GOOD, "ach-access-timestamp": TIME}
    when = ARRIVAL + timedelta(hours=hours)
    with pytest.raises(VerificationError, match="too far from the time of arrival"):
        watched.process(Delivery("signed", headers, SIGNED.delivery.body, when, SIGNED.delivery.path))


@pytest.mark.parametrize("seconds", [-301, -300, 300, 301])
def test_five_minutes_either_way_are_fresh_unless_told(seconds: int, watched: Pipeline) -> None:
    headers = {"ach-access-sign": GOOD, "ach-access-timestamp": TIME}
    when = ARRIVAL + timedelta(seconds=seconds)
    delivery = Delivery("signed", headers, SIGNED.delivery.body, when, SIGNED.delivery.path)
    if abs(seconds) <= 300:
        assert watched.process(delivery).events
    else:
        with pytest.raises(VerificationError):
            watched.process(delivery)


@pytest.mark.parametrize("lost", ["path", "received_at"])
def test_without_a_path_or_a_time_nothing_is_proven(lost: str, watched: Pipeline) -> None:
    headers = {"ach-access-sign": GOOD, "ach-access-timestamp": TIME}
    known = {"path": "/webhooks/cards", "received_at": ARRIVAL, lost: None}
    with pytest.raises(VerificationError):
        watched.process(Delivery("signed", headers, SIGNED.delivery.body, **known))  # type: ignore[arg-type]


def test_a_valid_signature_after_a_malformed_one_is_found(watched: Pipeline) -> None:
    headers = [("ach-access-sign", "é"), ("ach-access-sign", GOOD), ("ach-access-timestamp", TIME)]
    assert watched.process(
        Delivery("signed", headers, SIGNED.delivery.body, ARRIVAL, "/webhooks/cards")
    ).events
