"""The cases are replayed: each delivery becomes exactly what its file says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest
from attrs import evolve
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from cambist._codec import from_json, to_json
from cambist._delivery import Acknowledgement
from cambist._pipeline import Processed
from cambist._schema import event_schema
from cambist.testing._outcomes import read_again
from cambist.testing._report import report
from cambist.testing._subject import ARRIVAL, subject_of

if TYPE_CHECKING:
    from cambist.testing._cases import Case

YEAR: Final = timedelta(days=365)
LONGEST: Final = 400
"""More than an amount of 128 digits has, written out, with its sign and its point."""


class Replay:
    """Tests of the cases as they are."""

    def test_a_delivery_becomes_what_its_case_says(
        self, kit_case: Case, request: pytest.FixtureRequest
    ) -> None:
        """The events, or the error with its faults, are those of the file to the letter."""
        outcome = kit_case.outcome(subject_of(self).registry)
        if not kit_case.expected:  # a sample
            report("A sample gives events.", [f"error: {outcome['error']}"] if "error" in outcome else [])
            return
        values = request.config.get_verbosity() >= 2
        report(
            "A delivery becomes exactly what its case says" + ("." if values else " (-vv shows the values)."),
            _differences(dict(kit_case.expected), outcome, "", values=values),
        )

    def test_an_event_obeys_the_schema_and_survives_json(self, kit_event_case: Case) -> None:
        """What `to_json` writes is of the published form, and reads back as the same event."""
        found = []
        for event in subject_of(self).of(kit_event_case).process(kit_event_case.delivery).events:
            document = to_json(event)
            found += [error.json_path for error in _validator().iter_errors(json.loads(document))]
            if from_json(document) != event or to_json(from_json(document)) != document:
                found.append("the whole event: is another one after JSON")
        report("An event is of the form cambist.event/1, and survives JSON.", found)

    def test_an_event_holds_exact_values(self, kit_event_case: Case) -> None:
        """No binary float, no time without a zone, and no sum of more digits than an event has room for."""
        found: list[str] = []
        for event in subject_of(self).of(kit_event_case).process(kit_event_case.delivery).events:
            found += _inexact(event, "")
        report("An event holds no float, no time without a zone and no endless number.", found)

    def test_a_delivery_that_comes_again_gives_the_same(self, kit_event_case: Case) -> None:
        """Also after every other one: nothing of a delivery stays behind in the plugin."""
        subject = subject_of(self)
        process = subject.of(kit_event_case).process
        first, again = process(kit_event_case.delivery), process(kit_event_case.delivery)
        found = list(_another(first, again))
        if subject.read(kit_event_case) != subject.first_read[kit_event_case.name]:
            found.append("gives another event than when it was read for the first time, before all others")
        report("A delivery that comes again gives the same events, and gets the same answer.", found)

    def test_a_stored_delivery_is_read_again_alike(self, kit_event_case: Case) -> None:
        """Without verification, whenever that is, and with the headers that are kept with it."""
        subject = subject_of(self)
        pipeline, delivery = subject.of(kit_event_case), kit_event_case.delivery
        first = pipeline.process(delivery)
        found = list(_another(first, pipeline.parse(delivery, first.verification)))
        declared = {name.lower() for name in subject.provider.headers}
        kept = [(name, value) for name, value in delivery.headers.items_all() if name in declared]
        for what, stored in {
            "a year later": evolve(delivery, received_at=ARRIVAL + YEAR),
            "at no known time": evolve(delivery, received_at=None),
            "with no header but those that the provider declares": evolve(delivery, headers=kept),
        }.items():
            outcome = read_again(pipeline, stored)
            if outcome.processed is None:
                found.append(f"{what}: {outcome.complaint or 'is refused'}")
                continue
            events = tuple(
                evolve(event, received_at=delivery.received_at, verification=first.verification)
                for event in outcome.events
            )
            found += [f"{what}: {problem}" for problem in _another(first, evolve(first, events=events))]
        report("A stored delivery gives the same events, whenever it is read.", found)

    def test_the_answer_is_a_success(self, kit_event_case: Case) -> None:
        """What was taken is acknowledged with a 2xx, whose body has a media type."""
        answer = subject_of(self).of(kit_event_case).process(kit_event_case.delivery).acknowledgement
        report("The answer to a delivery that gives events is a success.", _answer_faults(answer))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(event_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _inexact(value: Any, path: str) -> Iterator[str]:
    """Return where in an event something is that has lost digits, or its zone."""
    if attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from _inexact(getattr(value, field.name), f"{path}.{field.name}" if path else field.name)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _inexact(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _inexact(item, f"{path}[{index}]")
    elif isinstance(value, float):
        yield f"{path}: is a binary float"
    elif isinstance(value, datetime) and value.utcoffset() is None:
        yield f"{path}: has no time zone"
    elif isinstance(value, Decimal) and not (value.is_finite() and len(format(value, "f")) <= LONGEST):
        yield f"{path}: is not finite, or longer than {LONGEST} characters"


def _another(first: Processed, again: Processed) -> Iterator[str]:
    if [event.id for event in first.events] != [event.id for event in again.events]:
        yield "gives other ids"
    elif first.events != again.events:
        yield "gives another event of the same id"
    if first.acknowledgement != again.acknowledgement:
        yield "gets another answer"


def _answer_faults(answer: Acknowledgement) -> Iterator[str]:
    if type(answer.status) is not int or not 200 <= answer.status <= 299:
        yield "status: is no 2xx"
    if not isinstance(answer.body, bytes):
        yield "body: is not bytes"
    elif bool(answer.body) is not bool(answer.content_type):
        yield "content_type: belongs to a body, and a body has one"


def _differences(expected: Any, given: Any, path: str, *, values: bool) -> list[str]:
    if isinstance(expected, dict) and isinstance(given, dict):
        return [
            line
            for key in {**expected, **given}
            for line in _differences(
                expected.get(key, ...), given.get(key, ...), f"{path}.{key}" if path else key, values=values
            )
        ]
    if isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
        return [
            line
            for index, (one, other) in enumerate(zip(expected, given, strict=True))
            for line in _differences(one, other, f"{path}[{index}]", values=values)
        ]
    if expected == given and type(expected) is type(given):
        return []
    what = "is not expected" if expected is ... else "is missing" if given is ... else "is another"
    return [f"{path}: {what}" + (f" (expected {expected!r}, got {given!r})" if values else "")]
