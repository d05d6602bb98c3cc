"""Whatever comes in becomes events or exactly one error, and the error tells nothing of what came in."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from cambist import (
    Acknowledgement,
    Delivery,
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
from cambist.errors import CambistError, PayloadError, VerificationError
from cambist.testing import Case

from .conftest import ARRIVAL, SECRET, Sender, signature

USDC = "stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"
TRANSACTION = (
    b'{"id": "t-1", "kind": "deposit", "status": "completed", "message": "",'
    b' "fee_details": {"total": "1", "asset": "iso4217:USD"}}'
)
EVENT = b'{"id": "e-1", "type": "transaction_status_changed", "payload": {"transaction": %b}}' % TRANSACTION
CALLBACK = b'{"transaction": %b}' % TRANSACTION
BODIES = {"none": EVENT, "api_key": EVENT, "jwt": EVENT, "wallet": CALLBACK}
PROVEN = ("api_key", "jwt", "wallet")

table = pytest.mark.parametrize
every_sender = table("name", BODIES)


def only_error(call: Callable[[], object]) -> CambistError:
    """Return the error that the call ends with: one of our tree, with no other behind it."""
    with pytest.raises(CambistError) as caught:
        call()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "fault of the plugin" not in str(caught.value)
    return caught.value


# --- Bodies that are no callback. Genuine: PayloadError. Not genuine: VerificationError.


def broken(body: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "blank": b" \n",
        "not UTF-8": body.replace(b"USD", b"\xff\xfe"),
        "UTF-16": body.decode().encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + body,
        "not JSON": b"id=1&type=deposit",
        "cut off": body[:-1],
        "followed by more": body + b"{}",
        "half of a surrogate pair": body.replace(b"USD", b"\\ud800"),
        "a list": b"[" + body + b"]",
        "an empty object": b"{}",
        "null": b"null",
        "true": b"true",
        "a string": b'"deposit"',
        "an integer": b"7",
        "an integer of 5,000 digits": b"7" * 5_000,
        "a string of 10 MiB": b'"' + b"x" * 10 * 2**20 + b'"',
        "NaN": b"NaN",
        "NaN as an amount": body.replace(b'"1"', b"NaN"),
        "Infinity as an amount": body.replace(b'"1"', b"-Infinity"),
        "100,000 nested arrays": b"[" * 100_000 + b"]" * 100_000,
        "100,000 open arrays": b"[" * 100_000,
        "100,000 nested objects": b'{"payload":' * 100_000 + b"1" + b"}" * 100_000,
        "100,000 nested arrays in a transaction": body.replace(b'"t-1"', b"[" * 100_000 + b"]" * 100_000),
        "an id of 5,000 digits": body.replace(b'"t-1"', b"7" * 5_000),
        "an id of 200 digits": body.replace(b'"t-1"', b"7" * 200),
        "an id of true": body.replace(b'"t-1"', b"true"),
        "an id of a fraction": body.replace(b'"t-1"', b"1.5"),
        "an empty id": body.replace(b'"t-1"', b'""'),
        "a status of null": body.replace(b'"completed"', b"null"),
        "a status of nested arrays": body.replace(b'"completed"', b"[" * 500 + b"0.5" + b"]" * 500),
        "a duplicate status whose last is null": body.replace(
            b'"status"', b'"status":null, "x":1, "status"'
        ).replace(b'"completed"', b"null"),
        "a transaction of null": body.replace(TRANSACTION, b"null"),
        "a transaction of text": body.replace(TRANSACTION, b'"t-1"'),
    }


@every_sender
@table("what", broken(EVENT))
def test_a_genuine_body_that_is_no_callback_is_a_payload_error(
    what: str, name: str, senders: dict[str, Sender]
) -> None:
    body = broken(BODIES[name])[what]
    error = only_error(lambda: senders[name].send(body))
    assert type(error) is PayloadError
    assert error.faults


@table("name", PROVEN)
@table("what", broken(EVENT))
def test_a_body_that_is_not_proven_genuine_is_not_even_read(
    what: str, name: str, senders: dict[str, Sender]
) -> None:
    body = broken(BODIES[name])[what]
    error = only_error(lambda: senders[name].send(body, [("Signature", "garbage"), ("X-Api-Key", "no")]))
    assert type(error) is VerificationError


# --- Credentials that are not the right ones. test_signature.py has those of a wallet.


def token(head: Any, claims: Any, secret: bytes = SECRET.encode()) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims)]
    mac = base64.urlsafe_b64encode(hmac.digest(secret, b".".join(parts), "sha256")).rstrip(b"=")
    return "Bearer " + b".".join((*parts, mac)).decode()


NOW = int(ARRIVAL.timestamp())
HEAD, CLAIMS = {"alg": "HS256", "typ": "JWT"}, {"iat": NOW, "exp": NOW + 30}
GOOD = token(HEAD, CLAIMS)
KEYS: dict[str, list[tuple[str | bytes, str | bytes]]] = {
    "missing": [],
    "under another name": [("Api-Key", SECRET)],
    "empty": [("X-Api-Key", "")],
    "blank": [("X-Api-Key", " ")],
    "another": [("X-Api-Key", "another")],
    "not ASCII": [("X-Api-Key", SECRET[:-1] + "é")],
    "not ASCII, as bytes": [("X-Api-Key", b"\xff" * 32)],
    "in capitals": [("X-Api-Key", SECRET.upper())],
    "with a prefix": [("X-Api-Key", "Bearer " + SECRET)],
    "with a space": [("X-Api-Key", SECRET + " ")],
    "cut off": [("X-Api-Key", SECRET[:-1])],
    "twice, differently": [("X-Api-Key", SECRET), ("X-Api-Key", "another")],
    "of 1 MiB": [("X-Api-Key", "x" * 2**20)],
}
TOKENS: dict[str, list[tuple[str | bytes, str | bytes]]] = {
    "missing": [],
    "empty": [("Authorization", "")],
    "garbage": [("Authorization", "Bearer garbage")],
    "not ASCII": [("Authorization", GOOD + "é")],
    "not ASCII, as bytes": [("Authorization", b"Bearer \xff.\xff.\xff")],
    "without a scheme": [("Authorization", GOOD.removeprefix("Bearer "))],
    "of another scheme": [("Authorization", GOOD.replace("Bearer", "Basic"))],
    "of another secret": [("Authorization", token(HEAD, CLAIMS, b"another"))],
    "of an empty secret": [("Authorization", token(HEAD, CLAIMS, b""))],
    "of no algorithm": [("Authorization", token({"alg": "none"}, CLAIMS))],
    "of another algorithm": [("Authorization", token({"alg": "HS512"}, CLAIMS))],
    "without a signature": [("Authorization", GOOD.rpartition(".")[0] + ".")],
    "of two parts": [("Authorization", GOOD.rpartition(".")[0])],
    "without an end": [("Authorization", token(HEAD, {"iat": NOW}))],
    "with an end in words": [("Authorization", token(HEAD, {"exp": "tomorrow"}))],
    "ended an hour ago": [("Authorization", token(HEAD, {"iat": NOW - 3630, "exp": NOW - 3600}))],
    "made in an hour": [("Authorization", token(HEAD, {"iat": NOW + 3600, "exp": NOW + 3630}))],
    "of a list": [("Authorization", token(HEAD, []))],
    "twice, differently": [("Authorization", GOOD), ("Authorization", token(HEAD, CLAIMS, b"x"))],
    "of 1 MiB": [("Authorization", "Bearer " + "x" * 2**20)],
}


@table("headers", KEYS.values(), ids=KEYS)
def test_a_wrong_key_is_refused(headers: Any, senders: dict[str, Sender]) -> None:
    assert senders["api_key"].send(EVENT, [("X-Api-Key", SECRET)]).events
    assert type(only_error(lambda: senders["api_key"].send(EVENT, headers))) is VerificationError


@table("headers", TOKENS.values(), ids=TOKENS)
def test_a_wrong_token_is_refused(headers: Any, senders: dict[str, Sender]) -> None:
    assert senders["jwt"].send(EVENT, [("Authorization", GOOD)]).events
    assert type(only_error(lambda: senders["jwt"].send(EVENT, headers))) is VerificationError


# --- Bodies at the edge of what is possible: what an event can do without never stops it.

EXTREME: dict[str, tuple[bytes, bytes]] = {
    "duplicate keys": (b'"status"', b'"status":"error", "status"'),
    "an id of 5,000 digits in quotes": (b'"t-1"', b'"' + b"7" * 5_000 + b'"'),
    "an unknown field of 10 MiB": (b'"kind"', b'"x": "' + b"x" * 10 * 2**20 + b'", "kind"'),
    "a message of 10 MiB": (b'"message": ""', b'"message": "' + b"x" * 10 * 2**20 + b'"'),
    "an unknown status of 10 MiB": (b'"completed"', b'"' + b"x" * 10 * 2**20 + b'"'),
    "an unknown kind of 10 MiB": (b'"deposit"', b'"' + b"x" * 10 * 2**20 + b'"'),
    "an asset of 10 MiB": (b"iso4217:USD", b"x" * 10 * 2**20),
    "an amount of 10 MiB": (b'"1"', b'"' + b"7" * 10 * 2**20 + b'"'),
    "an amount of 300 digits": (b'"1"', b"7" * 300),
    "an amount of 5,000 digits in quotes": (b'"1"', b'"' + b"7" * 5_000 + b'"'),
    "an amount of 5,000 decimals": (b'"1"', b"0." + b"7" * 5_000),
    "an amount with a huge exponent": (b'"1"', b'"1e999999999"'),
    "an amount with underscores": (b'"1"', b'"1_000"'),
    "an amount in other digits": (b'"1"', '"\N{ARABIC-INDIC DIGIT ONE}"'.encode()),
    "NaN in quotes as an amount": (b'"1"', b'"NaN"'),
    "Infinity in quotes as an amount": (b'"1"', b'"-Infinity"'),
    "nested arrays as an amount": (b'"1"', b"[" * 500 + b"0.5" + b"]" * 500),
    "nested arrays in an unknown field": (b'"kind"', b'"x": ' + b"[" * 500 + b"]" * 500 + b', "kind"'),
    "a time at the end of the calendar": (
        b'"kind"',
        b'"updated_at": "9999-12-31T23:59:59-14:00", "started_at": "0001-01-01T00:00:00+14:00", "kind"',
    ),
    "a time of 5,000 digits": (b'"kind"', b'"updated_at": "' + b"2" * 5_000 + b'", "kind"'),
    "an unknown status": (b"completed", "подтверждено\u202e".encode()),
    "10,000 unknown fields": (b'"kind"', b"".join(b'"x%d": 1, ' % n for n in range(10_000)) + b'"kind"'),
    "10,000 fees": (b'"total"', b'"details": [' + b"{}," * 9_999 + b'{}], "total"'),
}


@every_sender
@table("change", EXTREME.values(), ids=EXTREME)
def test_an_extreme_body_that_is_a_callback_is_accepted(
    change: tuple[bytes, bytes], name: str, senders: dict[str, Sender]
) -> None:
    event = senders[name].event(BODIES[name].replace(*change))
    assert from_json(to_json(event)) == event


EITHER: dict[str, tuple[bytes, bytes]] = {
    "an unknown field of 5,000 digits": (b'"kind"', b'"x": ' + b"7" * 5_000 + b', "kind"'),
    "an unknown field with a huge exponent": (b'"kind"', b'"x": 1e999999999, "kind"'),
    "an amount of 5,000 digits": (b'"1"', b"7" * 5_000),
    "an amount of a huge exponent": (b'"1"', b"1e999999999999999999999"),
    "900 nested arrays in an unknown field": (b'"kind"', b'"x": ' + b"[" * 900 + b"]" * 900 + b', "kind"'),
    "990 nested arrays in an ignored field": (
        b'"kind"',
        b'"user_action_required_by": ' + b"[" * 990 + b"]" * 990 + b', "kind"',
    ),
}


@every_sender
@table("change", EITHER.values(), ids=EITHER)
def test_what_a_reader_of_json_may_refuse_is_accepted_or_a_payload_error(
    change: tuple[bytes, bytes], name: str, senders: dict[str, Sender]
) -> None:
    body = BODIES[name].replace(*change)
    try:
        accepted = bool(senders[name].send(body).events)
    except CambistError:
        accepted = False
    assert accepted or type(only_error(lambda: senders[name].send(body))) is PayloadError


def test_a_customer_and_an_event_without_an_id_may_be_nested_deeply_or_are_refused(
    senders: dict[str, Sender],
) -> None:
    """Both are told apart by their content, which has to be gone through."""
    deep = b"[" * 900 + b"]" * 900
    for name, body in (
        ("wallet", b'{"status": "ACCEPTED", "fields": %b}' % deep),
        ("none", EVENT.replace(b'"id": "e-1", ', b"").replace(b'"kind"', b'"x": %b, "kind"' % deep)),
    ):
        event_or_error(senders[name].pipeline, Delivery("here", {}, body))


def test_the_last_of_duplicate_keys_counts(senders: dict[str, Sender]) -> None:
    event = senders["none"].event(EVENT.replace(*EXTREME["duplicate keys"]))
    assert event.provider_status == "completed"


# --- Each field of whole callbacks, one at a time, gone or of another type.

GONE = object()
CHANGES = {
    "gone": GONE,
    "null": None,
    "a string": "mutant",
    "an empty string": "",
    "a number": 7,
    "true": True,
    "a list": ["mutant"],
    "an empty object": {},
    "an object": {"mutant": 7},
}
# What has to fit: without it nobody knows which transaction it is, where it stands, or what the event is.
NEEDED = {"type", "payload.type", "id", "status", "payload", "transaction", "quote", "customer"}


def test_a_changed_field_gives_an_event_or_a_payload_error_that_names_it(
    whole: Case, registry: Registry
) -> None:
    pipeline, outcomes = anyone(whole, registry), set()
    for where, what, body in changed(whole.delivery.body):
        found = event_or_error(pipeline, evolve(whole.delivery, body=body))
        outcomes.add(type(found))
        if isinstance(found, PayloadError):
            assert where.rpartition(".")[2] in NEEDED, (where, what)
        else:
            assert amounts(decode_json(to_json(found))) <= amounts(decode_json(body)), (where, what)
            assert from_json(to_json(found)) == found, (where, what)
    assert outcomes == {PaymentEvent, PayloadError}


def test_what_identifies_a_transaction_has_to_fit(whole: Case, registry: Registry) -> None:
    before = anyone(whole, registry).parse(whole.delivery).events[0]
    if before.kind in {"quote", "customer"}:
        return
    for where, what, body in changed(whole.delivery.body, ("gone", "null", "true", "a list", "an object")):
        if where.endswith(("transaction.id", "transaction.status")):
            delivery = evolve(whole.delivery, body=body)
            error = only_error(lambda delivery=delivery: anyone(whole, registry).parse(delivery))
            assert isinstance(error, PayloadError)
            assert [path for path, _ in error.faults] == [where], what


@table("what", ["gone", "null", "an empty string"])
def test_what_an_event_can_do_without_may_be_absent(what: str, whole: Case, registry: Registry) -> None:
    """Absent, null and empty are one, and none of them is odd but for a sum's asset and an event's id."""
    pipeline = anyone(whole, registry)
    before = set(pipeline.parse(whole.delivery).events[0].anomalies)
    for where, _, body in changed(whole.delivery.body, (what,)):
        name = where.rpartition(".")[2]
        if name in NEEDED or name.isdigit() or (name == "payments" and what == "an empty string"):
            continue
        (event,) = pipeline.parse(evolve(whole.delivery, body=body)).events
        problems = [anomaly.problem for anomaly in event.anomalies if anomaly not in before]
        assert all(known(problem) for problem in problems), (where, problems)


def known(problem: str) -> bool:
    return problem.startswith(
        (
            "is missing",  # an asset, a kind
            "is not the sum",  # of what is left
            "has a fee without an amount",
            "counts the fees",
            "is not a finite decimal",  # of the document's placeholders
        )
    )


def event_or_error(pipeline: Pipeline, delivery: Delivery) -> PaymentEvent | PayloadError:
    """Return the one event of a delivery, or why there is none; a fault of the plugin fails the test."""
    try:
        (event,) = pipeline.parse(delivery).events
    except PayloadError as error:
        if "fault of the plugin" in str(error):
            raise
        return error
    return event


def anyone(case: Case, registry: Registry) -> Pipeline:
    return Pipeline([Source(case.delivery.source, case.provider, case.settings)], registry=registry)


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


def amounts(document: Any) -> set[str]:
    """Return every number that is or may be a sum, digit by digit."""
    found = set()
    for place in places(document):
        value = document
        for step in place:
            value = value[step]
        of_a_sum = {"amount", "fee", "total", "sell_amount", "buy_amount"} | {
            f"amount_{what}" for what in ("in", "out", "fee", "refunded", "expected")
        }
        if place[-1] in of_a_sum and not isinstance(value, dict | list):
            found.add(format(value, "f") if isinstance(value, Decimal) else str(value))
    return found


# --- Errors tell where and what to do. They hold no secret, no credential and no value of a payload.

VALUE = "MARKED-value"
MARKED = TRANSACTION.replace(b'"kind"', b'"memo": "MARKED-value", "kind"')
TELLTALES = {
    "no JSON": VALUE.encode(),
    "not UTF-8": MARKED + b"\xff",
    "a bare string": b'"MARKED-value"',
    "a number that is too long": b'{"transaction": {"id": ' + b"5" * 5_000 + b"}}",
    "a field name": b'{"MARKED-value": "MARKED-value"}',
    "a value in each place of a transaction": json.dumps(
        {
            "id": [VALUE],
            "type": "transaction_created",
            "payload": {
                "transaction": {"id": [VALUE], "status": {VALUE: VALUE}, "kind": VALUE, VALUE: VALUE}
            },
            "transaction": {"id": [VALUE], "status": {VALUE: VALUE}, "kind": VALUE, VALUE: VALUE},
        }
    ).encode(),
    "a type of another kind": json.dumps({"type": [VALUE], "payload": {VALUE: VALUE}}).encode(),
}


@every_sender
@table("body", TELLTALES.values(), ids=TELLTALES)
@table("genuine", [True, False])
async def test_an_error_tells_no_secret_no_credential_and_no_value(
    genuine: bool, body: bytes, name: str, senders: dict[str, Sender], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sender = senders[name]
    false = [
        ("Signature", f"s={VALUE}"),
        ("X-Api-Key", VALUE),
        ("Authorization", f"Bearer {VALUE}.{VALUE}.x"),
    ]
    headers = sender.headers(body) if genuine else false
    delivery = Delivery("here", headers, body, ARRIVAL)
    error = only_error(lambda: sender.pipeline.process(delivery))

    async def refuse(_event: PaymentEvent) -> None:
        raise AssertionError("no event is expected")

    answer = await Receiver(sender.pipeline, refuse).receive(delivery)
    told = [
        *(repr(error), str(error), error.reason, *map(repr, error.args), repr(vars(error))),
        *traceback.format_exception(error),
        *(f"{record.getMessage()} {record.args!r} {record.exc_text!r}" for record in caplog.records),
        repr(answer),
        repr(delivery),
        repr(sender.pipeline.routes),
    ]
    for text in told:
        for marker in (SECRET, VALUE, "5" * 20, signature(body)):
            assert marker not in text
    assert (error.source, "here" in str(error)) == ("here", True)


@every_sender
async def test_the_answer_is_what_the_sender_expects(name: str, senders: dict[str, Sender]) -> None:
    """Releases 2.2.2 to 2.9 of the platform stop at an answer that is no JSON."""
    handled = []

    async def on_event(event: PaymentEvent) -> None:
        handled.append(event)

    body = BODIES[name]
    delivery = Delivery("here", senders[name].headers(body), body, ARRIVAL)
    answer = await Receiver(senders[name].pipeline, on_event).receive(delivery)
    expected = Acknowledgement(body=b"{}", content_type="application/json")
    assert answer == (Acknowledgement() if name == "wallet" else expected)
    assert len(handled) == 1


def test_what_is_quarantined_gets_the_same_answer(senders: dict[str, Sender]) -> None:
    (route,) = senders["none"].pipeline.routes
    answer = route.provider.acknowledge(Delivery("here", {}, b"[]", ARRIVAL), ())
    assert (answer.status, answer.body, answer.content_type) == (200, b"{}", "application/json")
