from pathlib import Path
from typing import ClassVar

from cambist.testing import ProviderConformance

from . import farthing, signing


class TestFarthing(ProviderConformance):
    provider = farthing.FARTHING
    settings: ClassVar = {"secrets": [signing.SECRET]}
    cases = Path(__file__).parent / "cases"
    same_event = (("paid", "rotated_second_fits", "v1a_first", "malformed_first"),)
    other_secret = "whsec_c29tZWJvZHkgZWxzZSdzIGtleSwgMzIgYnl0ZXMu"
