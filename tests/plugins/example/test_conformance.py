"""The tests that every provider has to pass, and what they have to know of this one."""

from pathlib import Path
from typing import ClassVar

from cambist.testing import ProviderConformance


class TestConformance(ProviderConformance):
    """Replays the cases, and attacks the provider with them."""

    provider = "pennywhistle"
    settings: ClassVar = {"secrets": ["s3cret"]}
    cases = Path(__file__).parent / "cases"
