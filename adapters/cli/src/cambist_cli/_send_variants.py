"""A sample as many events: the same delivery with another identity each time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from attrs import evolve

from cambist import CambistError, Delivery, PaymentEvent, Pipeline, Sample

Vary = Callable[[int], Sample]

_token = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[^"\d-]+|-')
_hexadecimal = re.compile(r"[0-9a-f]{8,}$").search
_decimal = re.compile(r"[0-9]+$").search
_whole = re.compile(r"-?\d+").fullmatch

# Prime, so that digits that wrap around come back late; large, so that neighbours do not run into each other.
_STRIDE: Final = 1_000_003
# What is shorter may stand elsewhere by chance; what is longer is the same thing everywhere.
_TELLING: Final = 6


def variations(pipeline: Pipeline, source: str, sample: Sample) -> Vary | None:
    """Return what gives a sample's events another identity for each number; nothing if that cannot be had.

    A value of the body is looked for that the identity is made of, and that changes neither what the events
    say happened nor how well they were understood. Wherever that value stands it is replaced.

    Args:
        pipeline: Reads the sample. It tells no observer.
        source: The sample's source.
        sample: The sample. For the number 0 it is returned as it is.
    """

    def read(body: bytes) -> tuple[PaymentEvent, ...]:
        try:
            return pipeline.parse(Delivery(source, sample.headers, body)).events
        except CambistError:
            return ()

    original = read(sample.body)
    try:
        json.loads(sample.body)
        tokens = _token.findall(sample.body.decode())
    except (ValueError, RecursionError):
        return None
    for places in _candidates(tokens, original):

        def vary(number: int, places: Sequence[int] = places) -> Sample:
            return sample if number == 0 else evolve(sample, body=_replaced(tokens, places, number))

        one, other = read(vary(1).body), read(vary(2).body)
        if _is_new(original, one) and _is_new(original, other) and _is_new(one, other):
            return vary
    return None


def _is_new(events: Sequence[PaymentEvent], others: Sequence[PaymentEvent]) -> bool:
    """Whether other events say that the same happened, each of them to be told apart from these."""
    return (
        len(events) == len(others) > 0
        and {event.id for event in events}.isdisjoint(event.id for event in others)
        and list(map(_told, events)) == list(map(_told, others))
    )


def _told(event: PaymentEvent) -> object:
    return (event.kind, event.status, event.provider_type, event.provider_status, event.anomalies)


def _candidates(tokens: Sequence[str], events: Sequence[PaymentEvent]) -> Iterator[Sequence[int]]:
    """Return where each value stands, beginning with those that the payments are called by."""
    places: dict[str, list[int]] = {}
    for index, token in enumerate(tokens):
        is_key = token[0] == '"' and "".join(tokens[index + 1 : index + 2]).lstrip().startswith(":")
        if not is_key and (token[0] == '"' or _whole(token)):
            places.setdefault(token if len(token.strip('"')) >= _TELLING else f"{index} {token}", []).append(
                index
            )
    called = {event.payment.id for event in events}
    yield from sorted(places.values(), key=lambda found: str(json.loads(tokens[found[0]])) not in called)


def _replaced(tokens: Sequence[str], places: Sequence[int], number: int) -> bytes:
    changed = list(tokens)
    for index in places:
        changed[index] = _varied(tokens[index], number)
    return "".join(changed).encode()


def _varied(token: str, number: int) -> str:
    """Return another value of the same form."""
    if token[0] != '"':
        return str(int(token) + number * _STRIDE)
    text: str = json.loads(token)
    if found := _hexadecimal(text):
        tail = found[0]
        base = 10 if tail.isdecimal() else 16
        shifted = (int(tail, base) + number * _STRIDE) % base ** len(tail)
        varied = f"{text[: -len(tail)]}{shifted:0{len(tail)}{'d' if base == 10 else 'x'}}"
    elif found := _decimal(text):
        varied = f"{text[: found.start()]}{int(found[0]) + number * _STRIDE}"
    else:
        varied = f"{text}-{number}"
    return json.dumps(varied)
