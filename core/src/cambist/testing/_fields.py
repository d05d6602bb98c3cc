"""Every field of every case, changed one at a time."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from attrs import Factory, evolve, frozen

from cambist._event import Kind, PaymentEvent
from cambist.testing._json_paths import Path, changed, loaded, objects, replaced, shown, walk
from cambist.testing._outcomes import Outcome, attempt, listening
from cambist.testing._report import report
from cambist.testing._subject import Subject, subject_of
from cambist.testing._values import CANARY, CANARY_NUMBER, CARD, GONE, NEW, NEW_KEY, ODD, OTHER_TYPES

if TYPE_CHECKING:
    from cambist.testing._cases import Case

RULE = "A field that is not as documented gives events, or one PayloadError that names paths."
NO_JSON = "the body is no JSON object: its fields are not known"

MOST_DRAWS = 200
"""How often several fields are changed at once, over all cases; at least ten times for each."""

# Of a text like this it can be told that it is a value, and no word of a message.
_is_value = re.compile(r"(?=.*[0-9]).{6,}", re.S).fullmatch
_is_digest = re.compile(r"[0-9a-f]{32,128}").fullmatch


class Fields:
    """Tests of payloads that are genuine and not as documented."""

    def test_a_field_that_is_gone_or_null_gives_events_or_one_error(self, kit_event_case: Case) -> None:
        """Nothing else comes of it: no exception, no fault of the plugin."""
        report(RULE, _findings(subject_of(self), kit_event_case.name).gone)

    def test_a_field_of_another_type_gives_events_or_one_error(self, kit_event_case: Case) -> None:
        """Nothing else comes of it: no exception, no fault of the plugin."""
        report(RULE, _findings(subject_of(self), kit_event_case.name).typed)

    def test_no_refusal_no_anomaly_and_no_log_tells_a_value(self, kit_event_case: Case) -> None:
        """A message names the path, and what is wrong there: never what stands there."""
        report(
            "No error, no anomaly and no line of the log tells a value of the payload.",
            _findings(subject_of(self), kit_event_case.name).telling,
        )

    def test_a_field_with_an_odd_value_gives_events_or_one_error(self, kit_event_case: Case) -> None:
        """Each place that no earlier case has is tried with what is at the edge of a type."""
        subject = subject_of(self)
        places = _new_places(subject)[kit_event_case.name]
        report(
            RULE,
            (
                f"{shown(path)}, {what}: {outcome.complaint}"
                for path, what, outcome in _attacks(subject, kit_event_case, places, ODD)
                if outcome.complaint
            ),
        )

    def test_several_odd_fields_give_events_or_one_error(self, kit_event_case: Case) -> None:
        """What is well treated alone is well treated together. The draws are the same in every run."""
        report(RULE, _together(subject_of(self), kit_event_case))

    def test_a_new_field_gives_the_same_event(self, kit_event_case: Case) -> None:
        """A provider adds fields as it likes: at most an anomaly says so."""
        subject = subject_of(self)
        identities: list[tuple[str, ...]] = []
        parse = subject.watched(kit_event_case, identities.append)
        document = loaded(kit_event_case.delivery.body)
        expected = parse(kit_event_case.delivery).events
        known = list(identities)
        found = []
        with listening() as log:
            for path, _ in list(objects(document)):
                for what, value in NEW.items():
                    identities.clear()
                    body = changed(document, (*path, NEW_KEY), value)
                    outcome = attempt(parse, evolve(kit_event_case.delivery, body=body), log)
                    problem = _another(outcome, expected) or _identified(expected, known, identities)
                    if problem:
                        found.append(f"{shown((*path, NEW_KEY))}, {what}: {problem}")
        report("A field that is not documented gives the same event, with at most an anomaly.", found)


@frozen
class _Findings:
    """What was found of one case, by what it is about."""

    gone: list[str] = Factory(list)
    typed: list[str] = Factory(list)
    telling: list[str] = Factory(list)


@cache
def _findings(subject: Subject, name: str) -> _Findings:
    """Change each field of a case; made once for the three tests that ask for it."""
    (case,) = (case for case in subject.event_cases if case.name == name)
    document = loaded(case.delivery.body)
    if document is None:
        pytest.skip(NO_JSON)
    values = {str(value) for _, value in walk(document) if _is_scalar(value) and _is_value(str(value))}
    values |= {CANARY, str(CANARY_NUMBER), CARD}
    findings = _Findings()
    paths = [path for path, _ in walk(document)]
    for path, what, outcome in _attacks(subject, case, paths, {**GONE, **OTHER_TYPES}):
        if problem := outcome.complaint or _unnamed(path, outcome):
            about = findings.gone if what in GONE else findings.typed
            about.append(f"{shown(path)}, {what}: {problem}")
        if _tells(outcome.told, values):
            findings.telling.append(f"{shown(path)}, {what}: tells a value")
    return findings


def _unnamed(path: Path, outcome: Outcome) -> str | None:
    """Whether a refusal leaves open where the fault is. It may where a key of the body itself is wrong."""
    faults = getattr(outcome.error, "faults", ())
    return "is refused, and no path is named" if faults and len(path) > 1 and not any(dict(faults)) else None


def _attacks(
    subject: Subject, case: Case, paths: Iterable[Path], values: Mapping[str, Any]
) -> Iterator[tuple[Path, str, Outcome]]:
    document = loaded(case.delivery.body)
    parse = subject.of(case).parse
    seen: set[bytes] = set()
    with listening() as log:
        for path in paths:
            for what, value in values.items():
                body = changed(document, path, value)
                yield path, what, attempt(parse, evolve(case.delivery, body=body), log, seen)


@cache
def _new_places(subject: Subject) -> Mapping[str, list[Path]]:
    """Return for each case the places that no case before it has: by type, place and type of value."""
    known, places = set(), {}
    for case in subject.event_cases:
        types = tuple(event.provider_type for event in subject.of(case).parse(case.delivery).events)
        own = places[case.name] = list[Path]()
        for path, value in walk(loaded(case.delivery.body)):
            place = (types, tuple(0 if isinstance(step, int) else step for step in path), type(value))
            if place not in known:
                known.add(place)
                own.append(path)
    return places


def _together(subject: Subject, case: Case) -> Iterator[str]:
    """Change several fields of a case at once, the same ones in every run."""
    values = {**GONE, **OTHER_TYPES, **ODD}
    paths = [path for path, _ in walk(loaded(case.delivery.body))]
    if not paths:
        pytest.skip(NO_JSON)
    draw = random.Random(case.name)  # noqa: S311  # to be the same, not to be hard to guess
    parse = subject.of(case).parse
    with listening() as log:
        for _ in range(max(10, MOST_DRAWS // len(subject.event_cases))):
            places = draw.sample(paths, min(len(paths), draw.randint(2, 6)))
            chosen = {path: draw.choice(list(values)) for path in places}
            body = replaced(loaded(case.delivery.body), {path: values[what] for path, what in chosen.items()})
            outcome = attempt(parse, evolve(case.delivery, body=body), log)
            if outcome.complaint:
                where = ", ".join(f"{shown(path)} {what}" for path, what in chosen.items())
                yield f"{where}: {outcome.complaint}"


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | Decimal) and not isinstance(value, bool)


def _tells(told: str, values: Iterable[str]) -> bool:
    return bool(told) and any(value in told for value in values)


def _another(outcome: Outcome, expected: tuple[PaymentEvent, ...]) -> str | None:
    if outcome.complaint:
        return outcome.complaint
    if outcome.error is not None:
        return "is refused"
    facts = [[_facts(event) for event in events] for events in (outcome.events, expected)]
    return None if facts[0] == facts[1] else "gives another event"


def _facts(event: PaymentEvent) -> PaymentEvent:
    """Return an event without what may differ where a field is new: the merchant's own data among it."""
    return evolve(event, id="", anomalies=(), raw_digest="", metadata={})


def _identified(
    expected: tuple[PaymentEvent, ...], before: list[tuple[str, ...]], after: list[tuple[str, ...]]
) -> str | None:
    """Whether an identity changed, but for the digest of a content that tells an event apart."""
    for event, one, other in zip(expected, before, after, strict=True):
        parts = zip(one, other, strict=True) if len(one) == len(other) else [("", "?")]
        if event.kind is not Kind.UNKNOWN and any(
            a != b and not (_is_digest(a) and _is_digest(b)) for a, b in parts
        ):
            return "gives an event of another id"
    return None
