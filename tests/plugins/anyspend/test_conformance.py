"""Both providers of AnySpend keep what every provider has to keep."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from cambist.testing import ProviderConformance

CASES = Path(__file__).parent / "cases"


class TestAnySpend(ProviderConformance):
    provider = "anyspend"
    settings: ClassVar = {"secrets": ["whsec_a1b2c3d4e5f6"]}
    cases = CASES
    # Retries, other secrets, and what the headers say without proof: none of it makes another event.
    same_event: ClassVar = [
        {
            "delivered_again",
            "payment_completed",
            "test_header_false",
            "verified_in_upper_case",
            "verified_with_second_secret",
        },
        {"test_header_on_a_ping", "test_ping"},
    ]


class TestAnySpendOrder(ProviderConformance):
    provider = "anyspend-order"
    settings: ClassVar = {"api_keys": ["key-of-the-workflow-engine"]}
    cases = CASES
    same_event: ClassVar = [{"order_executed", "order_executed_again", "order_verified_with_second_key"}]
    waived: ClassVar = {
        "test_an_unknown_type_is_kept": "the document lists no words for `event`, so none of them is unknown"
    }
