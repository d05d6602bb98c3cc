"""Each file in cases/ is one request and what it must become."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cambist import Kind, PaymentEvent, Pipeline, Registry, Source, event_schema, from_json, to_json
from cambist.testing import Case
from cambist_stellar import ANCHOR, WALLET
from cambist_stellar.anchor import TYPES
from cambist_stellar.parts import KINDS

# Deliveries of one event: again, or proven genuine in another way.
SAME_EVENT = [
    {"sep24_deposit_completed", "sep24_deposit_completed_again"},
    {"verified_with_api_key", "verified_with_api_key_in_another_header", "verified_with_jwt"},
    {"wallet_deposit_completed", "wallet_deposit_completed_again"},
    {
        "wallet_verified_at_the_limit",
        "wallet_verified_with_both_headers",
        "wallet_verified_with_older_header",
        "wallet_verified_with_other_key",
        "wallet_verified_with_port",
        "wallet_verified_without_space",
    },
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
    shared = [group for group in names.values() if len(group) > 1]
    assert sorted(map(sorted, shared)) == sorted(map(sorted, SAME_EVENT))


@pytest.mark.parametrize(
    ("provider", "group", "word"),
    [
        (provider, group, word)
        for provider in (ANCHOR, WALLET)
        for group, words in provider.statuses.items()
        for word in words
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_status_word_has_a_case(provider: Any, group: str, word: str, cases: dict[str, Case]) -> None:
    found = [
        expected_event(case)["status"]
        for case in cases.values()
        if case.provider == provider.name and "events" in case.expected
        if expected_event(case)["provider_status"] == word
        and (expected_event(case)["kind"] == "customer") is (group == "customer")
    ]
    assert provider.statuses[group][word] in found


def test_every_type_and_every_kind_has_a_case(cases: dict[str, Case]) -> None:
    reached = [expected_event(case) for case in cases.values() if "events" in case.expected]
    assert set(TYPES) <= {event["provider_type"] for event in reached}
    assert {*KINDS.values(), Kind.QUOTE, Kind.CUSTOMER, Kind.UNKNOWN} == {event["kind"] for event in reached}
    bodies = [case.delivery.body.decode() for case in cases.values()]
    for word in KINDS:
        assert any(f'"kind": "{word}"' in body for body in bodies)


# --- What a body says is in the event, but for what is listed.

ENVELOPE = {"id", "timestamp", "payload.timestamp", "payload.id"}  # an event's id is made of the first
LEFT_OUT = {
    *("sep", "kind", "type", "funding_method", "fundingMethod", "request_client_ip_address", "refunded"),
    *("memo_type", "refund_memo_type", "deposit_memo_type", "withdraw_memo_type", "stellar_memo_type"),
    *("created_at", "envelope", "description", "sell_delivery_method", "buy_delivery_method"),
    *("transfer_received_at", "user_action_required_by", "kyc_verified"),
    *("more_info_url", "status_eta", "external_extra", "external_extra_text"),
    *("required_info_message", "required_customer_info_message", "required_customer_info_updates"),
    # In the event in another form: see test_assets.py, test_identity.py, and the failures.
    *("asset", "amount_in_asset", "amount_out_asset", "amount_fee_asset", "sell_asset", "buy_asset"),
    *("started_at", "updated_at", "completed_at", "message", "status_message"),
}
# A customer's record says which facts are known of them. They are none of the event's business.
PRIVATE = ("fields.", "provided_fields.", "transaction.required_info_updates.")


def test_all_that_a_body_says_is_in_the_event_but_what_is_listed(event_case: Case) -> None:
    event = expected_event(event_case)
    if event["anomalies"]:
        return
    said = scalars(json.loads(event_case.delivery.body, parse_float=str, parse_int=str))
    stated = set(scalars(event).values())
    if event_case.provider == "stellar-anchor":
        said = {path: value for path, value in said.items() if path not in ENVELOPE}
    for path, value in said.items():
        name = path.rpartition(".")[2].partition("[")[0]
        itemised = name == "total" and len(event["fees"]) > 1
        if name not in LEFT_OUT and not itemised and not path.startswith(PRIVATE):
            assert value in stated or as_time(value) in stated, path


def scalars(value: Any, path: str = "") -> dict[str, str]:
    """Return every plain value as text, by its path."""
    if isinstance(value, dict):
        return {
            place: found
            for key, item in value.items()
            for place, found in scalars(item, f"{path}.{key}" if path else key).items()
        }
    if isinstance(value, list):
        return {
            place: found
            for index, item in enumerate(value)
            for place, found in scalars(item, f"{path}[{index}]").items()
        }
    return {} if value is None else {path: str(value)}


def as_time(value: str) -> str:
    """Return a time with the six digits that an event has."""
    whole, point, fraction = value.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<6}Z" if point else f"{whole}Z"
