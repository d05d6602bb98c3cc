"""Each file in cases/ is one request and what it must become; the document's own come first."""

from __future__ import annotations

import hmac
import json
from collections import defaultdict
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cambist import (
    Delivery,
    PaymentEvent,
    Pipeline,
    Registry,
    Sample,
    Source,
    decode_json,
    event_schema,
    from_json,
    to_json,
)
from cambist._payload import _quick
from cambist.errors import ConfigurationError
from cambist.testing import Case
from cambist_coinspaid import COINSPAID
from cambist_coinspaid.callbacks import KINDS
from cambist_coinspaid.payloads import Callback, InvoiceAnswer, PaymentRequest
from cambist_coinspaid.statuses import STATUSES

# One body under several settings: which secret proved it genuine does not make it another event.
SAME_EVENT = {"deposit_btc", "verified_with_api_key", "verified_with_second_secret", "verified_within_window"}

# What the document shows and an event has no place for. All else that it shows is in the event.
LEFT_OUT = {
    "crypto_address.currency",
    "crypto_address.convert_to",
    "transactions[].transaction_type",
    "fixed_at",
    "expires_at",
    "data.url",
    "data.title",
    "data.fixed_at",
    "data.release_at",
    "data.seconds_left",
}

FORMS = {"payment_request": PaymentRequest, None: InvoiceAnswer}  # any other type is a Callback
GROUPS = {"payment_request": "payment_request", None: "invoice"} | {
    type_: group for type_, (_, group) in KINDS.items()
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
    assert [group for group in names.values() if len(group) > 1] == [SAME_EVENT]


def test_every_body_of_the_document_has_a_case(documents: list[bytes]) -> None:
    assert len(documents) == len({json.dumps(json.loads(body)) for body in documents}) == 21


@pytest.mark.parametrize("sample", COINSPAID.samples, ids=lambda sample: sample.name)
def test_each_sample_of_the_plugin_is_a_body_of_the_document(
    sample: Sample, documents: list[bytes], registry: Registry
) -> None:
    assert decode_json(sample.body) in [decode_json(body) for body in documents]
    pipeline = Pipeline(
        [Source("shop", "coinspaid", {"secrets": ["any"], "api_key": "key"})], registry=registry
    )
    (route,) = pipeline.routes
    headers = route.scheme.sign(Delivery("shop", {}, sample.body))
    assert dict(headers) == {
        "X-Processing-Key": "key",
        "X-Processing-Signature": hmac.new(b"any", sample.body, "sha512").hexdigest(),
    }
    assert pipeline.process(Delivery("shop", headers, sample.body)).events


@pytest.mark.parametrize(
    ("group", "word"), [(group, word) for group, words in STATUSES.items() for word in words]
)
def test_every_status_word_has_a_case(group: str, word: str, cases: dict[str, Case]) -> None:
    reached = [expected_event(case) for case in cases.values() if "events" in case.expected]
    found = [
        event["status"]
        for event in reached
        if event["provider_status"] == word and GROUPS.get(event["provider_type"]) == group
    ]
    assert STATUSES[group][word] in found


def test_every_type_has_a_case(cases: dict[str, Case]) -> None:
    reached = [expected_event(case) for case in cases.values() if "events" in case.expected]
    assert {(event["provider_type"], event["kind"]) for event in reached} == {
        *((type_, kind.value) for type_, (kind, _) in KINDS.items()),
        ("payment_request", "invoice"),
        (None, "invoice"),
        ("payout_batch", "unknown"),
    }


def test_nothing_odd_is_met_on_the_way_of_a_callback_without_anomalies(event_case: Case) -> None:
    """What is as documented takes the quick way: the thorough one costs several times as much."""
    event = expected_event(event_case)
    if not event["anomalies"]:
        read = _quick(FORMS.get(event["provider_type"], Callback))
        read(decode_json(event_case.delivery.body))


def test_no_documented_callback_has_anomalies_but_one(documented: Case) -> None:
    anomalies = expected_event(documented)["anomalies"]
    assert bool(anomalies) is (documented.name == "invoice_confirmed_with_remainder")


def test_all_that_the_document_shows_is_in_the_event_but_what_is_listed(documented: Case) -> None:
    stated = {value for _, value in scalars(expected_event(documented))}
    shown = json.loads(documented.delivery.body, parse_float=str, parse_int=str)
    assert {path for path, value in scalars(shown) if value and value not in stated} <= LEFT_OUT


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, "secrets"),
        ({"secrets": []}, "secrets"),
        ({"secrets": [""]}, "secrets"),
        ({"secrets": "the-secret"}, "secrets"),
        ({"secrets": ["the-secret"], "api_key": ""}, "api_key"),
        ({"secrets": ["the-secret"], "api_key": 7}, "api_key"),
        ({"secrets": ["the-secret"], "key": "misspelt"}, "key"),
    ],
    ids=repr,
)
def test_a_setting_that_does_not_fit_stops_the_start_and_is_named(
    settings: dict[str, Any], key: str, registry: Registry
) -> None:
    with pytest.raises(ConfigurationError, match=rf"'shop'.*\b{key}: ") as caught:
        Pipeline([Source("shop", "coinspaid", settings)], registry=registry)
    assert "the-secret" not in str(caught.value)


def scalars(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Return every plain value as text, with its path; all items of a list have one path."""
    if isinstance(value, dict):
        return [
            found for key, item in value.items() for found in scalars(item, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list):
        return [found for item in value for found in scalars(item, f"{path}[]")]
    return [] if value is None else [(path, str(value))]
