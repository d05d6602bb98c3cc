"""Whatever comes in becomes one event or exactly one error, and the error tells nothing of what came in."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist import Delivery, from_json, to_json
from cambist.errors import CambistError, PayloadError, VerificationError
from cambist.testing import Case

from .conftest import API_KEY, ARRIVAL, SECRET, Headers, Shop

WEBHOOK = (
    b'{"type":"payment.completed","timestamp":"2026-02-27T10:30:00Z","data":{"id":"txn_1","amount":"1",'
    b'"status":"completed","chain_id":8453,"token_address":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",'
    b'"form_data":{"a":"b"},"checkout_session":{"metadata":"{}"}}}'
)
ORDER = (
    b'{"orderId":"ord_1","status":"executed","callbackMetadata":{"a":"b"},'
    b'"payment":{"dstAmount":"1","dstTokenDecimals":6}}'
)
GOOD = {"shop": WEBHOOK, "orders": ORDER}
PROOF = {"shop": "X-AnySpend-Signature", "orders": "x-api-key"}
SOURCES = pytest.mark.parametrize("source", list(GOOD))

BROKEN = {
    "empty": b"",
    "not UTF-8": b'{"orderId":"\xff\xfe","type":"\xff"}',
    "not JSON": b"orderId=1&type=payment.completed",
    "cut off": WEBHOOK[:-1],
    "a list": b"[]",
    "null": b"null",
    "true": b"true",
    "a bare string": b'"payment.completed"',
    "a bare number": b"7",
    "an empty object": b"{}",
    "NaN": b'{"orderId":NaN,"type":"payment.completed","data":NaN}',
    "Infinity": b'{"orderId":1,"type":"test.ping","x":-Infinity}',
    "a lone surrogate": b'{"orderId":"\\ud800","type":"\\ud800"}',
    "100,000 nested arrays": b"[" * 100_000 + b"]" * 100_000,
    "100,000 nested arrays in a field": b'{"orderId":1,"type":"test.ping","x":'
    + b"[" * 100_000
    + b"]" * 100_000,
    "100,000 nested objects": b'{"data":' * 100_000 + b"1" + b"}" * 100_000,
    "an integer of 5,000 digits": b'{"orderId":' + b"7" * 5000 + b',"type":"payment.completed"}',
}
# What stands in place of each value of a genuine body, one at a time.
OTHERS = {
    "null": None,
    "true": True,
    "a fraction": 0.5,
    "a negative number": -1,
    "a large number": 10**127,
    "a larger number": 10**400,
    "an empty string": "",
    "a string": "\u202e\x00 no such word",
    "NaN in quotes": "NaN",
    "an exponent": "1e999999999",
    "5,000 digits": "7" * 5000,
    "digits of another script": "\N{ARABIC-INDIC DIGIT ONE}",
    "1 MiB": "x" * 2**20,
    "a list": [],
    "a nested list": [[{}]],
    "an object": {},
    "an object with the wrong members": {"id": {}, "metadata": {"metadata": []}},
    "JSON in a string": '{"a":[1,{"b":null}]}',
    "deep JSON in a string": "[" * 5000,
}


KEYS = [
    "type",
    "event",
    "data",
    "id",
    "amount",
    "status",
    "chainId",
    "chain_id",
    "checkoutSession",
    "metadata",
    "formData",
    "form_data",
    "timestamp",
    "orderId",
    "payment",
    "dstAmount",
    "callbackMetadata",
    "x",
]


def process(shop: Shop, source: str, body: bytes, proof: Headers | None = None) -> CambistError | None:
    """Return the error, if there is one, after a look at what it tells."""
    found = None
    try:
        (event,) = shop.send(source, body, proof=proof).events
    except CambistError as error:
        found = error
    if found is None:
        assert from_json(to_json(event)) == event
        assert not any("no such word" in anomaly.problem for anomaly in event.anomalies)
    else:
        told = f"{found} {found!r} {found.__context__!r}"
        assert len(told) < 10_000
        assert not any(word in told for word in (SECRET, API_KEY, "no such word", "xxxx", "7777"))
    return found


@SOURCES
@pytest.mark.parametrize("body", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_body_is_one_payload_error_if_it_is_genuine(source: str, body: bytes, shop: Shop) -> None:
    assert type(process(shop, source, body)) is PayloadError
    forged = [(PROOF[source], "0" * 64)]
    assert type(process(shop, source, body, forged)) is VerificationError


@SOURCES
@pytest.mark.parametrize(
    "proof",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param(" ", id="blank"),
        pytest.param("garbage", id="garbage"),
        pytest.param("t=1,v1=2", id="of another scheme"),
        pytest.param("подпись", id="not ASCII"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param("0" * 64, id="zeros"),
        pytest.param("0" * 2**20, id="1 MiB"),
        pytest.param("whsec_a1b2c3d4e5f6", id="the secret itself"),
        pytest.param("key-of-the-workflow-engine\x00", id="with a NUL"),
        pytest.param("key-of-the-workflow-engin", id="cut off"),
    ],
)
def test_a_bad_proof_is_one_verification_error(source: str, proof: str | bytes | None, shop: Shop) -> None:
    headers: Headers = [] if proof is None else [(PROOF[source], proof)]
    assert type(process(shop, source, GOOD[source], headers)) is VerificationError


def test_a_genuine_signature_behind_a_malformed_one_is_found(shop: Shop) -> None:
    headers = [(PROOF["shop"], "подпись"), (PROOF["shop"], ""), *shop.proof("shop", WEBHOOK)]
    assert process(shop, "shop", WEBHOOK, headers) is None


def test_two_different_keys_are_no_key(shop: Shop) -> None:
    headers = [(PROOF["orders"], "guess"), *shop.proof("orders", ORDER)]
    assert type(process(shop, "orders", ORDER, headers)) is VerificationError


@given(data=st.data())
def test_no_bit_of_a_signed_body_or_of_its_signature_can_be_changed(data: st.DataObject, shop: Shop) -> None:
    ((name, signature),) = shop.proof("shop", WEBHOOK)
    assert isinstance(signature, str)
    parts = [bytearray(WEBHOOK), bytearray(bytes.fromhex(signature))]
    which = data.draw(st.integers(0, 1))
    bit = data.draw(st.integers(0, len(parts[which]) * 8 - 1))
    parts[which][bit // 8] ^= 1 << bit % 8
    with pytest.raises(VerificationError):
        shop.send("shop", bytes(parts[0]), proof=[(name, parts[1].hex())])


@given(bit=st.integers(0, 26 * 8 - 1))
def test_no_bit_of_a_key_can_be_changed(bit: int, shop: Shop) -> None:
    key = bytearray(API_KEY.encode())
    key[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VerificationError):
        shop.send("orders", ORDER, proof=[(PROOF["orders"], bytes(key))])


@SOURCES
def test_duplicate_keys_and_long_strings_give_an_event_or_one_error(source: str, shop: Shop) -> None:
    long = b'"x":"' + b"x" * 10 * 2**20 + b'",'
    for more in (b'"orderId":"ord_2","type":"test.ping",', long):
        assert process(shop, source, GOOD[source].replace(b"{", b"{" + more, 1)) is None


def changed(document: Any, value: Any) -> Iterator[Any]:
    """Return a copy of the document for each of its values, with that one replaced or (...) removed."""
    for key, old in document.items():
        rest = {k: v for k, v in document.items() if k != key}
        yield rest if value is ... else {**document, key: value}
        if isinstance(old, dict):
            for inner in changed(old, value):
                yield {**document, key: inner}


@pytest.mark.parametrize("value", [..., *OTHERS.values()], ids=["removed", *OTHERS])
@pytest.mark.parametrize(
    "name",
    ["payment_completed", "payment_completed_guide", "payment_completed_session_object", "order_executed"],
)
def test_each_value_of_another_type_gives_an_event_or_one_error(
    name: str, value: Any, cases: dict[str, Case], shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    source = "orders" if name.startswith("order") else "shop"
    with caplog.at_level(logging.DEBUG):
        for document in changed(json.loads(cases[name].delivery.body), value):
            error = process(shop, source, json.dumps(document).encode())
            assert error is None or type(error) is PayloadError
    assert caplog.text == ""  # what is logged here would be a fault of the plugin


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=8,
            )
        ),
        max_leaves=30,
    )
)
def test_any_document_gives_an_event_or_one_error(document: Any, shop: Shop) -> None:
    body = json.dumps(document).encode()
    for source in GOOD:
        error = process(shop, source, body)
        assert error is None or type(error) is PayloadError
        if error is not None:
            assert "report" not in str(error)


def test_a_stored_delivery_gives_the_same_event_without_its_proof(shop: Shop) -> None:
    for source, body in GOOD.items():
        processed = shop.send(source, body)
        again = shop.pipeline.parse(Delivery(source, {}, body, ARRIVAL), processed.verification)
        assert (again.events, again.acknowledgement) == (processed.events, processed.acknowledgement)
