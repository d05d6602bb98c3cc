"""What makes a webhook's event this one, and what no unsigned header can do to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cambist import Kind, Pipeline, Registry, Source, Status, from_json, to_json
from cambist.testing import Case, load_cases

from .conftest import Shop

CASES = Path(__file__).parent / "cases"
PAYMENT = (
    b'{"type":"payment.completed","webhook_id":"wh_1","timestamp":"2026-02-27T10:30:00Z",'
    b'"data":{"id":"txn_1","status":"completed","amount":"50000000","chain_id":8453,'
    b'"token_address":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"}}'
)
TEST = [("X-AnySpend-Test", "true")]


def body(**changes: Any) -> bytes:
    payload = json.loads(PAYMENT)
    payload["data"] |= changes
    return json.dumps(payload).encode()


def test_both_shapes_of_one_event_have_one_id(shop: Shop) -> None:
    guide = (
        b'{"event":"payment.completed","webhookId":"wh_1","timestamp":1772188200000,"data":{"id":"txn_1",'
        b'"status":"completed","amount":"50000000","chainId":8453,'
        b'"tokenAddress":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"}}'
    )
    ours, theirs = shop.event("shop", PAYMENT), shop.event("shop", guide)
    assert ours.id == theirs.id
    assert (ours.amounts, ours.occurred_at) == (theirs.amounts, theirs.occurred_at)


def test_what_changes_between_retries_makes_no_other_event(shop: Shop) -> None:
    headers = [
        ("X-AnySpend-Delivery-Id", "del_2"),
        ("X-AnySpend-Timestamp", "1999-01-01T00:00:00Z"),
        ("X-AnySpend-Event", "payment.failed"),
        ("X-AnySpend-Webhook-Id", "wh_2"),
    ]
    later = PAYMENT.replace(b"10:30:00", b"10:41:00")
    first, retry = shop.event("shop", PAYMENT), shop.event("shop", later, headers)
    assert first.id == retry.id
    assert (first.kind, first.status, first.amounts) == (retry.kind, retry.status, retry.amounts)


@pytest.mark.parametrize(
    "changed",
    [
        body(id="txn_2"),
        body(status="confirming"),
        PAYMENT.replace(b"payment.completed", b"checkout.completed"),
    ],
)
def test_another_payment_status_or_type_is_another_event(changed: bytes, shop: Shop) -> None:
    assert shop.event("shop", changed).id != shop.event("shop", PAYMENT).id


def test_two_deliveries_of_an_unknown_type_are_told_apart_by_all_they_say(shop: Shop) -> None:
    unknown = PAYMENT.replace(b"payment.completed", b"payment.updated")
    other = unknown.replace(b"50000000", b"50000001")
    assert shop.event("shop", unknown).id == shop.event("shop", unknown).id != shop.event("shop", other).id


def test_a_marked_copy_takes_nothing_from_the_payment(shop: Shop) -> None:
    """Whichever comes first: with one id, the copy would make the genuine delivery look like a repetition."""
    genuine, copy = shop.event("shop", PAYMENT), shop.event("shop", PAYMENT, TEST)
    assert (genuine.kind, genuine.status) == (Kind.PAYMENT, Status.COMPLETED)
    assert (copy.kind, copy.status, copy.final) == (Kind.TEST, Status.UNKNOWN, False)
    assert copy.amounts.received is None
    assert copy.amounts.requested == genuine.amounts.received
    assert genuine.id != copy.id


@pytest.mark.parametrize(
    "sent", [case for case in load_cases(CASES) if "events" in case.expected], ids=lambda case: case.name
)
def test_a_stored_delivery_stays_what_it_was(sent: Case, registry: Registry) -> None:
    """Read again from what a store keeps: the body, and the headers that the provider's record names."""
    pipeline = Pipeline([Source(sent.delivery.source, sent.provider, sent.settings)], registry=registry)
    kept = {name.lower() for name in pipeline.routes[0].provider.headers}
    headers = [pair for pair in sent.delivery.headers.items_all() if pair[0] in kept]
    processed = pipeline.process(sent.delivery)
    stored = evolve(sent.delivery, headers=headers)
    assert pipeline.parse(stored, processed.verification).events == processed.events


@pytest.mark.parametrize("value", ["false", "", "0", "1", "yes", "true;false", b"\xff"])
def test_only_true_marks_a_test(value: str | bytes, shop: Shop) -> None:
    assert shop.event("shop", PAYMENT, [("X-AnySpend-Test", value)]) == shop.event("shop", PAYMENT)


@pytest.mark.parametrize("value", ["true", "True", "TRUE", " true\t"])
def test_true_marks_a_test_however_it_is_written(value: str, shop: Shop) -> None:
    assert shop.event("shop", PAYMENT, [("x-anyspend-test", value)]).kind is Kind.TEST


def test_no_header_makes_a_payment_of_a_ping(shop: Shop) -> None:
    ping = b'{"type":"test.ping","data":{"id":"txn_1","status":"completed"}}'
    headers = [("X-AnySpend-Test", "false"), ("X-AnySpend-Event", "payment.completed")]
    event = shop.event("shop", ping, headers)
    assert (event.kind, event.status, event.amounts.received) == (Kind.TEST, Status.UNKNOWN, None)


def test_the_merchants_own_data_keep_their_digits(cases: dict[str, Case], shop: Shop) -> None:
    for name in ("metadata_form_as_string", "payment_completed_session_object"):
        event = shop.event("shop", cases[name].delivery.body)
        assert b'"weight":0.10}' in to_json(event)
        assert from_json(to_json(event)).metadata == event.metadata


def test_a_discount_stands_before_what_the_payer_typed(shop: Shop) -> None:
    event = shop.event("shop", body(discount_code="SUMMER10", form_data={"discount_code": "FREE"}))
    assert event.metadata == {"discount_code": "SUMMER10"}
    assert [anomaly.path for anomaly in event.anomalies] == ["data.form_data"]


def test_no_two_spellings_of_one_key_agree_unnoticed_on_something_else(shop: Shop) -> None:
    event = shop.event("shop", body(chainId=1, tokenAddress=None, completedAt="2026-02-27T10:29:58Z"))
    assert [anomaly.path for anomaly in event.anomalies] == ["data.chainId"]
    assert event.amounts.received is not None
    assert event.amounts.received.asset.network == "eip155:8453"
