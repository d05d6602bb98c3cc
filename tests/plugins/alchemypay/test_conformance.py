"""Alchemy Pay card keeps what every provider has to keep."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from cambist.testing import ProviderConformance
from cambist_alchemypay.redaction import EXEMPT


class TestAlchemyPayCard(ProviderConformance):
    provider = "alchemypay-card"
    settings: ClassVar = {"auth": "signed", "secrets": ["sk-s3cret"]}
    cases = Path(__file__).parent / "cases"
    # One body under several settings: what proved it genuine does not make it another event.
    same_event: ClassVar = [
        {
            "verified_path",
            "verified_path_second_secret",
            "verified_ip",
            "verified_ip_behind_proxy",
            "verified_ip_forwarded",
            "verified_basic",
            "verified_header",
        },
        {
            "verified_signed",
            "verified_signed_as_sent",
            "verified_signed_with_access_key",
            "verified_signed_an_hour_later",
        },
    ]
    unmasked: ClassVar = dict.fromkeys(
        EXEMPT, "an identifier, a sum, a rate, a time or an address: one number in ten passes for a card's"
    )
