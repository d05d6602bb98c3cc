"""What goes wrong in a delivery is one error of our tree, that holds no value, whatever came in."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from cambist import Delivery, EventDraft, Kind, Pipeline, Provider, Status, Verification, fault
from cambist.errors import DeliveryError, PayloadError, UnknownSource, VerificationError
from cambist.verification import Replay

Toy = Callable[..., Provider]
PipelineOf = Callable[..., Pipeline]
Signed = Callable[..., Delivery]

CARD = "4111111111111111"
BODY = b'{"id": 1, "state": "done", "amount": "0.10", "note": "4111111111111111"}'


def refused(pipeline: Pipeline, delivery: Delivery, error: type[DeliveryError]) -> DeliveryError:
    """The one error that this delivery gives, which holds neither a value nor another error."""
    with pytest.raises(DeliveryError) as caught:
        pipeline.process(delivery)
    assert type(caught.value) is error
    assert caught.value.__context__ is caught.value.__cause__ is None
    assert CARD not in "".join(traceback.format_exception(caught.value))
    assert caught.value.source == delivery.source
    return caught.value


HOSTILE_BODIES = {
    "not UTF-8": b'{"id": "4111111111111111\xff"}',
    "not JSON": b"{id: 4111111111111111}",
    "empty": b"",
    "a list": b'["4111111111111111"]',
    "null": b"null",
    "a bare string": b'"4111111111111111"',
    "a bare number": b"4111111111111111",
    "a bare fraction": b"0.4111111111111111",
    "100,000 nested arrays": b"[" * 100_000 + b"]" * 100_000,
    "100,000 nested objects": b'{"id":' * 100_000 + b"1" + b"}" * 100_000,
    "NaN": b'{"id": "4111111111111111", "amount": NaN}',
    "no member": b"{}",
    "other members": b'{"card": "4111111111111111"}',
    "wrong types": b'{"id": [4111111111111111], "state": 4111111111111111, "amount": "4111111111111111x"}',
    "a huge exponent": b'{"id": 1, "state": "done", "amount": 1e999999999}',
    "a byte order mark": b"\xef\xbb\xbf" + BODY,
}


@pytest.mark.parametrize("body", HOSTILE_BODIES.values(), ids=HOSTILE_BODIES)
def test_a_genuine_body_of_another_form_is_a_payload_error(
    body: bytes, toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    error = refused(pipeline_of(toy()), signed(body), PayloadError)
    assert isinstance(error, PayloadError)
    assert (error.provider, error.status_hint) == ("toy", 400)
    assert error.faults


EXTREME_BODIES = {
    "duplicate keys": BODY[:-1] + b', "id": 2}',
    "a 5,000-digit integer": BODY[:-1] + b', "n": ' + b"4" * 5000 + b"}",
    "a string of 10 MiB": BODY[:-1] + b', "s": "' + b"4" * 10 * 2**20 + b'"}',
    "500 levels": BODY[:-1] + b', "deep": ' + b"[" * 500 + b"]" * 500 + b"}",
}


@pytest.mark.parametrize("body", EXTREME_BODIES.values(), ids=EXTREME_BODIES)
def test_an_extreme_body_is_taken_or_is_a_payload_error(
    body: bytes, toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    pipeline = pipeline_of(toy())
    taken = False
    with contextlib.suppress(PayloadError):
        taken = pipeline.process(signed(body)).events[0].status is Status.COMPLETED
    if not taken:
        refused(pipeline, signed(body), PayloadError)


def test_all_faulty_paths_are_told_and_no_value(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    body = HOSTILE_BODIES["wrong types"]
    error = refused(pipeline_of(toy()), signed(body), PayloadError)
    assert str(error) == (
        "source 'shop', provider 'toy': id: is neither an integer nor a string, or is empty; "
        "state: is not a string; amount: is not a finite decimal number of at most 128 digits"
    )


@pytest.mark.parametrize(
    "header", [None, "", "garbage-4111111111111111", "é", "\udcff", "\ud800x", "00" * 32, "a" * 100_000]
)
@pytest.mark.parametrize("body", [BODY, HOSTILE_BODIES["100,000 nested arrays"], b""])
def test_a_forged_delivery_is_refused_before_its_body_is_read(
    header: str | None, body: bytes, toy: Toy, pipeline_of: PipelineOf
) -> None:
    def decode(body: bytes) -> object:
        raise AssertionError("the body of a forged delivery was decoded")

    headers = {} if header is None else {"X-Sign": header}
    error = refused(pipeline_of(toy(decode=decode)), Delivery("shop", headers, body), VerificationError)
    assert (error.provider, error.status_hint) == ("toy", 401)


@pytest.mark.parametrize("name", ["other", "", "SHOP", "shop/", "../shop", "é", "\n", "x" * 10_000])
def test_an_unknown_source_is_told_by_name(name: str, toy: Toy, pipeline_of: PipelineOf) -> None:
    with pytest.raises(UnknownSource) as caught:
        pipeline_of(toy()).process(Delivery(name, {}, BODY))
    assert (caught.value.source, caught.value.status_hint) == (name[:64], 404)
    assert "\n" not in str(caught.value)


@given(body=st.binary(max_size=40), header=st.none() | st.text(max_size=80))
def test_whatever_comes_in_unsigned_is_a_verification_error(
    body: bytes, header: str | None, toy: Toy, pipeline_of: PipelineOf
) -> None:
    headers = {} if header is None else {"X-Sign": header}
    refused(pipeline_of(toy()), Delivery("shop", headers, body), VerificationError)


@frozen
class Scheme:
    """A scheme of a plugin, with a fault."""

    verify: Callable[[Delivery], Any]
    name: str = "faulty"
    replay: Replay = Replay.NONE

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        return ()


def raising(error: BaseException) -> Callable[..., Any]:
    def call(*_: object) -> Any:
        raise error

    return call


VERDICTS = {
    "True": lambda _: True,
    "None": lambda _: None,
    "a name": lambda _: "hmac",
    "a class": lambda _: Verification,
    "a lookalike": lambda delivery: delivery,
    "KeyError": raising(KeyError(CARD)),
    "ValueError": raising(ValueError(CARD)),
    "RecursionError": raising(RecursionError(CARD)),
    "PayloadError": raising(fault("card", CARD)),
    "ExceptionGroup": raising(ExceptionGroup("", [VerificationError(CARD)])),
}


@pytest.mark.parametrize("verify", VERDICTS.values(), ids=VERDICTS)
def test_a_scheme_that_gives_no_verification_refuses(
    verify: Callable[[Delivery], Any], toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    pipeline = pipeline_of(toy(verification=lambda settings: Scheme(verify)))
    refused(pipeline, signed(BODY), VerificationError)


def draft(**members: Any) -> dict[str, Any]:
    return {"kind": Kind.TEST, "status": Status.UNKNOWN, "identity": (CARD,), **members}


FAULTY_PARSERS = {
    "raises KeyError": raising(KeyError(CARD)),
    "raises ValueError": raising(ValueError(CARD)),
    "raises RecursionError": raising(RecursionError(CARD)),
    "raises a VerificationError": raising(VerificationError(CARD)),
    "asserts": raising(AssertionError(CARD)),
    "stops": raising(StopIteration(CARD)),
    "gives None": lambda payload, context: None,
    "gives nothing": lambda payload, context: (),
    "gives a text": lambda payload, context: CARD,
    "gives a list of None": lambda payload, context: [None],
    "gives a draft for a list": lambda payload, context: draft(),
    "forgets the identity": lambda payload, context: [EventDraft(kind=Kind.TEST, status=Status.UNKNOWN)],
    "forgets the status": lambda payload, context: [{"kind": Kind.TEST, "identity": (CARD,)}],
    "adds a member": lambda payload, context: [draft(card_number=CARD)],
    "sets what is stamped": lambda payload, context: [draft(id="evt_1")],
    "gives one identity twice": lambda payload, context: [draft(), draft()],
    "identifies by an object": lambda payload, context: [draft(identity=(object(),))],
    "fails half-way": lambda payload, context: (draft(identity=(f"{1 // n}",)) for n in (1, 0)),
}


@pytest.mark.parametrize("parse", FAULTY_PARSERS.values(), ids=FAULTY_PARSERS)
def test_a_fault_of_the_plugin_is_a_payload_error_that_says_so(
    parse: Callable[..., Any],
    toy: Toy,
    pipeline_of: PipelineOf,
    signed: Signed,
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = refused(pipeline_of(toy(parse=parse)), signed(BODY), PayloadError)
    assert "a fault of the plugin" in str(error)
    assert CARD not in caplog.text


@pytest.mark.parametrize("member", ["decode", "acknowledge"])
def test_what_else_a_plugin_does_wrong_is_a_payload_error(
    member: str, toy: Toy, pipeline_of: PipelineOf, signed: Signed, caplog: pytest.LogCaptureFixture
) -> None:
    refused(pipeline_of(toy(**{member: raising(KeyError(CARD))})), signed(BODY), PayloadError)
    assert CARD not in caplog.text


def test_an_answer_that_is_none_is_a_fault_of_the_plugin(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    with pytest.raises(PayloadError, match="gets no acknowledgement"):
        pipeline_of(toy(acknowledge=lambda delivery, events: None)).process(signed(BODY))


def test_of_many_anomalies_the_first_hundred_are_told(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    extra = ",".join(f'"k{number}": 1' for number in range(150))
    body = BODY.replace(b"{", b"{" + extra.encode() + b",", 1)
    (event,) = pipeline_of(toy()).process(signed(body)).events
    assert len(event.anomalies) == 101
    assert event.anomalies[-1].problem == "and 50 more"
