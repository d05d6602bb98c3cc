"""What the cases show of the vendor's document. They are run by test_conformance.py."""

from __future__ import annotations

import json
from typing import Any

from cambist.testing import Case
from cambist_alchemypay.samples import SAMPLES

# What the document shows and an event has no place for, or not in that form. All else is in the event.
LEFT_OUT = {"cardNumber", "applyFee", "currencyExchangeRate"}
RESTATED = {"cardType": "virtual", "cardAmount": "0.95", "orderTime": "2023-08-24T21:01:54Z"}


def expected_event(case: Case) -> dict[str, Any]:
    (event,) = case.expected["events"]
    return event


def test_the_sample_is_the_document(cases: dict[str, Case]) -> None:
    (sample,) = SAMPLES
    assert sample.body == cases["order_document"].delivery.body


def test_all_that_the_document_shows_is_in_the_event_but_what_is_listed(cases: dict[str, Case]) -> None:
    case = cases["order_document"]
    stated = json.dumps(expected_event(case))
    shown = json.loads(case.delivery.body)
    assert {key for key, value in shown.items() if RESTATED.get(key, f'"{value}"') not in stated} <= LEFT_OUT
    assert shown["cardNumber"] not in stated
