"""CoinsPaid keeps what every provider has to keep."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from cambist.testing import ProviderConformance


class TestCoinsPaid(ProviderConformance):
    provider = "coinspaid"
    settings: ClassVar = {"secrets": ["AbCdEfG123456"]}  # the vendor's own, in its example
    cases = Path(__file__).parent / "cases"
    # One body under several settings: which secret proved it genuine does not make it another event.
    same_event: ClassVar = [
        {"deposit_btc", "verified_with_api_key", "verified_with_second_secret", "verified_within_window"}
    ]
