"""Both providers of Stellar keep what every provider has to keep."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from cambist import Delivery
from cambist.testing import ProviderConformance

from .conftest import HOST, SECRET, address, signature

CASES = Path(__file__).parent / "cases"


class TestAnchor(ProviderConformance):
    provider = "stellar-anchor"
    settings: ClassVar = {"auth": "jwt", "secrets": [SECRET]}
    cases = CASES
    # Deliveries of one event: again, or proven genuine in another way.
    same_event: ClassVar = [
        {"sep24_deposit_completed", "sep24_deposit_completed_again"},
        {"verified_with_api_key", "verified_with_api_key_in_another_header", "verified_with_jwt"},
    ]


class TestWallet(ProviderConformance):
    provider = "stellar-wallet"
    # The key that signs is the second, so that it can be rotated: the first is no secret to the settings.
    settings: ClassVar = {
        "signing_key": address("other-signing"),
        "other_signing_keys": [address("signing")],
        "callback_host": HOST,
    }
    cases = CASES
    same_event: ClassVar = [
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
    other_secret = address("somebody else")

    def sign(self, settings: Any, delivery: Delivery) -> Iterable[tuple[str, str]]:
        """Sign as the anchor does, which alone has the private key."""
        assert delivery.received_at is not None
        known = {settings.signing_key, *(key.reveal() for key in settings.other_signing_keys)}
        who = "signing" if address("signing") in known else "other-signing"
        made = signature(delivery.body, at=delivery.received_at, host=settings.callback_host, who=who)
        return [("Signature", made)]
