"""Observers see every event and every refusal, and cannot stop either; what a log says holds no value."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from cambist import Delivery, Pipeline, Provider
from cambist.errors import DeliveryError, PayloadError, PluginError, UnknownSource, VerificationError

Toy = Callable[..., Provider]
PipelineOf = Callable[..., Pipeline]
Signed = Callable[..., Delivery]

CARD = "4111111111111111"
BODY = b'{"id": 1, "state": "done", "amount": "0.10", "note": "4111111111111111"}'


def failing(*_: object) -> Any:
    raise KeyError(CARD)


def refused(pipeline: Pipeline, delivery: Delivery, error: type[DeliveryError]) -> DeliveryError:
    with pytest.raises(error) as caught:
        pipeline.process(delivery)
    assert caught.value.__context__ is None
    return caught.value


def test_where_a_plugin_failed_is_logged(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "cambist"):
        refused(pipeline_of(toy(parse=failing)), signed(BODY), PayloadError)
    (message,) = caplog.messages
    assert message.startswith("unreleased 0 failed: KeyError at test_observers.py:")
    assert message.endswith(" in failing")


def test_observers_see_each_event_and_each_refusal(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    seen: list[Any] = []
    pipeline = pipeline_of(
        toy(),
        cambist_event=lambda event: seen.append(event),
        cambist_rejection=lambda delivery, error: seen.append((delivery, error)),
    )
    events = pipeline.process(signed(BODY)).events
    errors = []
    for delivery, error in (
        (signed(b"[]"), PayloadError),
        (evolve(signed(BODY), headers={}), VerificationError),
        (evolve(signed(BODY), source="other"), UnknownSource),
    ):
        errors.append((delivery, refused(pipeline, delivery, error)))
    assert seen == [*events, *errors]


def test_an_observer_that_raises_is_logged_and_stops_nothing(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = pipeline_of(
        toy(),
        cambist_event=lambda event: failing(),
        cambist_rejection=lambda error: failing(),
    )
    with caplog.at_level(logging.ERROR, "cambist"):
        assert len(pipeline.process(signed(BODY)).events) == 1
        refused(pipeline, signed(b"[]"), PayloadError)
    assert [message.partition(" failed: ")[2][:30] for message in caplog.messages] == [
        "KeyError at test_observers.py:"
    ] * 2
    assert CARD not in caplog.text
    assert all(record.exc_info is None for record in caplog.records)


async def waits(event: object) -> None:
    """An observer that nothing would await."""


def yields(event: object) -> object:
    yield


@pytest.mark.parametrize("observer", [waits, yields])
def test_an_observer_that_would_never_run_stops_the_start(
    observer: Any, toy: Toy, pipeline_of: PipelineOf
) -> None:
    with pytest.raises(PluginError, match="'cambist_event' is async or a wrapper"):
        pipeline_of(toy(), cambist_event=observer)
