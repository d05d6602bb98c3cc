from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cambist import BaseUnits, Delivery, Kind, PaymentEvent, Pipeline, Registry, Source, Status
from cambist.errors import PayloadError, VerificationError

from . import signing, tollhouse

SECRETS = [
    {"value": signing.SECRET, "label": "new"},
    {"value": signing.OLD_SECRET, "label": "old", "not_after": "2026-01-31T13:00:00Z"},
]
HOUR = 3600


def receive(body: bytes, header: str | None = None, at: int = signing.NOW, **settings: Any) -> PaymentEvent:
    registry = Registry()
    registry.register(tollhouse)
    pipeline = Pipeline([Source("shop", "tollhouse", {"secrets": SECRETS, **settings})], registry=registry)
    headers = {"Tollhouse-Signature": header or signing.header(body, at=at)}
    (event,) = pipeline.process(Delivery("shop", headers, body, datetime.fromtimestamp(at, UTC))).events
    return event


def succeeded(amount: int | str, currency: str) -> bytes:
    body = signing.event("1", "payment_intent.succeeded", signing.intent("succeeded", 77, currency, 77))
    return body.replace(b"77", str(amount).encode())


@pytest.mark.parametrize("name", signing.REQUESTS)
def test_the_requests_are_those_of_the_independent_signer(name: str) -> None:
    assert (Path(__file__).parent / "cases" / f"{name}.http").read_bytes() == signing.REQUESTS[name]


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (1099, "jpy", "1099"),
        (1250, "kwd", "1.250"),
        (1, "kwd", "0.001"),
        (1000, "eur", "10.00"),
        (5, "eur", "0.05"),
        (10**30 + 1, "kwd", "1" + "0" * 27 + ".001"),
        (2**53 + 1, "jpy", "9007199254740993"),
    ],
)
def test_a_minor_unit_becomes_exactly_its_amount(minor: int, currency: str, amount: str) -> None:
    amounts = receive(succeeded(minor, currency)).amounts
    for money in (amounts.requested, amounts.received):
        assert money is not None
        assert isinstance(money.amount, Decimal)
        assert str(money.amount) == amount
        assert (money.asset.code, money.asset.id) == (currency, f"iso4217:{currency.upper()}")


def test_a_currency_of_unknown_scale_stays_in_base_units() -> None:
    money = receive(succeeded(1099, "xts")).amounts.received
    assert money is not None
    assert (money.amount, money.base_units, money.asset.id) == (None, BaseUnits(1099), None)


@pytest.mark.parametrize("amount", ["10.5", "1e3", "-1", "true", "null", '"ten"', "1" + "0" * 200])
def test_what_is_no_whole_number_is_refused(amount: str) -> None:
    with pytest.raises(PayloadError) as caught:
        receive(succeeded(amount, "jpy"))
    assert {fault.path for fault in caught.value.faults} == {
        "data.object.amount",
        "data.object.amount_received",
    }


def test_nothing_received_is_not_a_sum() -> None:
    amounts = receive(signing.BODIES["declined"]).amounts
    assert amounts.received is amounts.refunded is None


@pytest.mark.parametrize("place", range(3))
def test_any_of_several_signatures_may_fit(place: int) -> None:
    wrong = [signing.v1(signing.SUCCEEDED, f"wrong {number}") for number in range(2)]
    wrong.insert(place, signing.v1(signing.SUCCEEDED))
    items = ",".join(f"v1={signature}" for signature in wrong)
    assert receive(signing.SUCCEEDED, f"t={signing.NOW},{items}").status is Status.COMPLETED


@pytest.mark.parametrize("malformed", ["v1=", "v1", "=", "v1=zz", "v1=ab", "v0=ab", "v1==", "x", ""])
def test_a_malformed_item_does_no_harm_and_no_good(malformed: str) -> None:
    time, good = f"t={signing.NOW}", f"v1={signing.v1(signing.SUCCEEDED)}"
    assert receive(signing.SUCCEEDED, f"{time},{malformed},{good}").status is Status.COMPLETED
    with pytest.raises(VerificationError):
        receive(signing.SUCCEEDED, f"{time},{malformed}")


def test_v0_proves_nothing_even_if_it_would_fit() -> None:
    with pytest.raises(VerificationError):
        receive(signing.SUCCEEDED, f"t={signing.NOW},v0={signing.v1(signing.SUCCEEDED)}")


@pytest.mark.parametrize("other", [-600, 600])
def test_a_second_time_is_refused(other: int) -> None:
    good = signing.v1(signing.SUCCEEDED)
    with pytest.raises(VerificationError):
        receive(signing.SUCCEEDED, f"t={signing.NOW},t={signing.NOW + other},v1={good}")


def test_a_rolled_secret_holds_until_its_end() -> None:
    def label(at: int) -> str | None:
        event = receive(signing.SUCCEEDED, signing.header(signing.SUCCEEDED, signing.OLD_SECRET, at), at)
        assert event.verification is not None
        return event.verification.label

    end = signing.NOW - 5 + HOUR
    assert label(end - 1) == "old"
    with pytest.raises(VerificationError):
        label(end)


@pytest.mark.parametrize("late", [-300, 0, 300])
def test_a_delivery_within_the_tolerance_is_taken(late: int) -> None:
    header = signing.header(signing.SUCCEEDED)
    assert receive(signing.SUCCEEDED, header, signing.NOW + late).status is Status.COMPLETED


@pytest.mark.parametrize("late", [-301, 301, HOUR])
def test_a_replay_after_the_tolerance_is_refused(late: int) -> None:
    with pytest.raises(VerificationError):
        receive(signing.SUCCEEDED, signing.header(signing.SUCCEEDED), signing.NOW + late)


def test_a_redelivery_is_the_same_event_and_another_event_is_not() -> None:
    first = receive(signing.SUCCEEDED)
    again = signing.SUCCEEDED.replace(b'"livemode"', b'"pending_webhooks": 2, "livemode"')
    second = receive(again, at=signing.NOW + 2 * HOUR, secrets=[signing.SECRET])
    assert first.id == second.id
    assert receive(signing.SUCCEEDED.replace(b"evt_08", b"evt_09")).id != first.id


def test_an_unknown_type_is_kept_and_says_nothing_of_money() -> None:
    event = receive(signing.BODIES["dispute"])
    assert (event.kind, event.status) == (Kind.UNKNOWN, Status.UNKNOWN)
    assert event.provider_type == "charge.dispute.created"
    assert event.amounts.requested is None
    assert [anomaly.path for anomaly in event.anomalies] == ["type"]


@pytest.mark.parametrize("name", ["succeeded_eur", "refunded_fully"])
def test_an_unknown_status_is_kept(name: str) -> None:
    event = receive(signing.BODIES[name].replace(b'"succeeded"', b'"settled"'))
    assert (event.status, event.provider_status) == (Status.UNKNOWN, "settled")
    assert [anomaly.path for anomaly in event.anomalies] == ["data.object.status"]


def test_a_refund_is_news_of_its_payment() -> None:
    paid, part, full = (
        receive(signing.BODIES[name]) for name in ("succeeded_eur", "refunded_partly", "refunded_fully")
    )
    assert paid.payment == part.payment == full.payment
    assert (part.status, full.status) == (Status.PARTIALLY_REFUNDED, Status.REFUNDED)


def test_what_is_not_live_is_a_test() -> None:
    assert receive(signing.BODIES["test_mode"]).kind is Kind.TEST
    with pytest.raises(PayloadError):
        receive(signing.BODIES["test_mode"].replace(b'"livemode": false,', b""))
