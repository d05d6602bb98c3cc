"""What the cases show of the vendor's document. They are run by test_conformance.py."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest

from cambist import Delivery, Pipeline, Registry, Sample, Source, decode_json
from cambist._payload import _quick
from cambist.errors import ConfigurationError
from cambist.testing import Case
from cambist_coinspaid import COINSPAID
from cambist_coinspaid.callbacks import KINDS
from cambist_coinspaid.payloads import Callback, InvoiceAnswer, PaymentRequest

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


def expected_event(case: Case) -> dict[str, Any]:
    (event,) = case.expected["events"]
    return event


def test_every_body_of_the_document_has_a_case(documents: list[bytes]) -> None:
    assert len(documents) == len({json.dumps(json.loads(body)) for body in documents}) == 21


@pytest.mark.parametrize("sample", COINSPAID.samples, ids=lambda sample: sample.name)
def test_each_sample_of_the_plugin_is_a_body_of_the_document(
    sample: Sample, documents: list[bytes], registry: Registry
) -> None:
    assert decode_json(sample.body) in [decode_json(body) for body in documents]
    source = Source("shop", "coinspaid", {"secrets": ["any"], "api_key": "key"})
    (route,) = Pipeline([source], registry=registry).routes
    assert dict(route.scheme.sign(Delivery("shop", {}, sample.body))) == {
        "X-Processing-Key": "key",
        "X-Processing-Signature": hmac.new(b"any", sample.body, "sha512").hexdigest(),
    }


def test_an_empty_account_key_stops_the_start(registry: Registry) -> None:
    source = Source("shop", "coinspaid", {"secrets": ["the-secret"], "api_key": ""})
    with pytest.raises(ConfigurationError, match=r"'shop'.*api_key: is empty"):
        Pipeline([source], registry=registry)


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


def scalars(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Return every plain value as text, with its path; all items of a list have one path."""
    if isinstance(value, dict):
        return [
            found for key, item in value.items() for found in scalars(item, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list):
        return [found for item in value for found in scalars(item, f"{path}[]")]
    return [] if value is None else [(path, str(value))]
