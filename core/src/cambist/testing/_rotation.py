"""Secrets: several at once, each within its time, and never an empty one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, get_args, get_type_hints

import pytest
from attrs import frozen

from cambist._secrets import Secret, Secrets
from cambist.errors import ConfigurationError, PluginError, VerificationError
from cambist.testing._outcomes import refusal
from cambist.testing._report import report
from cambist.testing._schemes import proves_nothing
from cambist.testing._subject import Account, Subject, subject_of

OTHER_SECRET: Final = "cambist-kit-another-secret-of-48-characters-2026"  # noqa: S105
SECOND: Final = timedelta(seconds=1)
DAY: Final = timedelta(days=1)
EMPTY: Final[Mapping[str, Any]] = {
    "no secret": [],
    "an empty one": [""],
    "a blank one": [" "],
    "an empty value": [{"value": "", "label": "kit"}],
    "an empty one beside a good one": ["cambist-kit-good-secret", ""],
}


@frozen
class Held:
    """A setting with secrets, and the one of them that made an account's delivery genuine."""

    key: str
    value: str


def secret_keys(settings: type) -> list[str]:
    """Return the names of the settings that are secrets, optional ones included."""
    hints = get_type_hints(settings)
    return [name for name, hint in hints.items() if Secrets in (hint, *get_args(hint))]


class Rotation:
    """Tests of several secrets, for each account."""

    def test_a_second_secret_is_accepted_and_named(self, kit_account: Account) -> None:
        """While a secret is rotated both hold, and the event says which one it was."""
        subject = subject_of(self)
        found = []
        for each in _held(subject, kit_account):
            own, other = {"value": each.value, "label": "kit-own"}, _other(subject)
            for what, secrets in {"the second": [other, own], "the first": [own, other]}.items():
                label, problem = _verified(subject, kit_account, {each.key: secrets})
                if problem:
                    found.append(f"{each.key}, {what} of two: {problem}")
                elif "kit-own" not in (label or "").split("+"):
                    found.append(f"{each.key}, {what} of two: its label is not reported")
        report("Each of several secrets is accepted, and its label is reported.", found)

    def test_another_secret_is_refused(self, kit_account: Account) -> None:
        """A delivery that was made with a secret of somebody else is not genuine."""
        subject = subject_of(self)
        found = []
        for each in _held(subject, kit_account):
            _, problem = _verified(subject, kit_account, {each.key: [_other(subject)]})
            if problem != "is refused":
                found.append(f"{each.key}: {problem or 'is accepted'}")
        report("A delivery that was made with another secret is refused.", found)

    def test_a_secret_counts_only_within_its_time(self, kit_account: Account) -> None:
        """An expired secret proves nothing, nor does one that is not yet valid."""
        arrival = kit_account.delivery.received_at
        if arrival is None:
            pytest.skip("the delivery has no time of arrival")
        windows = {
            "expired": ({"not_after": arrival - SECOND}, False),
            "expired at this instant": ({"not_after": arrival}, False),
            "not yet valid": ({"not_before": arrival + SECOND}, False),
            "within its time": ({"not_before": arrival - DAY, "not_after": arrival + DAY}, True),
        }
        subject = subject_of(self)
        found = []
        for each in _held(subject, kit_account):
            for what, (window, holds) in windows.items():
                secret = {"value": each.value, "label": "kit-own", **window}
                for secrets in ([secret], [_other(subject), secret]):
                    _, problem = _verified(subject, kit_account, {each.key: secrets})
                    if problem != (None if holds else "is refused"):
                        found.append(f"{each.key}, {what}: {problem or 'is accepted'}")
        report("A secret is accepted within its time, and only then.", found)

    def test_an_empty_secret_stops_the_start(self, kit_account: Account) -> None:
        """It is a ConfigurationError that names the setting."""
        subject = subject_of(self)
        found = []
        for each in _held(subject, kit_account):
            for what, value in EMPTY.items():
                settings = {**kit_account.route.source.settings, each.key: value}
                found += [
                    f"{each.key}, {what}: {problem}" for problem in not_told(subject, settings, each.key)
                ]
        report("An empty secret is a ConfigurationError that names the setting.", found)


def not_told(subject: Subject, settings: Mapping[str, Any], key: str) -> Iterator[str]:
    """Return how settings with something wrong under a key are treated, if not as they have to be."""
    try:
        subject.pipeline(settings, registry=subject.registry)
    except PluginError as error:
        yield f"is told as a fault of the plugin ({error.reason})"
    except ConfigurationError as error:
        if key not in str(error):
            yield "is refused, and the setting is not named"
    except Exception as error:  # noqa: BLE001  # the kit tells of it
        yield f"raises a {type(error).__name__}"
    else:
        yield "is accepted"


def _held(subject: Subject, account: Account) -> list[Held]:
    """Return each setting with secrets, and the secret in it that holds for this delivery."""
    if proves_nothing(account.route.scheme):
        pytest.skip("the settings ask for no verification")
    labels = _labels(account)
    held = []
    for key in secret_keys(subject.provider.settings):
        secrets: tuple[Secret, ...] = getattr(account.route.settings, key) or ()
        matched = [secret for secret in secrets if secret.label in labels]
        if not labels and "|" not in account.route.scheme.name:  # nothing is reported: it is the first one
            matched = [secret for secret in secrets if secret.holds_at(account.delivery.received_at)]
        if matched:
            held.append(Held(key, matched[0].reveal()))
    if len(held) > 1:  # two may have one label: those count without which the delivery is refused
        other = _other(subject)
        needed = [
            each for each in held if _verified(subject, account, {each.key: [other]})[1] == "is refused"
        ]
        held = needed or held
    if not held:
        pytest.skip("no setting of this account holds a secret (its type is cambist.Secrets)")
    return held


def _labels(account: Account) -> set[str]:
    try:
        label = account.route.scheme.verify(account.delivery).label
    except VerificationError:
        return set()
    return set(filter(None, (label or "").split("+")))


def _other(subject: Subject) -> dict[str, str]:
    return {"value": subject.conformance.other_secret or OTHER_SECRET, "label": "kit-other"}


def _verified(
    subject: Subject, account: Account, changes: Mapping[str, Any]
) -> tuple[str | None, str | None]:
    """Return the label that other settings report of the delivery, or what became of it."""
    settings = {**account.route.source.settings, **changes}
    try:
        (route,) = subject.pipeline(settings, account.route.source.name, subject.registry).routes
    except ConfigurationError as error:
        return None, f"these settings are refused (does it need `other_secret`?): {error.reason}"
    problem = refusal(route, account.delivery)
    if problem == "is accepted":
        return route.scheme.verify(account.delivery).label, None
    return None, problem or "is refused"
