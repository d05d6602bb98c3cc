"""What makes an event this one: the same for every redelivery, another for every change."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from attrs import evolve

from cambist._event import Kind, PaymentEvent
from cambist._lifecycle import Status
from cambist.testing._json_paths import loaded, written
from cambist.testing._report import report
from cambist.testing._subject import ARRIVAL, Subject, subject_of

if TYPE_CHECKING:
    from cambist.testing._cases import Case

# What a proxy or the next attempt adds, and no event may depend on.
OTHER_HEADERS: Final = (
    ("X-Request-Id", "7f3c2a10-cambist"),
    ("Date", "Sun, 31 Jan 2027 12:00:00 GMT"),
    ("X-Forwarded-Proto", "https"),
    ("X-Cambist-Attempt", "7"),
)
LATER: Final = timedelta(hours=1)


class Identity:
    """Tests of the events' ids."""

    def test_an_identity_is_a_tuple_of_texts(self, kit_event_case: Case) -> None:
        """A parser gives a tuple of at least one string, none of them made of anything else on the way."""
        given: list[Any] = []
        subject_of(self).watched(kit_event_case, given.append)(kit_event_case.delivery)
        report(
            "An identity is a tuple of strings, at least one of them not empty.",
            [
                "identity: is something else"
                for identity in given
                if not (
                    isinstance(identity, tuple)
                    and any(identity)
                    and all(isinstance(part, str) for part in identity)
                )
            ],
        )

    def test_headers_do_not_change_an_event(self, kit_event_case: Case) -> None:
        """Neither their order nor those that a proxy or another attempt adds."""
        pairs = list(kit_event_case.delivery.headers.items_all())
        named = {name.lower() for name, _ in OTHER_HEADERS}
        others = [*OTHER_HEADERS, *(pair for pair in reversed(pairs) if pair[0] not in named)]
        parse = subject_of(self).of(kit_event_case).parse
        again = parse(evolve(kit_event_case.delivery, headers=others)).events
        report(
            "Headers that are not a part of the message do not change an event.",
            _differences(parse(kit_event_case.delivery).events, again),
        )

    def test_a_delivery_signed_again_later_is_the_same_event(self, kit_event_case: Case) -> None:
        """A sender that tries again signs again: neither the signature nor the signed time is the event's."""
        subject, case = subject_of(self), kit_event_case
        pipeline = subject.of(case)
        (route,) = pipeline.routes
        arrival = case.delivery.received_at or ARRIVAL
        again = subject.signed(route, evolve(case.delivery, received_at=arrival + LATER))
        report(
            "A delivery that was signed again an hour later gives the same ids.",
            [
                "gives another id"
                for one, other in zip(
                    pipeline.parse(case.delivery).events, pipeline.parse(again).events, strict=True
                )
                if one.id != other.id
            ],
        )

    def test_the_order_of_keys_does_not_change_an_identity(self, kit_event_case: Case) -> None:
        """The same facts are the same event, in whichever order and with whatever white space."""
        document = loaded(kit_event_case.delivery.body)
        parse = subject_of(self).of(kit_event_case).parse
        before = parse(kit_event_case.delivery).events
        if document is None or any(not _understood(event) for event in before):
            return  # it may be told apart by its bytes
        found = []
        for what, body in {
            "keys the other way round": written(_reversed(document)),
            "with white space": _spaced(written(document)),
        }.items():
            after = parse(evolve(kit_event_case.delivery, body=body)).events
            found += [
                f"{what}: gives another id"
                for one, other in zip(before, after, strict=True)
                if one.id != other.id
            ]
        report("The form of a body does not change an identity.", found)

    def test_different_events_have_different_ids(self) -> None:
        """Two cases have one id only if `same_event` says that they are one event."""
        subject = subject_of(self)
        names: dict[str, set[str]] = defaultdict(set)
        for case in subject.event_cases:
            for event in subject.of(case).parse(case.delivery).events:
                names[event.id].add(case.name)
        shared = {frozenset(group) for group in names.values() if len(group) > 1}
        declared = {frozenset(group) for group in subject.conformance.same_event}
        report(
            "Cases have one id exactly where `same_event` says that they are one event.",
            [
                *(f"{_listed(group)}: have one id, and are not declared" for group in shared - declared),
                *(f"{_listed(group)}: are declared, and do not have one id" for group in declared - shared),
            ],
        )

    def test_another_process_gives_the_same_ids(self) -> None:
        """An id does not depend on the process: on its hash seed, its time, or what it did before."""
        subject = subject_of(self)
        if not isinstance(subject.conformance.provider, str):
            pytest.skip("the provider is given as a record, which no other process can load")
        here = {
            case.name: [event.id for event in subject.of(case).parse(case.delivery).events]
            for case in subject.event_cases
        }
        report(
            "Another process gives every event the id that it has here.",
            [f"{name}: has another id" for name, ids in _elsewhere(subject).items() if ids != here[name]],
        )


def _understood(event: PaymentEvent) -> bool:
    """Whether it is known what happened, and to money."""
    return event.kind not in (Kind.UNKNOWN, Kind.TEST) and event.status is not Status.UNKNOWN


def _elsewhere(subject: Subject) -> dict[str, list[str]]:
    orders = [
        {
            "name": case.name,
            "provider": case.provider,
            "settings": case.settings,
            "source": case.delivery.source,
            "headers": list(case.delivery.headers.items_all()),
            "body": base64.b64encode(case.delivery.body).decode(),
            "received_at": case.delivery.received_at.isoformat() if case.delivery.received_at else None,
            "path": case.delivery.path,
            "remote": case.delivery.remote,
        }
        for case in subject.event_cases
    ]
    done = subprocess.run(
        [sys.executable, "-m", "cambist.testing._elsewhere"],
        input=json.dumps(orders, default=str),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "2026", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode:
        pytest.fail("the other process ended with an error: its stderr is not shown", pytrace=False)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def _differences(before: tuple[PaymentEvent, ...], after: tuple[PaymentEvent, ...]) -> list[str]:
    if len(before) != len(after):
        return ["gives another number of events"]
    return [
        "gives another id" if one.id != other.id else "gives another event of the same id"
        for one, other in zip(before, after, strict=True)
        if one != other
    ]


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(item) for key, item in reversed(value.items())}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def _spaced(body: bytes) -> bytes:
    """Return JSON with white space where that changes nothing: around it, and after its first bracket."""
    return b"\n " + body[:1] + b"\r\n\t " + body[1:] + b" \n"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
