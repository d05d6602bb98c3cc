"""What the cases show of the vendor's document. They are run by test_conformance.py."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest

from cambist.testing import Case
from cambist_anyspend.webhooks import TYPES

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


def expected_event(case: Case) -> dict[str, Any]:
    (event,) = case.expected["events"]
    return event


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
