"""Every digit of a sum arrives, or the sum is refused."""

from __future__ import annotations

import decimal
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from cambist._codec import to_json
from cambist._event import Anomaly, PaymentEvent
from cambist.testing._json_paths import changed, loaded, shown, walk
from cambist.testing._outcomes import Outcome, attempt, listening
from cambist.testing._report import report
from cambist.testing._subject import subject_of

if TYPE_CHECKING:
    from cambist.testing._cases import Case

# A double keeps 17 digits. Decimal's own context keeps 28.
PLANTED: Final = (
    Decimal("1234567890123456789.123456789012345678"),
    Decimal("123456789012345678901234567890123456789"),
)
# The members of an event that are exact numbers, as JSON has them.
NUMERIC: Final = {"amount", "base_units", "price", "risk_score", "total_price", "value"}

_wide = decimal.Context(prec=400)
_is_json_number = re.compile(r"-?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]{1,99})?", re.ASCII).fullmatch


class Numbers:
    """Tests of exact numbers."""

    def test_every_digit_of_a_sum_survives(self, kit_event_case: Case) -> None:
        """A sum of more digits than a float has is stated digit for digit, or refused, and never left out."""
        subject = subject_of(self)
        document = loaded(kit_event_case.delivery.body)
        parse = subject.of(kit_event_case).parse
        stated = _numbers(parse(kit_event_case.delivery).events)
        digits = {_digits(number) for number in stated} - {""}
        said = [number for _, value in walk(document) if (number := _number(value)) is not None]
        known = _anomalies(parse(kit_event_case.delivery).events)
        found = []
        with listening() as log:
            for path, value in list(walk(document)):
                number = _number(value)
                if number is None or _digits(number) not in digits:
                    continue
                for planted in PLANTED:
                    body = changed(document, path, str(planted) if isinstance(value, str) else planted)
                    outcome = attempt(parse, evolve(kit_event_case.delivery, body=body), log)
                    found += [
                        f"{shown(path)}: {problem}"
                        for problem in _faults(planted, outcome, stated, said, known)
                    ]
        report("A sum keeps every digit, or is refused.", found)

    def test_a_number_in_quotes_or_out_of_them_keeps_its_digits(self, kit_event_case: Case) -> None:
        """A string instead of a number, or the other way round, gives the same digits or an error."""
        document = loaded(kit_event_case.delivery.body)
        parse = subject_of(self).of(kit_event_case).parse
        stated = {str(number) for number in _numbers(parse(kit_event_case.delivery).events)}
        found = []
        with listening() as log:
            for path, value in list(walk(document)):
                if isinstance(value, str) and _is_json_number(value):
                    other: Any = Decimal(value)
                elif isinstance(value, int | Decimal) and not isinstance(value, bool):
                    other = str(value)
                else:
                    continue
                body = changed(document, path, other)
                outcome = attempt(parse, evolve(kit_event_case.delivery, body=body), log)
                if outcome.complaint:
                    found.append(f"{shown(path)}: {outcome.complaint}")
                if not {str(number) for number in _numbers(outcome.events)} <= stated:
                    found.append(f"{shown(path)}: gives other digits")
        report("A number in quotes is the number out of them, or is refused.", found)


def _faults(
    planted: Decimal, outcome: Outcome, stated: list[Decimal], said: list[Decimal], known: set[Anomaly]
) -> Iterator[str]:
    if outcome.complaint:
        yield outcome.complaint
    if outcome.processed is None:
        return
    # What the body says elsewhere may take its place: a total, where the items no longer add up to it.
    # What is computed of it may be, too: what came is what was asked for less what remains.
    allowed = {_digits(planted), *map(_digits, said)} | {
        _digits(operation(planted, number)) for number in said for operation in (_wide.add, _wide.subtract)
    }
    before = {str(number) for number in stated}
    numbers = _numbers(outcome.events)
    new = [number for number in numbers if str(number) not in before]
    if any(_digits(number) not in allowed for number in new):
        yield "gives other digits"
    elif not new and len(numbers) < len(stated) and _anomalies(outcome.events) <= known:
        yield "is left out, and no anomaly says so"


def _numbers(events: tuple[PaymentEvent, ...]) -> list[Decimal]:
    """Return the exact numbers that events state."""
    return [
        Decimal(value)
        for event in events
        for path, value in walk({**json.loads(to_json(event)), "metadata": {}})
        if path[-1] in NUMERIC and isinstance(value, str)
    ]


def _anomalies(events: tuple[PaymentEvent, ...]) -> set[Anomaly]:
    return {anomaly for event in events for anomaly in event.anomalies}


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    text = str(value)
    return Decimal(text) if _is_json_number(text) else None


def _digits(number: Decimal) -> str:
    """Return the digits that count, wherever the point is: 10.50 and 1050 cents have the same."""
    return "".join(map(str, number.as_tuple().digits)).strip("0")
