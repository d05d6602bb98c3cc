"""A card number comes in, and nothing that goes out has it: no event, error, log, repr or answer."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve

from cambist import Delivery, Pipeline, Processed, Receiver, Registry, Source, to_json
from cambist.errors import CambistError
from cambist.testing import Case
from cambist_alchemypay.redaction import EXEMPT

NUMBER = "4111111111111111"
SPELLINGS: dict[str, Any] = {
    "plain": NUMBER,
    "with spaces": "4111 1111 1111 1111",
    "with dashes": "4111-1111-1111-1111",
    "in a text": f"<{NUMBER}>",
    "as a number": int(NUMBER),
    "as a fraction": 4.111111111111111e15,
    "in a list": [NUMBER],
    "in an object": {"a": {"b": NUMBER}},
}
# Bodies that are refused, each with the number in it.
REFUSED = {
    "no JSON": f"cardNumber: {NUMBER}".encode(),
    "cut off": f'{{"orderNo":"1","cardNumber":"{NUMBER}'.encode(),
    "not UTF-8": f'{{"orderNo":"1\xff","cardNumber":"{NUMBER}"}}'.encode("latin-1"),
    "UTF-16": f'{{"orderNo":"1","cardNumber":"{NUMBER}"}}'.encode("utf-16"),
    "a list": f'["{NUMBER}"]'.encode(),
    "a string": f'"{NUMBER}"'.encode(),
    "a number": NUMBER.encode(),
    "no known form": f'{{"number":"{NUMBER}","{NUMBER}":1}}'.encode(),
    "an order without its number": f'{{"orderType":"1","cardNumber":"{NUMBER}"}}'.encode(),
    "a sum that is the number": f'{{"orderNo":"1","pan":"{NUMBER}","orderAmount":"{NUMBER}"}}'.encode(),
    "faults at paths with the number": f'{{"orderNo":{{"{NUMBER}":1}},"{NUMBER}":{{}},"status":[]}}'.encode(),
    "nested too deeply": b"[" * 2000 + NUMBER.encode() + b"]" * 2000,
}


def bodies(cases: dict[str, Case]) -> Iterator[tuple[str, bytes]]:
    """Return each form with the number at each place in turn."""
    for name in ("order_fail", "transaction_declined", "kyc_completed", "transaction_physical"):
        document = json.loads(cases[name].delivery.body)
        for spelling, value in SPELLINGS.items():
            for key in [*document, "cardNumber", "failReason", "newField"]:
                if key not in EXEMPT:
                    yield f"{name}, {key}, {spelling}", json.dumps({**document, key: value}).encode()
                else:  # spared, unless it is known to be the card's
                    both = {**document, key: value, "cardNumber": NUMBER}
                    yield f"{name}, {key} and cardNumber, {spelling}", json.dumps(both).encode()
        yield f"{name}, as a key", json.dumps({**document, NUMBER: 1}).encode()
        yield f"{name}, as a key within", json.dumps({**document, "x": {NUMBER: 1}}).encode()
        yield (
            f"{name}, twice under one key",
            json.dumps(document)[:-1].encode() + f',"cardNumber":{NUMBER},"cardNumber":"1"}}'.encode(),
        )


def shown(text: str) -> bool:
    """Whether a text shows more of the number than its last four digits."""
    return NUMBER[:-4] in re.sub(r"[\s.\-]", "", text)


async def everything(
    pipeline: Pipeline, delivery: Delivery, observed: list[object], caplog: pytest.LogCaptureFixture
) -> str:
    """Return all that anyone can see of a delivery's way, as one text."""
    published: list[Processed] = []

    class Sink:
        async def publish(self, processed: Processed) -> None:
            published.append(processed)

    caplog.set_level(logging.DEBUG)
    seen: list[object] = [repr(delivery)]
    try:
        processed = pipeline.process(delivery)
    except CambistError as error:
        seen += [str(error), repr(error), vars(error), error.__cause__, error.__context__]
        seen += traceback.format_exception(error)
    else:
        seen += [repr(processed), *(to_json(event).decode() for event in processed.events)]
        raw = hashlib.sha256(delivery.body).hexdigest()
        assert all(event.raw_digest != raw for event in processed.events)
        assert pipeline.parse(delivery).events[0].id == processed.events[0].id
    answer = await Receiver(pipeline, Sink()).receive(delivery)
    seen += [answer, published, caplog.text]
    redacted = pipeline.redacted(delivery)
    seen += [redacted.body.decode(errors="replace").replace("\0", ""), repr(redacted)]
    seen += [thing if not isinstance(thing, bytes) else thing.decode(errors="replace") for thing in observed]
    return "\n".join(map(str, seen))


async def test_an_accepted_delivery_shows_nothing(
    watched: Pipeline, cases: dict[str, Case], observed: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    count = 0
    for name, body in bodies(cases):
        observed.clear()
        caplog.clear()
        text = await everything(watched, Delivery("cards", {}, body), observed, caplog)
        assert observed, name
        assert not shown(text), name
        count += 1
    assert count > 400


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
async def test_a_refused_delivery_shows_nothing(
    body: bytes, watched: Pipeline, observed: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    text = await everything(watched, Delivery("cards", {}, body), observed, caplog)
    assert "PayloadError" in text
    assert not shown(text)


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("source", ["header", "signed"])
async def test_a_forged_delivery_shows_nothing(
    source: str, body: bytes, watched: Pipeline, observed: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"X-Key": "wrong", "ach-access-sign": "wrong", "ach-access-timestamp": "1"}
    text = await everything(watched, Delivery(source, headers, body, path="/"), observed, caplog)
    assert "VerificationError" in text
    assert not shown(text)
    assert not {"k3y", "sk-s3cret"} & set(re.split(r"[^\w-]", text))


def test_no_case_has_a_whole_number_in_what_it_expects(event_case: Case) -> None:
    number = json.loads(event_case.delivery.body).get("cardNumber")
    digits = re.sub(r"\D", "", str(number)) if number else ""
    if len(digits) >= 12:
        stated = re.sub(r"[\s.\-]", "", json.dumps(event_case.expected))
        assert digits[:-4] not in stated


def test_what_is_stored_without_the_number_gives_the_same_event(event_case: Case, registry: Registry) -> None:
    source = Source(event_case.delivery.source, event_case.provider, event_case.settings)
    pipeline = Pipeline([source], registry=registry)
    processed = pipeline.process(event_case.delivery)
    stored = pipeline.redacted(event_case.delivery)
    assert pipeline.parse(stored, processed.verification) == processed


def test_a_redelivery_with_another_number_of_the_same_end_is_the_same_event(
    pipeline: Pipeline, cases: dict[str, Case]
) -> None:
    """Neither the identity nor the digest of an event holds what was masked."""
    for name in ("order_document", "transaction_full_card_number", "transaction_physical"):
        body = cases[name].delivery.body
        number = json.loads(body)["cardNumber"].encode()
        delivery = evolve(cases[name].delivery, body=body)
        other = evolve(delivery, body=body.replace(number, b"599999999999" + number[-4:]))
        assert pipeline.process(delivery) == pipeline.process(other)
