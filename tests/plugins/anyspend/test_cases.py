"""Each file in cases/ is one request and what it must become."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cambist import PaymentEvent, Pipeline, Registry, Source, event_schema, from_json, to_json
from cambist.testing import Case
from cambist_anyspend import ANYSPEND, ANYSPEND_ORDER
from cambist_anyspend.webhooks import TYPES

PROVIDERS = {"anyspend": ANYSPEND, "anyspend-order": ANYSPEND_ORDER}
# Retries, other secrets, and what the headers say without proof: none of it makes another event.
SAME_EVENT = [
    {
        "delivered_again",
        "payment_completed",
        "test_header_false",
        "verified_in_upper_case",
        "verified_with_second_secret",
    },
    {"order_executed", "order_executed_again", "order_verified_with_second_key"},
    {"test_header_on_a_ping", "test_ping"},
]
# Of each documented event, in both shapes; nothing about them is odd.
DOCUMENTED = [
    "checkout_completed",
    "checkout_completed_guide",
    "checkout_expired",
    "checkout_expired_guide",
    "order_executed",
    "payment_completed",
    "payment_completed_guide",
    "payment_failed",
    "payment_failed_guide",
    "test_ping",
    "test_ping_guide",
]


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
    assert sorted(sorted(group) for group in names.values() if len(group) > 1) == [
        sorted(group) for group in SAME_EVENT
    ]


@pytest.mark.parametrize(
    ("provider", "word"),
    [(name, word) for name, each in PROVIDERS.items() for words in each.statuses.values() for word in words],
)
def test_every_status_word_has_a_case(provider: str, word: str, cases: dict[str, Case]) -> None:
    found = {
        expected_event(case)["status"]
        for case in cases.values()
        if case.provider == provider
        and "events" in case.expected
        and expected_event(case)["provider_status"] == word
    }
    ((_, words),) = PROVIDERS[provider].statuses.items()
    assert words[word] in found


def test_every_type_has_a_case_in_both_shapes(cases: dict[str, Case]) -> None:
    shapes = defaultdict(set)
    for name in DOCUMENTED:
        payload = json.loads(cases[name].delivery.body)
        if cases[name].provider == "anyspend":
            shapes[payload.get("type") or payload["event"]].add("type" if "type" in payload else "event")
    assert shapes == {type_: {"type", "event"} for type_ in (*TYPES, "test.ping")}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_nothing_about_a_documented_delivery_is_odd(name: str, cases: dict[str, Case]) -> None:
    assert expected_event(cases[name])["anomalies"] == []


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))
def test_the_samples_are_genuine_deliveries_that_give_events(provider: Any, registry: Registry) -> None:
    from cambist import Delivery

    key = "secrets" if provider is ANYSPEND else "api_keys"
    pipeline = Pipeline([Source("shop", provider.name, {key: ["s3cret"]})], registry=registry)
    route = pipeline.route("shop")
    assert route is not None
    ids = set()
    for sample in provider.samples:
        bare = Delivery("shop", sample.headers, sample.body)
        delivery = Delivery("shop", [*sample.headers, *route.scheme.sign(bare)], sample.body)
        (event,) = pipeline.process(delivery).events
        ids.add(event.id)
        assert [a.path for a in event.anomalies] == [name for name, _ in sample.headers]
    assert len(ids) == len(provider.samples)
