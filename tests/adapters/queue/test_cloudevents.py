"""Events as CloudEvents, read by the official SDK."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from attrs import evolve
from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat

from cambist import Payment, from_json
from cambist_queue import Message, Received, decode, encode

from .toy import PIPELINE, body, event, genuine

TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}


def received(message: Message) -> Received:
    return Received(message.body, message.content_type, message.headers, "cambist.events", 0)


def as_http(message: Message) -> HTTPMessage:
    """The binding for HTTP is the one that the others are made after."""
    headers = {f"ce-{name}": value for name, value in message.headers.items()}
    return HTTPMessage({**headers, "content-type": message.content_type}, message.body)


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_the_official_sdk_reads_an_event(mode: str) -> None:
    ours = event(1)
    found = from_http(as_http(encode(ours, mode, TRACE)), JSONFormat())
    assert found.get_id() == ours.id
    assert found.get_type() == "cambist.payment.completed"
    assert found.get_source() == "/cambist/toy/toy"
    assert found.get_subject() == "p-1"
    assert found.get_time() == ours.occurred_at
    assert found.get_datacontenttype() == "application/json"
    assert found.get_specversion() == "1.0"
    assert found.get_extension("partitionkey") == "toy/p-1"
    assert {name: found.get_extension(name) for name in TRACE} == TRACE
    data = found.get_data()
    assert from_json(json.dumps(data)).payment == ours.payment


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_an_event_comes_back_as_it_was_to_the_last_digit(mode: str) -> None:
    ours = event(1)
    message = encode(ours, mode)
    assert decode(received(message)) == ours
    assert b'"12.3400"' in message.body
    assert b"0.10882300" in message.body  # a number of the merchant's, not a string


def test_an_event_without_a_payment_is_of_no_subject_and_keeps_an_order_of_its_own() -> None:
    ours = event(1, payment=None)
    message = encode(ours)
    assert "subject" not in message.headers
    assert message.key == ours.id


@pytest.mark.parametrize("mode", ["binary", "structured"])
@pytest.mark.parametrize("letter", ["p", "\u00e9", "\U0001f600"])
def test_a_payment_of_a_long_id_is_named_by_its_digest(letter: str, mode: str) -> None:
    payment = letter * (512 // len(letter.encode()) + 1)
    ours = event(1, payment)
    found = from_http(as_http(encode(ours, mode)), JSONFormat())
    assert found.get_subject() == f"sha256:{sha256(payment.encode()).hexdigest()}"
    key = f"sha256:{sha256(f'toy/{payment}'.encode()).hexdigest()}"
    assert found.get_extension("partitionkey") == encode(ours, mode).key == key
    assert decode(received(encode(ours, mode))) == ours


@pytest.mark.parametrize(("size", "is_whole"), [(512, True), (513, False)])
def test_an_attribute_has_512_bytes_at_most(size: int, is_whole: bool) -> None:
    headers = encode(event(1, "p" * size)).headers
    assert (headers["subject"] == "p" * size) is is_whole
    assert all(len(value.encode()) <= 512 for value in headers.values())


@pytest.mark.parametrize(
    ("trace", "kept"),
    [
        (TRACE, ["traceparent", "tracestate"]),
        ({"traceparent": TRACE["traceparent"], "tracestate": "a" * 513}, ["traceparent"]),
        ({"traceparent": "4111111111111111", "tracestate": "a=b"}, []),
        ({"tracestate": "a=b"}, []),
        ({**TRACE, "baggage": "4111111111111111"}, ["traceparent", "tracestate"]),
    ],
    ids=["whole", "a long state", "no parent of its form", "no parent", "baggage"],
)
def test_a_trace_context_is_carried_on_if_it_is_well_formed(trace: dict[str, str], kept: list[str]) -> None:
    headers = encode(event(1), trace=trace).headers
    assert {name: trace[name] for name in kept} == {
        name: value for name, value in headers.items() if name.startswith("trace") or name == "baggage"
    }


def test_two_sources_payments_of_one_id_are_two_payments() -> None:
    one, other = event(1), evolve(event(1), source="other", payment=Payment("p-1"))
    assert encode(one).key != encode(other).key


def test_the_messages_id_is_the_events_so_that_brokers_can_drop_a_second_one() -> None:
    assert encode(event(1)).id == encode(event(1)).id == event(1).id


@pytest.mark.parametrize(
    ("content_type", "raw"),
    [
        (None, b""),
        ("application/json", b"{}"),
        ("application/json", b"[1"),
        ("application/json", b"\xff"),
        ("application/cloudevents+json", b"{}"),
        ("application/cloudevents+json", b'{"data": 1}'),
        ("application/cloudevents+json", b"[]"),
        ("text/plain", b"4111111111111111"),
    ],
)
def test_what_is_no_event_is_refused_without_being_shown(content_type: str | None, raw: bytes) -> None:
    with pytest.raises(ValueError, match="is no event of Cambist") as refused:
        decode(Received(raw, content_type, {}, "cambist.events", 0))
    assert "4111" not in str(refused.value)
    assert refused.value.__context__ is None


def test_a_repr_shows_neither_body_nor_key_nor_values() -> None:
    message = encode(PIPELINE.process(genuine(body(1, "the-payment"))).events[0])
    for each in (message, received(message)):
        assert "the-payment" not in repr(each)
        assert "12.34" not in repr(each)
