"""The provider's words: those that are documented, and those that are not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest
from attrs import evolve, frozen

from cambist._delivery import Delivery
from cambist._event import Kind, PaymentEvent
from cambist._lifecycle import Status
from cambist._provider import Context
from cambist.testing._json_paths import changed, loaded, shown, walk
from cambist.testing._outcomes import attempt, listening
from cambist.testing._report import report
from cambist.testing._subject import Subject, subject_of

if TYPE_CHECKING:
    from cambist.testing._cases import Case

UNKNOWN_WORD: Final = "cambist_unknown"
UNKNOWN_NUMBER: Final = 987_654_321


@frozen
class StatusWord:
    """One entry of a provider's ``statuses``."""

    group: str
    word: str
    status: Status

    @property
    def name(self) -> str:
        """What a test of it is called."""
        return f"{self.group}-{self.word}"


def status_words(subject: Subject) -> list[StatusWord]:
    """Return all entries of the provider's table, in its order."""
    return [
        StatusWord(group, word, status)
        for group, words in subject.provider.statuses.items()
        for word, status in words.items()
    ]


class Words:
    """Tests of statuses and types."""

    def test_a_status_has_a_case(self, kit_status: StatusWord) -> None:
        """Some case has the word, and an event with the status that the table gives it."""
        subject = subject_of(self)
        if subject.conformance.cases is None:
            pytest.skip("no folder of cases is given")
        unreached = subject.conformance.unreached
        reached = kit_status.status in _reached(subject)[kit_status.group, kit_status.word]
        if kit_status.word in unreached:
            if reached:
                pytest.fail("it is listed as unreached, and a case has it: take it off", pytrace=False)
            pytest.skip(f"unreached: {unreached[kit_status.word]}")
        if not reached:
            pytest.fail(
                f"no case gives the word {kit_status.word!r} of {kit_status.group!r} "
                f"and an event with the status {kit_status.status.value!r}: add one, "
                "or say in `unreached` why there is none",
                pytrace=False,
            )

    def test_an_unknown_status_is_kept(self, kit_event_case: Case) -> None:
        """The event has the status unknown, the word as it came, and an anomaly. Nothing is refused."""
        report(
            "A status that is not in the table gives an event: status unknown, the word in "
            "provider_status, and an anomaly.",
            _with_another_word(
                subject_of(self),
                kit_event_case,
                "provider_status",
                lambda event: None if event.status is Status.UNKNOWN else "does not have the status unknown",
            ),
        )

    def test_an_unknown_type_is_kept(self, kit_event_case: Case) -> None:
        """The event says that it is unknown, has the word as it came, and an anomaly. Nothing is refused."""
        report(
            "A type that the release does not know gives an event: kind or status unknown, the word in "
            "provider_type, and an anomaly.",
            _with_another_word(
                subject_of(self),
                kit_event_case,
                "provider_type",
                lambda event: None if _is_unknown(event) else "is of a known kind and a known status",
            ),
        )


class _Lookups(Mapping[str, Mapping[str, Status]]):
    """A table of statuses that remembers what `Context.status` asked it."""

    def __init__(self, statuses: Mapping[str, Mapping[str, Status]]) -> None:
        self.statuses = statuses
        self.asked: set[tuple[str, str]] = set()

    def __getitem__(self, group: str) -> Mapping[str, Status]:
        return _Group(group, self.statuses[group], self.asked)

    def __iter__(self) -> Iterator[str]:
        return iter(self.statuses)

    def __len__(self) -> int:
        return len(self.statuses)


class _Group(Mapping[str, Status]):
    def __init__(self, name: str, words: Mapping[str, Status], asked: set[tuple[str, str]]) -> None:
        self.name, self.words, self.asked = name, words, asked

    def __getitem__(self, word: str) -> Status:
        self.asked.add((self.name, word))
        return self.words[word]

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __len__(self) -> int:
        return len(self.words)


