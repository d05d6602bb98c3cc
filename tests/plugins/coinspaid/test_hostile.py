"""Whatever comes in becomes events or exactly one error, and the error tells nothing of what came in."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cambist import (
    Delivery,
    Money,
    PaymentEvent,
    Pipeline,
    Receiver,
    Registry,
    Source,
    decode_json,
    encode_json,
    from_json,
    to_json,
)
from cambist.errors import CambistError, PayloadError, UnknownSource, VerificationError
from cambist.testing import Case

SIGNATURE = "X-Processing-Signature"
CALLBACK = (
    b'{"id":1,"type":"deposit","status":"confirmed","error":"",'
    b'"currency_sent":{"currency":"BTC","amount":"1"},"transactions":[{"id":2,"currency":"BTC","amount":"1"}]}'
)

# --- Bodies that are no callback. Signed: PayloadError. Not signed, or badly: VerificationError.

BROKEN = {
    "empty": b"",
    "blank": b" \n",
    "not UTF-8": CALLBACK.replace(b"BTC", b"\xff\xfe"),
    "Latin-1": CALLBACK.replace(b"BTC", b"\xe9"),
    "UTF-16": CALLBACK.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + CALLBACK,
    "not JSON": b"id=1&type=deposit&status=confirmed",
    "cut off": CALLBACK[:-1],
    "followed by more": CALLBACK + b"{}",
    "half of a surrogate pair": CALLBACK.replace(b"BTC", b"\\ud800"),
    "a control character in a string": CALLBACK.replace(b"BTC", b"B\x00C"),
    "single quotes": CALLBACK.replace(b'"', b"'"),
    "a list": b"[" + CALLBACK + b"]",
    "an empty list": b"[]",
    "an empty object": b"{}",
    "null": b"null",
    "true": b"true",
    "a string": b'"deposit"',
    "an integer": b"7",
    "a fraction": b"0.5",
    "an integer of 5,000 digits": b"7" * 5_000,
    "a string of 10 MiB": b'"' + b"x" * 10 * 2**20 + b'"',
    "NaN": b"NaN",
    "NaN as an amount": CALLBACK.replace(b'"1"', b"NaN"),
    "NaN in quotes as an amount": CALLBACK.replace(b'"1"', b'"NaN"'),
    "Infinity as an amount": CALLBACK.replace(b'"1"', b"Infinity"),
    "minus infinity in quotes as an amount": CALLBACK.replace(b'"1"', b'"-Infinity"'),
    "100,000 nested arrays": b"[" * 100_000 + b"]" * 100_000,
    "100,000 open arrays": b"[" * 100_000,
    "100,000 nested objects": b'{"data":' * 100_000 + b"1" + b"}" * 100_000,
    "nested arrays as an amount": CALLBACK.replace(b'"1"', b"[" * 500 + b"0.5" + b"]" * 500),
}

# --- Signatures of a genuine body that are not its signature.


def _mac(body: bytes, secret: bytes = b"AbCdEfG123456", digest: str = "sha512") -> str:
    return hmac.new(secret, body, digest).hexdigest()


GOOD = _mac(CALLBACK)
FORGED: dict[str, list[tuple[str | bytes, str | bytes]]] = {
    "missing": [],
    "under another name": [("X-Signature", GOOD)],
    "empty": [(SIGNATURE, "")],
    "blank": [(SIGNATURE, " ")],
    "garbage": [(SIGNATURE, "garbage")],
    "not ASCII": [(SIGNATURE, "é" * 128)],
    "not ASCII, as bytes": [(SIGNATURE, b"\xff" * 128)],
    "letters that only look like hex": [(SIGNATURE, GOOD.replace("a", "\N{CYRILLIC SMALL LETTER A}"))],
    "digits of another script": [(SIGNATURE, GOOD.replace("1", "\N{ARABIC-INDIC DIGIT ONE}"))],
    "cut off": [(SIGNATURE, GOOD[:-1])],
    "longer": [(SIGNATURE, GOOD + "0")],
    "twice in a row": [(SIGNATURE, GOOD + GOOD)],
    "with a line break": [(SIGNATURE, GOOD + "\n")],
    "with a NUL": [(SIGNATURE, GOOD + "\x00")],
    "with a prefix": [(SIGNATURE, "sha512=" + GOOD)],
    "in base64": [(SIGNATURE, "A/wl/PfNNeeNWaTNUf1d7dctSOFHGGWQeWeAmgwYm6VbkIFfIOK7EPgsesnX5oU=")],
    "of 1 MiB": [(SIGNATURE, "0" * 2**20)],
    "all zeros": [(SIGNATURE, "0" * 128)],
    "of another body": [(SIGNATURE, _mac(CALLBACK + b" "))],
    "of the empty body": [(SIGNATURE, _mac(b""))],
    "of another secret": [(SIGNATURE, _mac(CALLBACK, b"another"))],
    "of an empty secret": [(SIGNATURE, _mac(CALLBACK, b""))],
    "of the secret in other case": [(SIGNATURE, _mac(CALLBACK, b"abcdefg123456"))],
    "of another hash": [(SIGNATURE, _mac(CALLBACK, digest="sha256"))],
    "without a secret": [(SIGNATURE, hashlib.sha512(CALLBACK).hexdigest())],
}

# --- Bodies at the edge of what is possible: each is accepted, or gives exactly one error.

ACCEPTED = {
    "duplicate keys": CALLBACK.replace(b'"status"', b'"status":"cancelled","status"'),
    "an id of 5,000 digits in quotes": CALLBACK.replace(b'"id":1', b'"id":"' + b"7" * 5_000 + b'"'),
    "an unknown field of 10 MiB": CALLBACK.replace(b'"id":1', b'"id":1,"x":"' + b"x" * 10 * 2**20 + b'"'),
    "an error of 10 MiB": CALLBACK.replace(b'"error":"', b'"error":"' + b"x" * 10 * 2**20),
    "an unknown status of 10 MiB": CALLBACK.replace(b"confirmed", b"x" * 10 * 2**20),
    "an unknown type of 10 MiB": CALLBACK.replace(b'"deposit"', b'"' + b"x" * 10 * 2**20 + b'"'),
    "a field name of 1 MiB": CALLBACK.replace(b'"id":1', b'"id":1,"' + b"x" * 2**20 + b'":1'),
    "an unknown field of 300 digits": CALLBACK.replace(b'"id":1', b'"id":1,"x":' + b"7" * 300),
    "500 nested arrays in an unknown field": CALLBACK.replace(
        b'"id":1', b'"id":1,"x":' + b"[" * 500 + b"0.5" + b"]" * 500
    ),
    "an unknown status": CALLBACK.replace(b"confirmed", "подтверждено\u202e".encode()),
}
REFUSED = {
    "an id of 5,000 digits": CALLBACK.replace(b'"id":1', b'"id":' + b"7" * 5_000),
    "an id of 200 digits": CALLBACK.replace(b'"id":1', b'"id":' + b"7" * 200),
    "an amount of 5,000 digits": CALLBACK.replace(b'"1"', b"7" * 5_000),
    "an amount of 5,000 digits in quotes": CALLBACK.replace(b'"1"', b'"' + b"7" * 5_000 + b'"'),
    "an amount of 5,000 decimals": CALLBACK.replace(b'"1"', b"0." + b"7" * 5_000),
    "an amount of 10 MiB": CALLBACK.replace(b'"1"', b'"' + b"7" * 10 * 2**20 + b'"'),
    "an amount with a huge exponent": CALLBACK.replace(b'"1"', b"1e999999999"),
    "an amount with a huge exponent in quotes": CALLBACK.replace(b'"1"', b'"1e999999999"'),
    "an amount with a tiny exponent": CALLBACK.replace(b'"1"', b"1e-999999999"),
    "an exponent that no decimal has": CALLBACK.replace(b'"1"', b"1e" + b"9" * 30),
    "an amount with underscores": CALLBACK.replace(b'"1"', b'"1_000"'),
    "an amount with a space": CALLBACK.replace(b'"1"', b'" 1"'),
    "an amount with a comma": CALLBACK.replace(b'"1"', b'"1,5"'),
    "an amount in digits of another script": CALLBACK.replace(
        b'"1"', '"\N{ARABIC-INDIC DIGIT ONE}"'.encode()
    ),
    "an amount in hexadecimal": CALLBACK.replace(b'"1"', b'"0x1F"'),
    "a duplicate id whose last is null": CALLBACK.replace(b'"id":1', b'"id":1,"id":null'),
}
# Numbers that no event needs, past what a double holds: readers of JSON may refuse them (RFC 8259, 6).
EITHER = {
    "an unknown field of 400 digits": CALLBACK.replace(b'"id":1', b'"id":1,"x":' + b"7" * 400),
    "an unknown field of 5,000 digits": CALLBACK.replace(b'"id":1', b'"id":1,"x":' + b"7" * 5_000),
    "an unknown field with a huge exponent": CALLBACK.replace(b'"id":1', b'"id":1,"x":1e999999999'),
    "a risk score with a huge exponent": CALLBACK.replace(b'"id":2', b'"id":2,"riskscore":1e999999999'),
    "a time of 5,000 digits": CALLBACK.replace(b'"id":1', b'"id":1,"fixed_at":' + b"7" * 5_000),
}

table = pytest.mark.parametrize


def only_error(call: Callable[[], object]) -> CambistError:
    """Return the error that the call ends with: one of our tree, with no other behind it."""
    with pytest.raises(CambistError) as caught:
        call()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


@table("body", BROKEN.values(), ids=BROKEN)
def test_a_genuine_body_that_is_no_callback_is_a_payload_error(body: bytes, shop: Any) -> None:
    error = only_error(lambda: shop.send(body))
    assert type(error) is PayloadError
    assert error.faults


@table("body", BROKEN.values(), ids=BROKEN)
@table(
    "headers", [[], [(SIGNATURE, "garbage")], [(SIGNATURE, "0" * 128)]], ids=["missing", "garbage", "wrong"]
)
def test_a_body_that_is_not_signed_is_not_even_read(headers: Any, body: bytes, shop: Any) -> None:
    assert type(only_error(lambda: shop.send(body, headers))) is VerificationError


@table("headers", FORGED.values(), ids=FORGED)
def test_a_signature_that_is_not_of_the_body_and_the_secret_is_refused(headers: Any, shop: Any) -> None:
    assert shop.send(CALLBACK, [(SIGNATURE, GOOD)]).events
    assert type(only_error(lambda: shop.send(CALLBACK, headers))) is VerificationError


@table(
    "headers",
    [
        [(SIGNATURE, GOOD)],
        [(SIGNATURE.upper(), GOOD.upper())],
        [(SIGNATURE.encode(), GOOD.encode())],
        [(SIGNATURE, "garbage"), (SIGNATURE, "\xff"), (SIGNATURE, GOOD)],
        [(SIGNATURE, GOOD), (SIGNATURE, "")],
    ],
    ids=["as signed", "in capitals", "as bytes", "after malformed ones", "before an empty one"],
)
def test_a_valid_signature_is_found(headers: Any, shop: Any) -> None:
    assert shop.send(CALLBACK, headers).verification == shop.send(CALLBACK).verification


@table("body", ACCEPTED.values(), ids=ACCEPTED)
def test_an_extreme_body_that_is_a_callback_is_accepted(body: bytes, shop: Any) -> None:
    event = shop.event(body)
    assert from_json(to_json(event)) == event


@table("body", REFUSED.values(), ids=REFUSED)
def test_an_extreme_body_that_is_no_callback_is_a_payload_error(body: bytes, shop: Any) -> None:
    assert type(only_error(lambda: shop.send(body))) is PayloadError


@table("body", EITHER.values(), ids=EITHER)
def test_a_number_that_no_event_needs_is_accepted_or_a_payload_error(body: bytes, shop: Any) -> None:
    try:
        accepted = bool(shop.send(body).events)
    except CambistError:
        accepted = False
    assert accepted or type(only_error(lambda: shop.send(body))) is PayloadError


def test_the_last_of_duplicate_keys_counts(shop: Any) -> None:
    assert shop.event(ACCEPTED["duplicate keys"]).provider_status == "confirmed"


@table("hours", [-1, 0, 1, 24 * 365])
def test_nothing_depends_on_the_time_since_the_vendor_signs_none(hours: int, shop: Any) -> None:
    delivery = shop.signed(CALLBACK)
    later = Delivery("shop", delivery.headers, CALLBACK, delivery.received_at + timedelta(hours=hours))
    assert shop.pipeline.process(later).events[0].id == shop.event(CALLBACK).id
    assert shop.pipeline.process(Delivery("shop", delivery.headers, CALLBACK)).events


@table(
    "source",
    ["", "Shop", "shop ", "shop/../shop", "x" * 10_000, "\ud800"],
    ids=["empty", "in capitals", "with a space", "a path", "long", "not text"],
)
def test_an_unknown_source_is_its_own_error(source: str, shop: Any) -> None:
    delivery = Delivery(source, {SIGNATURE: GOOD}, CALLBACK)
    assert type(only_error(lambda: shop.pipeline.process(delivery))) is UnknownSource


# --- Single bits, of any documented callback. A hex digit in the other case is the same signature.

# Nothing is shrunk: any bit is as good a counterexample as another. Runs of mutants draw less often.
DRAWS = int(os.environ.get("CAMBIST_TEST_DRAWS", "2500"))
draws = settings(max_examples=DRAWS, phases=[Phase.generate], deadline=None, database=None)
NUMBERS = st.integers(0, 2**40)


def flipped(text: bytes, number: int) -> bytes:
    """Return the text with one bit the other way round."""
    place, bit = divmod(number % (8 * len(text)), 8)
    return text[:place] + bytes([text[place] ^ 1 << bit]) + text[place + 1 :]


@draws
@given(which=NUMBERS, bit=NUMBERS)
def test_a_body_with_one_bit_flipped_is_never_accepted(
    which: int, bit: int, shop: Any, documents: list[bytes]
) -> None:
    body = documents[which % len(documents)]
    headers = [(SIGNATURE, shop.signature(body))]
    with pytest.raises(VerificationError):
        shop.send(flipped(body, bit), headers)


@draws
@given(which=NUMBERS, bit=NUMBERS)
def test_a_signature_with_one_bit_flipped_is_never_accepted_but_for_the_case_of_a_digit(
    which: int, bit: int, shop: Any, documents: list[bytes]
) -> None:
    body = documents[which % len(documents)]
    signature = shop.signature(body).encode()
    other = flipped(signature, bit)
    if other.lower() == signature:
        assert shop.send(body, [(SIGNATURE, other)]).events
    else:
        with pytest.raises(VerificationError):
            shop.send(body, [(SIGNATURE, other)])


# --- Each field of each documented callback, one at a time, gone or of another type, and signed again.

GONE = object()
CHANGES = {
    "gone": GONE,
    "null": None,
    "a string": "mutant",
    "an empty string": "",
    "a number": 7,
    "a fraction": Decimal("0.70"),
    "false": False,
    "true": True,
    "an empty list": [],
    "a list": ["mutant"],
    "an empty object": {},
    "an object": {"mutant": 7},
}
# The key of a sum, and the key of what it is of, in one object.
SUMS = {
    "amount": "currency",
    "amount_minus_fee": "currency",
    "remaining_amount": "currency",
    "amount_to": "currency_to",
    "sender_amount": "sender_currency",
    "expected_amount": "currency",
    "received_amount": "currency",
}
# What identifies a payment and what is paid has to fit. All types that are not named here are alike.
NEEDED = {
    None: {"data.id", "data.status", "data.currency", "data.amount"},
    "payment_request": {
        "payment_request_id",
        "status",
        "payment_request_amount.amount",
        "payment_request_amount.currency.iso",
        "currency_sent.currency.iso",
    },
}
NEEDED_OF_ALL_OTHERS = {
    "id",
    "type",
    "status",
    "currency_sent.amount",
    "currency_sent.currency",
    "currency_received.amount",
    "currency_received.currency",
    "transactions.0.id",
    "transactions.0.amount",
    "transactions.0.currency",
}


def test_a_changed_field_gives_an_event_or_a_payload_error_and_no_sum_that_is_not_in_the_body(
    shown: Case, shop: Any
) -> None:
    outcomes = set()
    for where, what, body in changed(shown.delivery.body):
        try:
            event = shop.event(body)
        except PayloadError as error:
            paths = {path for path, _ in error.faults}
            outcomes.add("a fault of the plugin" if "" in paths else "an error")
        else:
            assert stated_sums(event) <= sums(decode_json(body)), (where, what)
            assert from_json(to_json(event)) == event, (where, what)
            outcomes.add("an event")
    assert outcomes == {"an event", "an error"}


def test_a_field_that_decides_about_identity_or_money_has_to_fit(shown: Case, shop: Any) -> None:
    needed = NEEDED.get(decode_json(shown.delivery.body).get("type"), NEEDED_OF_ALL_OTHERS)
    for where, what, body in changed(shown.delivery.body, ("gone", "null", "true", "a list", "an object")):
        if where in needed:
            error = only_error(lambda body=body: shop.send(body))
            assert isinstance(error, PayloadError)
            path = re.sub(r"\.(\d+)", r"[\1]", where)
            assert [path for path, _ in error.faults] == [path], (where, what)


@table("what", ["gone", "null", "an empty string"])
def test_a_field_that_an_event_can_do_without_is_left_out(what: str, shown: Case, shop: Any) -> None:
    """Absent, null and empty are one: none of them is an anomaly, and none stops the event."""
    before = shop.event(shown.delivery.body).anomalies
    for where, _, body in changed(shown.delivery.body, (what,)):
        if where.rpartition(".")[2] in DISPENSABLE:
            assert set(shop.event(body).anomalies) <= set(before), where


DISPENSABLE = {
    *("end_user_reference", "foreign_id", "error", "end_user_email"),
    *("address", "tag", "txid", "riskscore", "confirmations"),
    *("fixed_at", "expires_at", "convert_to", "transaction_type", "url", "title"),
}


def changed(body: bytes, changes: Iterable[str] = CHANGES) -> Iterator[tuple[str, str, bytes]]:
    """Return each field's path, what it was changed to, and the body with that."""
    for place in places(decode_json(body)):
        for what in changes:
            mutant = holder = decode_json(body)
            *parents, last = place
            for step in parents:
                holder = holder[step]
            if CHANGES[what] is GONE:
                del holder[last]
            else:
                holder[last] = CHANGES[what]
            yield ".".join(map(str, place)), what, encode_json(mutant)


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the way to each member of each object and to each item of each list."""
    steps = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        yield (*place, step)
        yield from places(value[step], (*place, step))


def sums(document: Any) -> set[tuple[str, str]]:
    """Return each sum in a document, digit by digit, and what it is of."""
    found = set()
    for place in ((), *places(document)):
        part = document
        for step in place:
            part = part[step]
        if isinstance(part, dict):
            codes = {key: code_of(part.get(key)) for key in SUMS.values()}
            found |= {(digits(part[key]), codes[of]) for key, of in SUMS.items() if key in part}
    # The one sum that is not written in the body: what came of an invoice.
    sent = document.get("currency_sent")
    if document.get("type") == "invoice" and isinstance(sent, dict):
        try:
            whole, rest = Decimal(sent["amount"]), Decimal(sent["remaining_amount"])
            found.add((digits(Context(prec=200).subtract(whole, rest)), sent["currency"]))
        except (KeyError, TypeError, ArithmeticError):
            pass
    return found


def code_of(currency: Any) -> str:
    return str(currency.get("iso") if isinstance(currency, dict) else currency)


def digits(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def stated_sums(event: PaymentEvent) -> set[tuple[str, str]]:
    amounts = event.amounts
    money = [
        amounts.requested,
        amounts.sent,
        amounts.received,
        amounts.net,
        amounts.remaining,
        amounts.refunded,
    ]
    money += [fee.money for fee in event.fees]
    money += [each for item in event.transactions for each in (item.money, item.converted)]
    return {stated(each) for each in money if each is not None}


def stated(money: Money) -> tuple[str, str]:
    assert money.amount is not None
    assert money.asset.code is not None
    return digits(money.amount), money.asset.code


# --- Errors tell where and what to do. They hold no secret, no signature and no value of a payload.

SECRET, VALUE = "the-SECRET-of-the-shop", "MARKED-value"
MARKED = VALUE.encode()
MARKED_CALLBACK = CALLBACK.replace(b'"id":1', b'"id":1,"foreign_id":"MARKED-value"')
TELLTALES = {
    "a signature of another secret": (MARKED_CALLBACK, _mac(MARKED_CALLBACK, b"another")),
    "a signature that is no hex": (MARKED_CALLBACK, "MARKED-value"),
    "a signature that is not ASCII": (MARKED_CALLBACK, "MARKED-value-é"),
    "the secret for a signature": (MARKED_CALLBACK, SECRET),
    "a body that is no JSON": (MARKED, None),
    "a body that is not UTF-8": (MARKED_CALLBACK + b"\xff", None),
    "a bare string": (b'"MARKED-value"', None),
    "a number that is too long": (MARKED_CALLBACK.replace(b'"1"', b"5" * 5_000), None),
    "a field name in a faulty body": (b'{"MARKED-value":"MARKED-value"}', None),
    "marked values in each place": (
        json.dumps(
            {
                "id": [VALUE],
                "type": "deposit",
                "status": {VALUE: VALUE},
                "crypto_address": VALUE,
                "currency_sent": {"currency": [VALUE], "amount": VALUE, "remaining_amount": VALUE},
                "currency_received": {"currency": "BTC", "amount": {VALUE: VALUE}},
                "transactions": [{"id": [VALUE], "currency": [VALUE], "amount": VALUE}, VALUE],
                "fees": VALUE,
                VALUE: VALUE,
            }
        ).encode(),
        None,
    ),
    "a marked payment request": (
        json.dumps({"type": "payment_request", "status": [VALUE], "currency_sent": VALUE}).encode(),
        None,
    ),
    "a marked answer": (json.dumps({"data": {"id": [VALUE], "amount": VALUE}}).encode(), None),
}


@table(("body", "signature"), TELLTALES.values(), ids=TELLTALES)
async def test_an_error_tells_no_secret_no_signature_and_no_value(
    body: bytes, signature: str | None, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pipeline = Pipeline([Source("shop", "coinspaid", {"secrets": [SECRET]})], registry=registry)
    signature = signature or _mac(body, SECRET.encode())
    delivery = Delivery("shop", {SIGNATURE: signature}, body)
    error = only_error(lambda: pipeline.process(delivery))

    async def refuse(_event: PaymentEvent) -> None:
        raise AssertionError("no event is expected")

    answer = await Receiver(pipeline, refuse).receive(delivery)
    told = [
        *(repr(error), str(error), error.reason, *map(repr, error.args), repr(vars(error))),
        *traceback.format_exception(error),
        *(f"{record.getMessage()} {record.args!r} {record.exc_text!r}" for record in caplog.records),
        repr(answer),
        repr(delivery),
        repr(pipeline.routes),
    ]
    assert caplog.records
    for text in told:
        for marker in (SECRET, VALUE, signature, "5" * 20):
            assert marker not in text


@table(("body", "signature"), TELLTALES.values(), ids=TELLTALES)
def test_an_error_names_the_source_and_the_provider(
    body: bytes, signature: str | None, registry: Registry
) -> None:
    pipeline = Pipeline([Source("shop", "coinspaid", {"secrets": [SECRET]})], registry=registry)
    delivery = Delivery("shop", {SIGNATURE: signature or _mac(body, SECRET.encode())}, body)
    error = only_error(lambda: pipeline.process(delivery))
    assert (error.source, error.provider) == ("shop", "coinspaid")
    assert "shop" in str(error)
