"""What a conformance class may say of itself, and what becomes of one that says too much."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import evolve

from cambist import Delivery, Registry, hookimpl
from cambist.errors import ConfigurationError
from cambist.testing import Check, ProviderConformance, run_conformance

from .elm import ELM
from .hazel import HAZEL, verification
from .rowan import ROWAN

CASES = Path(__file__).parent / "cases"


class Hazel(ProviderConformance):
    provider = HAZEL
    settings: ClassVar = {"secrets": ["hazel-s3cret"]}


def results(conformance: type[ProviderConformance], test: str) -> list[Check]:
    return list(run_conformance(conformance, only=[test]))


class Replaced(Hazel):
    def test_nothing_shows_a_secret(self) -> None:
        """Pass."""


class SetToNone(Hazel):
    test_nothing_shows_a_secret = None


class Mixin:
    def test_nothing_shows_a_secret(self) -> None:
        """Pass."""


class MixedIn(Mixin, Hazel):
    pass


class OfFewerCases(Hazel):
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        super().pytest_generate_tests(metafunc)


class WaivingAll(Hazel):
    @pytest.fixture(autouse=True)
    def cambist_waiver(self, request: pytest.FixtureRequest) -> None:
        """Waive nothing."""


@pytest.mark.parametrize(
    ("conformance", "name"),
    [
        (Replaced, "test_nothing_shows_a_secret"),
        (SetToNone, "test_nothing_shows_a_secret"),
        (MixedIn, "test_nothing_shows_a_secret"),
        (OfFewerCases, "pytest_generate_tests"),
        (WaivingAll, "cambist_waiver"),
    ],
)
def test_an_overridden_test_makes_a_test_fail(conformance: type[ProviderConformance], name: str) -> None:
    failed = [check for check in run_conformance(conformance) if check.result == "failed"]
    assert [check.test for check in failed] == ["test_no_standard_test_is_overridden"]
    assert f"- {name}: is overridden" in failed[0].message


def test_a_test_that_is_replaced_after_the_class_was_made_is_noticed() -> None:
    class Patched(Hazel):
        pass

    Patched.test_nothing_shows_a_secret = lambda self: None  # type: ignore[assignment]
    (check,) = results(Patched, "test_no_standard_test_is_overridden")
    assert check.result == "failed"


@pytest.mark.parametrize("guard", ["test_no_standard_test_is_overridden", "test_the_class_is_in_order"])
def test_what_notices_it_cannot_be_overridden(guard: str) -> None:
    with pytest.raises(TypeError, match=guard):
        type("Unguarded", (Hazel,), {guard: lambda self: None})
    with pytest.raises(TypeError, match=guard):
        type("Unguarded", (Hazel,), {"waived": {guard: "it is in the way"}})


def test_a_waived_test_is_skipped_and_says_why() -> None:
    class Waiving(Hazel):
        waived: ClassVar = {
            "test_nothing_shows_a_secret": "the vendor wants it so",
            "test_a_sample_gives_events[paid]": "that one is broken",
        }

    for test, reason in {
        "test_nothing_shows_a_secret": "the vendor wants it so",
        "test_a_sample_gives_events": "that one is broken",
    }.items():
        assert {(check.result, check.message) for check in results(Waiving, test)} == {
            ("skipped", f"waived: {reason}")
        }


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"waived": {"test_of_ours": "x"}}, "waived: there is no test 'test_of_ours'"),
        ({"waived": {"test_a_sample_gives_events[refund]": "x"}}, "names no case"),
        ({"waived": {"test_a_sample_gives_events": " "}}, "is declared without a reason"),
        ({"same_event": [{"paid", "payed"}]}, "same_event: there is no case 'payed'"),
        ({"unreached": {"held": "x"}}, "unreached: 'held' is no word of the statuses"),
        ({"unmasked": {"id": "x"}}, "unmasked: the provider has no `redact`"),
        ({"case": CASES}, "case: is no attribute; did you mean 'cases'?"),
    ],
)
def test_what_is_declared_and_not_there_is_told(attributes: dict[str, Any], told: str) -> None:
    (check,) = results(type("Declaring", (Hazel,), attributes), "test_the_class_is_in_order")
    assert check.result == "failed"
    assert told in check.message


def test_a_status_without_a_case_can_be_excused_and_only_that() -> None:
    class Excusing(Hazel):
        cases = CASES
        same_event: ClassVar = [{"paid", "paid_again"}]
        unreached: ClassVar = {"void": "nobody ever saw one"}

    found = {check.about: check for check in results(Excusing, "test_a_status_has_a_case")}
    assert found["payment-paid"].result == "passed"
    assert found["payment-void"].result == "failed"
    assert "a case has it: take it off" in found["payment-void"].message


def test_cases_of_one_event_have_to_be_declared() -> None:
    class Undeclared(Hazel):
        cases = CASES

    (check,) = results(Undeclared, "test_different_events_have_different_ids")
    assert check.result == "failed"
    assert "paid, paid_again: have one id, and are not declared" in check.message


def test_a_scheme_that_cannot_sign_is_signed_by_the_class() -> None:
    def unable(settings: Any, delivery: Delivery) -> Any:
        raise ConfigurationError("only the sender can sign")

    class Unsigned(Hazel):
        provider = evolve(HAZEL, sign=unable)

    class Signed(Unsigned):
        def sign(self, settings: Any, delivery: Delivery) -> Any:
            return verification(settings).sign(delivery)

    (check,) = results(Unsigned, "test_a_genuine_delivery_is_accepted")
    assert check.result == "failed"
    assert "sign(settings, delivery)" in check.message
    assert [check for check in run_conformance(Signed) if check.result == "failed"] == []


def test_a_provider_of_forms_with_a_secret_in_the_url_passes() -> None:
    class Elm(ProviderConformance):
        provider = ELM
        settings: ClassVar = {"tokens": ["elm-s3cret"]}

    found = run_conformance(Elm)
    assert [check for check in found if check.result == "failed"] == []
    reasons = {check.message for check in found if check.result == "skipped"}
    assert "the body is no JSON object: its fields are not known" in reasons
    assert "path-secret says nothing of the body" in reasons


@pytest.mark.parametrize(
    "account",
    [{"secrets": ["rowan-s3cret"]}, {"secrets": ["rowan-s3cret"], "keys": ["rowan-k3y"]}],
    ids=["a signature", "a signature or a key"],
)
def test_a_provider_of_batches_passes(account: dict[str, Any]) -> None:
    found = run_conformance(type("Rowan", (ProviderConformance,), {"provider": ROWAN, "settings": account}))
    assert [check for check in found if check.result == "failed"] == []
    passed = {(check.test, check.about) for check in found if check.result == "passed"}
    assert ("test_an_unknown_status_is_kept", "two") in passed
    assert ("test_an_unknown_type_is_kept", "two") in passed
    assert ("test_a_second_secret_is_accepted_and_named", "settings") in passed


def test_a_provider_that_is_not_installed_is_told() -> None:
    with pytest.raises(LookupError, match="no installed plugin brings the provider 'acorn'"):
        run_conformance(type("Missing", (ProviderConformance,), {"provider": "acorn"}))


def test_settings_that_are_refused_are_told() -> None:
    with pytest.raises(ConfigurationError, match="secrets: is missing"):
        run_conformance(type("Unset", (ProviderConformance,), {"provider": HAZEL}))


def test_a_folder_without_a_case_of_the_provider_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no case of 'hazel' that gives events"):
        run_conformance(type("Empty", (Hazel,), {"cases": tmp_path}))


def test_a_provider_without_samples_needs_cases() -> None:
    bare = evolve(HAZEL, samples=())
    with pytest.raises(ValueError, match="give a folder of cases"):
        run_conformance(type("Bare", (Hazel,), {"provider": bare}))


def test_an_installed_provider_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plugin:
        @hookimpl
        def cambist_register_providers(self) -> list[Any]:
            return [HAZEL]

    registry = Registry()
    registry.register(Plugin(), distribution="hazel-pay", version="1.0")
    monkeypatch.setattr("cambist.testing._subject.installed", lambda: registry)
    named = type("Named", (Hazel,), {"provider": "hazel"})
    (check,) = results(named, "test_the_record_is_in_order")
    assert check.result == "passed"


def test_a_run_prints_nothing_and_leaves_the_environment_alone(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    found = run_conformance(type("Quiet", (Hazel,), {}))
    assert {check.result for check in found} == {"passed", "skipped"}
    assert capfd.readouterr() == ("", "")
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option"
    assert "test_a_run_prints_nothing" in os.environ["PYTEST_CURRENT_TEST"]


def test_a_slow_provider_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(body: bytes) -> Any:
        if len(body) > 2**20:
            sum(range(3_000_000))
        return HAZEL.decode(body)

    monkeypatch.setattr("cambist.testing._hostile.LONGEST_S", 0.01)
    slow = type("Slow", (Hazel,), {"provider": evolve(HAZEL, decode=busy)})
    found = {check.about: check for check in results(slow, "test_a_hostile_body_gives_events_or_one_error")}
    assert "takes the processor for more than" in found["text_of_10_mib"].message
    assert found["null"].result == "passed"