@cache
def _reached(subject: Subject) -> Mapping[tuple[str, str], set[Status]]:
    """Return for each entry of the table the statuses of the events for which it was looked up."""
    lookups = _Lookups(subject.provider.statuses)

    def parse(payload: Any, context: Context) -> Any:
        context.statuses = lookups
        return tuple(subject.provider.parse(payload, context))

    registry = subject.registry_with(evolve(subject.provider, parse=parse))
    found: dict[tuple[str, str], set[Status]] = defaultdict(set)
    looked_up = set()
    said: dict[str, set[Status]] = defaultdict(set)
    for case in subject.event_cases:
        lookups.asked.clear()
        for event in (
            subject.pipeline(case.settings, case.delivery.source, registry).parse(case.delivery).events
        ):
            said[event.provider_status or ""].add(event.status)
            for group, word in lookups.asked:
                if word == event.provider_status:
                    found[group, word].add(event.status)
        looked_up |= {word for _, word in lookups.asked}
    # A word that is mapped without asking the context counts for each group that it is in.
    for each in status_words(subject):
        if each.word not in looked_up:
            found[each.group, each.word] |= said[each.word]
    return found


def _with_another_word(subject: Subject, case: Case, name: str, problem: Any) -> Iterator[str]:
    parse = subject.of(case).parse
    before = parse(case.delivery).events
    if any(event.kind is Kind.TEST for event in before):
        return  # where no money moves, no word has to be known
    for word in dict.fromkeys(getattr(event, name) for event in before):
        if not word:
            continue
        found, places = [], 0
        with listening() as log:
            for where, new, delivery in _places(case.delivery, word):
                places += 1
                outcome = attempt(parse, delivery, log)
                if outcome.complaint:
                    yield f"{where}: {outcome.complaint}"
                events = [event for event in outcome.events if getattr(event, name) == new]
                if events:
                    found = [f"{where}: the event {told}" for told in _problems(events, before, problem)]
                    break
                found.append(f"{where}: " + ("is refused" if outcome.error else f"is not in {name}"))
        if not places:
            yield f"{name} is not as the provider sends it: it stands nowhere in the body or the headers"
        yield from found


def _problems(events: list[PaymentEvent], before: tuple[PaymentEvent, ...], problem: Any) -> Iterator[str]:
    known = {anomaly for event in before for anomaly in event.anomalies}
    for event in events:
        if told := problem(event):
            yield told
        if not set(event.anomalies) - known and not _was_unknown(before):
            yield "has no anomaly that says so"


def _was_unknown(before: tuple[PaymentEvent, ...]) -> bool:
    """Whether the case itself is of an unknown word, and has the anomaly already."""
    return any(event.anomalies and _is_unknown(event) for event in before)


def _is_unknown(event: PaymentEvent) -> bool:
    return event.kind is Kind.UNKNOWN or event.status is Status.UNKNOWN


def _places(delivery: Delivery, word: str) -> Iterator[tuple[str, str, Delivery]]:
    """Return the delivery with an unknown word in each place where the known one stands."""
    document = loaded(delivery.body)
    if document is None:  # no JSON: wherever the word stands in the bytes
        for found in re.finditer(re.escape(word.encode()), delivery.body):
            body = delivery.body[: found.start()] + UNKNOWN_WORD.encode() + delivery.body[found.end() :]
            yield f"byte {found.start()}", UNKNOWN_WORD, evolve(delivery, body=body)
    for path, value in list(walk(document)):
        if isinstance(value, str) and value == word:
            yield shown(path), UNKNOWN_WORD, evolve(delivery, body=changed(document, path, UNKNOWN_WORD))
        elif type(value) is int and str(value) == word:
            body = changed(document, path, UNKNOWN_NUMBER)
            yield shown(path), str(UNKNOWN_NUMBER), evolve(delivery, body=body)
    pairs = list(delivery.headers.items_all())
    for index, (name, value) in enumerate(pairs):
        if value == word:
            others = [*pairs[:index], (name, UNKNOWN_WORD), *pairs[index + 1 :]]
            yield f"header {name}", UNKNOWN_WORD, evolve(delivery, headers=others)
