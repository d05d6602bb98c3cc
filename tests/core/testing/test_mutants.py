"""The kit is worth something: each faulty provider fails the test for its fault, and few others."""

from __future__ import annotations

from pathlib import Path

import pytest

from cambist import Provider
from cambist.testing import Check, ProviderConformance, run_conformance

from .handmade import Handmade
from .hazel import HAZEL
from .linden import LINDEN
from .mutants import HAZELS, LINDENS, Mutant, verified_by

CASES = Path(__file__).parent / "cases"
SETTINGS = {"hazel": {"secrets": ["hazel-s3cret"]}, "linden": {"keys": ["linden-s3cret"]}}


def checks(under_test: Provider, *, with_cases: bool) -> tuple[Check, ...]:
    """Run the kit on a provider, with its cases or with its samples."""

    class Conformance(ProviderConformance):
        provider = under_test
        settings = SETTINGS[under_test.name]
        cases = CASES if with_cases else None
        same_event = [{"paid", "paid_again"}] if with_cases else []

    return run_conformance(Conformance)


def failed(found: tuple[Check, ...]) -> set[str]:
    return {check.test for check in found if check.result == "failed"}


HONEST = {
    "hazel": (HAZEL, True),
    "hazel without cases": (HAZEL, False),
    "hazel with a scheme of its own": (verified_by(Handmade), True),
    "linden": (LINDEN, False),
}


@pytest.mark.parametrize(("provider", "with_cases"), HONEST.values(), ids=HONEST)
def test_an_honest_provider_passes(provider: Provider, with_cases: bool) -> None:
    found = checks(provider, with_cases=with_cases)
    assert [check for check in found if check.result == "failed"] == []
    assert sum(check.result == "passed" for check in found) > 60


@pytest.mark.parametrize("mutant", HAZELS.values(), ids=HAZELS)
def test_a_faulty_provider_is_caught_by_the_test_for_it(mutant: Mutant) -> None:
    assert failed(checks(mutant.provider, with_cases=mutant.cases)) == {mutant.caught_by, *mutant.also}


@pytest.mark.parametrize("mutant", LINDENS.values(), ids=LINDENS)
def test_a_provider_that_is_careless_with_cards_is_caught(mutant: Mutant) -> None:
    assert failed(checks(mutant.provider, with_cases=False)) == {mutant.caught_by, *mutant.also}


def test_each_fault_is_another_one() -> None:
    assert len({*HAZELS, *LINDENS}) == len(HAZELS) + len(LINDENS) > 40
