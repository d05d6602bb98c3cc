import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cambist import Delivery, Kind, PaymentEvent, Pipeline, Registry, Source, Status
from cambist.errors import ConfigurationError, PayloadError, VerificationError

from . import farthing, signing

SECRETS = [{"value": signing.SECRET, "label": "new"}, {"value": signing.OLD_SECRET, "label": "old"}]
GOOD = signing.v1("msg_1", signing.PAID)


def pipeline_of(*secrets: object) -> Pipeline:
    registry = Registry()
    registry.register(farthing)
    return Pipeline([Source("shop", "farthing", {"secrets": list(secrets or SECRETS)})], registry=registry)


def headers_of(signatures: str, identifier: str, at: int) -> list[tuple[str, str]]:
    return [
        ("Webhook-Id", identifier),
        ("Webhook-Timestamp", str(at)),
        ("Webhook-Signature", signatures),
    ]


def receive(
    body: bytes = signing.PAID,
    signatures: str | None = None,
    identifier: str = "msg_1",
    signed_at: int = signing.NOW,
    received_at: int | None = None,
) -> PaymentEvent:
    headers = headers_of(signatures or signing.v1(identifier, body, at=signed_at), identifier, signed_at)
    when = datetime.fromtimestamp(signed_at if received_at is None else received_at, UTC)
    (event,) = pipeline_of().process(Delivery("shop", headers, body, when)).events
    return event


@pytest.mark.parametrize("name", signing.REQUESTS)
def test_the_requests_are_those_of_the_independent_signer(name: str) -> None:
    assert (Path(__file__).parent / "cases" / f"{name}.http").read_bytes() == signing.REQUESTS[name]


@pytest.mark.parametrize(("amount", "currency"), [("1099", "JPY"), ("1.250", "KWD"), ("0.10", "EUR")])
def test_an_amount_keeps_its_digits(amount: str, currency: str) -> None:
    money = receive(signing.message("payment.updated", signing.of("paid", amount, currency))).amounts.received
    assert money is not None
    assert (str(money.amount), money.asset.id) == (amount, f"iso4217:{currency}")


def test_a_code_that_is_not_documented_is_not_taken_for_a_currency() -> None:
    money = receive(signing.message("payment.updated", signing.of("paid", "1.00", "XTS"))).amounts.received
    assert money is not None
    assert (money.asset.code, money.asset.id) == ("XTS", None)


@pytest.mark.parametrize(("key", "label"), [(signing.KEY, "new"), (signing.OLD_KEY, "old")])
def test_the_second_of_two_signatures_may_fit_either_secret(key: bytes, label: str) -> None:
    wrong = signing.v1("msg_1", signing.PAID, b"of somebody else")
    verification = receive(signatures=f"{wrong} {signing.v1('msg_1', signing.PAID, key)}").verification
    assert verification is not None
    assert verification.label == label


@pytest.mark.parametrize("other", [signing.V1A, "v1a,", "v1,", "v1", ",", "v1,???", "v2,AAAA", "v1,AAAA", ""])
def test_another_item_does_no_harm_and_no_good(other: str) -> None:
    assert receive(signatures=f"{other} {GOOD}").status is Status.COMPLETED
    assert receive(signatures=f"{GOOD} {other}").status is Status.COMPLETED
    with pytest.raises(VerificationError):
        receive(signatures=f"{other} {signing.V1A}")


@pytest.mark.parametrize("version", ["v1a", "v2", "V1", "v11", ""])
def test_the_digest_counts_only_as_v1(version: str) -> None:
    with pytest.raises(VerificationError):
        receive(signatures=GOOD.replace("v1,", f"{version},"))


@pytest.mark.parametrize("late", [-300, 300])
def test_a_delivery_within_the_tolerance_is_taken(late: int) -> None:
    assert receive(received_at=signing.NOW + late).status is Status.COMPLETED


@pytest.mark.parametrize("late", [-301, 301])
def test_a_replay_after_the_tolerance_is_refused(late: int) -> None:
    with pytest.raises(VerificationError):
        receive(received_at=signing.NOW + late)


def test_a_message_that_is_sent_again_is_the_same_event() -> None:
    first, again = receive(), receive(signed_at=signing.NOW + 86400)
    assert first.id == again.id
    assert receive(identifier="msg_2").id != first.id


@pytest.mark.parametrize("place", [0, 3])
def test_the_identifier_is_signed_and_given_once(place: int) -> None:
    with pytest.raises(VerificationError):
        receive(identifier="msg_2", signatures=GOOD)
    headers = headers_of(GOOD, "msg_1", signing.NOW)
    headers.insert(place, ("webhook-id", "msg_2"))
    when = datetime.fromtimestamp(signing.NOW, UTC)
    with pytest.raises(VerificationError):
        pipeline_of().process(Delivery("shop", headers, signing.PAID, when))


def test_without_its_identifier_a_stored_message_is_no_event() -> None:
    with pytest.raises(PayloadError) as caught:
        pipeline_of().parse(Delivery("shop", {}, signing.PAID))
    assert [fault.path for fault in caught.value.faults] == ["webhook-id"]


@pytest.mark.parametrize("secret", ["whsec_", "whsec_no base64", "whsec_YQ", "whpk_YWFh", ""])
def test_a_secret_that_holds_no_key_stops_the_start(secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        pipeline_of(secret)
    assert not secret or secret not in str(caught.value)


def test_a_secret_is_the_key_that_it_encodes() -> None:
    scheme = pipeline_of(f"whsec_{base64.b64encode(signing.KEY).decode()}")
    when = datetime.fromtimestamp(signing.NOW, UTC)
    delivery = Delivery("shop", headers_of(GOOD, "msg_1", signing.NOW), signing.PAID, when)
    assert scheme.process(delivery).events


def test_an_unknown_type_is_kept_and_says_nothing_of_money() -> None:
    event = receive(signing.BODIES["dispute"])
    assert (event.kind, event.status, event.provider_type) == (Kind.UNKNOWN, Status.UNKNOWN, "dispute.opened")
    assert event.amounts.requested is None
    assert [anomaly.path for anomaly in event.anomalies] == ["type"]


@pytest.mark.parametrize(("name", "word"), [("paid", b'"paid"'), ("payout_arrived", b'"arrived"')])
def test_an_unknown_status_is_kept_and_nothing_has_come(name: str, word: bytes) -> None:
    event = receive(signing.BODIES[name].replace(word, b'"settled"'))
    assert (event.status, event.provider_status) == (Status.UNKNOWN, "settled")
    assert event.amounts.received is None
    assert [anomaly.path for anomaly in event.anomalies] == ["data.status"]


def test_a_try_of_the_endpoint_moves_no_money() -> None:
    event = receive(signing.BODIES["endpoint_test"])
    assert event.kind is Kind.TEST
    assert event.amounts.requested is None
