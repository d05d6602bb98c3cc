"""Secrets and card numbers: nowhere where somebody might read them."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import pytest
from attrs import evolve

from cambist._codec import to_json
from cambist._delivery import Delivery
from cambist._pipeline import Pipeline
from cambist._secrets import Secret
from cambist.errors import CambistError
from cambist.testing._forgeries import GARBAGE, Pair
from cambist.testing._hostile import BODIES
from cambist.testing._json_paths import Path, changed, loaded, objects, shown, walk
from cambist.testing._outcomes import attempt, listening
from cambist.testing._report import report
from cambist.testing._rotation import secret_keys
from cambist.testing._subject import Account, Subject, subject_of, without
from cambist.testing._values import CANARY, CARD, NEW_KEY

if TYPE_CHECKING:
    from cambist.testing._cases import Case

SHORTEST: Final = 6
"""A shorter secret may stand in a message by chance."""

CARDS: Final[Mapping[str, Any]] = {
    "a card number": CARD,
    "a card number in a sentence": f"card {CARD} declined",
    "a card number with spaces": "4111 1111 1111 1111",
    "a card number of 15 digits": "378282246310005",
}
_separators = re.compile(r"[\s.\-]|\\u00[0-9a-f]{2}")


class Leaks:
    """Tests of what can be read: representations, errors, logs, events."""

    def test_nothing_shows_a_secret(self, kit_account: Account) -> None:
        """Neither the settings and what is made of them, nor an error or a log of a refused delivery."""
        subject = subject_of(self)
        secrets = _secrets(subject, kit_account)
        source, pipeline = kit_account.route.source, subject.of(kit_account)
        shown_texts = {
            "repr(settings)": repr(kit_account.route.settings),
            "str(settings)": str(kit_account.route.settings),
            "repr(source)": repr(source),
            "repr(route)": repr(kit_account.route),
            "repr(scheme)": repr(kit_account.route.scheme),
            "repr(delivery)": repr(kit_account.delivery),
            "repr(pipeline)": repr(pipeline),
        }
        found = [f"{what}: shows a secret" for what, text in shown_texts.items() if _any(secrets, text)]
        for what, delivery in _refused(subject, kit_account):
            told = _told(pipeline, delivery)
            found += [f"{what}: tells a secret"] if _any(secrets, told) else []
            found += [f"{what}: tells a header's value"] if CANARY in told else []
        report("No representation, no error, no log and no event shows a secret.", found)

    def test_a_wrong_setting_does_not_tell_it(self, kit_account: Account) -> None:
        """Whatever is wrong with a secret, the error shows the key and not the value."""
        subject = subject_of(self)
        found = []
        for key in secret_keys(subject.provider.settings):
            for what, value in {
                "a bare text": CANARY,
                "a table without a label": {"value": CANARY},
                "an unknown key": [{"value": CANARY, "labl": "kit"}],
                "a label that is no text": [{"value": CANARY, "label": 7}],
                "a time that is none": [{"value": CANARY, "not_after": "soon"}],
                "a list in the list": [[CANARY]],
            }.items():
                settings = {**kit_account.route.source.settings, key: value}
                try:
                    subject.pipeline(settings, registry=subject.registry)
                except Exception as error:  # noqa: BLE001  # whatever it is, it must not tell
                    if CANARY in _whole(error):
                        found.append(f"{key}, {what}: tells the value")
        report("An error of the settings tells no value.", found)

    def test_no_card_number_leaves_the_provider(self, kit_card_case: Case) -> None:
        """Not in an event, its digest, a redacted delivery, an error or a log. Only with `redact`."""
        subject = subject_of(self)
        if subject.provider.redact is None:
            pytest.skip("the provider has no `redact`: what is told of a card number is another test's")
        document = loaded(kit_card_case.delivery.body)
        if document is None:
            pytest.skip("the body is no JSON object: its fields are not known")
        unmasked = subject.conformance.unmasked
        pipeline, found = subject.of(kit_card_case), []
        with listening() as log:
            for path in _texts(document, unmasked):
                for what, card in CARDS.items():
                    body = changed(document, path, card)
                    delivery = evolve(kit_card_case.delivery, body=body)
                    number = re.sub(r"[^0-9]", "", card)
                    outcome = attempt(pipeline.parse, delivery, log)
                    found += [
                        f"{shown(path)}, {what}: {where}"
                        for where, text in _places(pipeline, delivery, outcome.events, outcome.told)
                        if number in _separators.sub("", text)
                    ]
                    if hashlib.sha256(body).hexdigest() in {event.raw_digest for event in outcome.events}:
                        found.append(f"{shown(path)}, {what}: the digest is of the body with the number")
        report("A card number is nowhere but in the raw body (see `unmasked` for identifiers).", found)


def _texts(document: Any, unmasked: Iterable[str]) -> list[Path]:
    """Return the places of texts, and one new field in each object."""
    return [
        *(
            path
            for path, value in walk(document)
            if isinstance(value, str) and not set(unmasked) & {step for step in path if isinstance(step, str)}
        ),
        *((*path, NEW_KEY) for path, _ in objects(document)),
    ]


def _places(
    pipeline: Pipeline, delivery: Delivery, events: Iterable[Any], told: str
) -> Iterator[tuple[str, str]]:
    yield "it is told", told
    yield "it is in the event", "".join(to_json(event).decode() for event in events)
    yield "it is in the redacted delivery", pipeline.redacted(delivery).body.decode(errors="replace")
    cut = evolve(delivery, body=delivery.body.rstrip()[:-1])
    yield "it is in a redacted body that is no JSON", pipeline.redacted(cut).body.decode(errors="replace")


def _secrets(subject: Subject, account: Account) -> set[str]:
    settings = account.route.settings
    held: list[Secret] = [
        secret for key in secret_keys(subject.provider.settings) for secret in getattr(settings, key) or ()
    ]
    return {secret.reveal() for secret in held if len(secret.reveal()) >= SHORTEST}


def _refused(subject: Subject, account: Account) -> Iterator[tuple[str, Delivery]]:
    delivery = account.delivery
    for name in delivery.headers:
        for what, value in GARBAGE.items():
            others: list[Pair] = [*without(delivery, [name]), (name, value)]
            yield f"header {name}, {what}", evolve(delivery, headers=others)
    yield "no headers", evolve(delivery, headers=[])
    yield "no time of arrival", evolve(delivery, received_at=None)
    yield "a changed body", evolve(delivery, body=delivery.body + b"x")
    yield "a genuine delivery", delivery
    for hostile in BODIES:
        body = hostile.body(delivery.body)
        if len(body) < 10_000:
            yield f"hostile body {hostile.name}", subject.signed(account.route, evolve(delivery, body=body))


def _told(pipeline: Pipeline, delivery: Delivery) -> str:
    with listening() as log:
        try:
            told = [to_json(event).decode() for event in pipeline.process(delivery).events]
        except CambistError as error:
            told = [_whole(error), getattr(error, "reason", "")]
        except Exception as error:  # noqa: BLE001  # another test tells of it
            told = [_whole(error)]
    return "\n".join([*told, *log])


def _whole(error: BaseException) -> str:
    """Return an error with all that hangs on it, as a log would show it."""
    return "".join([str(error), repr(error), *traceback.format_exception(error, limit=0)])


def _any(secrets: Iterable[str], text: str) -> bool:
    return any(secret in text for secret in secrets)
