"""What the cases show of the documents. They are run by test_conformance.py."""

from __future__ import annotations

import json
from typing import Any

from cambist import Kind
from cambist.testing import Case
from cambist_stellar.anchor import TYPES
from cambist_stellar.parts import KINDS


def expected_event(case: Case) -> dict[str, Any]:
    (event,) = case.expected["events"]
    return event


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
