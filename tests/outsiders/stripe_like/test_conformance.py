from pathlib import Path
from typing import ClassVar

from cambist.testing import ProviderConformance

from . import signing, tollhouse


class TestTollhouse(ProviderConformance):
    provider = tollhouse.TOLLHOUSE
    settings: ClassVar = {"secrets": [signing.SECRET]}
    cases = Path(__file__).parent / "cases"
    same_event = (("succeeded_eur", "rolled_second_fits", "malformed_first"),)
