"""Each file in cases/ is one request and what it must become."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cambist import Kind, PaymentEvent, Pipeline, Registry, Source, event_schema, from_json, to_json
from cambist.testing import Case
from cambist_alchemypay.samples import SAMPLES
from cambist_alchemypay.statuses import STATUSES

# One body under several settings: what proved it genuine does not make it another event.
SAME_EVENT = [
    {
        "verified_path",
        "verified_path_second_secret",
        "verified_ip",
        "verified_ip_behind_proxy",
        "verified_ip_forwarded",
        "verified_basic",
        "verified_header",
    },
    {
        "verified_signed",
        "verified_signed_as_sent",
        "verified_signed_with_access_key",
        "verified_signed_an_hour_later",
    },
]
# What the document shows and an event has no place for, or not in that form. All else is in the event.
LEFT_OUT = {"cardNumber", "applyFee", "currencyExchangeRate"}
RESTATED = {"cardType": "virtual", "cardAmount": "0.95", "orderTime": "2023-08-24T21:01:54Z"}
GROUPS = {
    Kind.CARD_ISSUANCE: "order",
    Kind.CARD_TOPUP: "order",
    Kind.CARD_TRANSACTION: "transaction",
    Kind.CUSTOMER: "kyc",
}


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    return Draft202012Validator(event_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def events(case: Case, registry: Registry) -> tuple[PaymentEvent, ...]:
    source = Source(case.delivery.source, case.provider, case.settings)
    return Pipeline([source], registry=registry).process(case.delivery).events


def expected_event(case: Case) -> dict[str, Any]:
    (event,) = case.expected["events"]
    return event


def test_a_delivery_becomes_what_its_case_says(case: Case, registry: Registry) -> None:
    assert case.outcome(registry) == case.expected


def test_an_event_obeys_the_schema_and_survives_json(
    event_case: Case, registry: Registry, schema: Draft202012Validator
) -> None:
    for event in events(event_case, registry):
        document = to_json(event)
        schema.validate(json.loads(document))
        assert from_json(document) == event
        assert to_json(from_json(document)) == document


def test_different_events_have_different_ids(cases: dict[str, Case]) -> None:
    names = defaultdict(set)
    for case in cases.values():
        if "events" in case.expected:
            names[expected_event(case)["id"]].add(case.name)
    shared = [group for group in names.values() if len(group) > 1]
    assert sorted(shared, key=len) == sorted(SAME_EVENT, key=len)


@pytest.mark.parametrize(
    ("group", "word"), [(group, word) for group, words in STATUSES.items() for word in words]
)
def test_every_status_word_has_a_case(group: str, word: str, cases: dict[str, Case]) -> None:
    found = [
        event["status"]
        for case in cases.values()
        if "events" in case.expected
        for event in case.expected["events"]
        if event["provider_status"] == word and GROUPS.get(event["kind"]) == group
    ]
    assert STATUSES[group][word] in found


def test_the_sample_is_the_document(cases: dict[str, Case]) -> None:
    (sample,) = SAMPLES
    assert sample.body == cases["order_document"].delivery.body


def test_all_that_the_document_shows_is_in_the_event_but_what_is_listed(cases: dict[str, Case]) -> None:
    case = cases["order_document"]
    stated = json.dumps(expected_event(case))
    shown = json.loads(case.delivery.body)
    assert {key for key, value in shown.items() if RESTATED.get(key, f'"{value}"') not in stated} <= LEFT_OUT
    assert shown["cardNumber"] not in stated
