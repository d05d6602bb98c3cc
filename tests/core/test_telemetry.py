"""What a receiver tells those who measure: each thing once, in order, and nothing of what they do matters."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, evolve, field

from cambist import Acknowledgement, CambistError, Delivery, Pipeline, Processed, Provider, Receiver
from cambist.errors import PayloadError

Toy = Callable[..., Provider]
PipelineOf = Callable[..., Pipeline]
Signed = Callable[..., Delivery]

BODY = b'{"id": 1, "state": "done", "amount": "0.10"}'
VALUE = "4111111111111111"


@define
class Told:
    """Keeps what it is told; raises where a test asks for it."""

    words: list[str] = field(factory=list)
    raises: str = ""

    def _tell(self, name: str, what: object) -> None:
        self.words.append(f"{name} {what}".strip())
        if self.raises == name:
            raise ValueError(VALUE)

    def received(self, delivery: Delivery) -> Told:
        self._tell("received", delivery.source)
        return self

    def processed(self, processed: Processed) -> None:
        self._tell("processed", len(processed.events))

    def failed(self, error: CambistError | None) -> None:
        self._tell("failed", type(error).__name__ if error else "")

    def ended(self, acknowledgement: Acknowledgement | None) -> None:
        self._tell("ended", acknowledgement.status if acknowledgement else "")


class Sink:
    """Takes what it is given; fails where a test asks for it."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    async def publish(self, processed: Processed) -> None:
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure

    async def reject(self, delivery: Delivery, error: CambistError) -> None:
        pass

    async def quarantine(self, delivery: Delivery, error: PayloadError) -> None:
        await self.publish(Processed((), None, Acknowledgement()))


WAYS: list[tuple[dict[str, Any], Sink, list[str]]] = [
    ({}, Sink(), ["received shop", "processed 1", "ended 200"]),
    ({"headers": {}}, Sink(), ["received shop", "failed VerificationError", "ended 401"]),
    ({"source": "other"}, Sink(), ["received other", "failed UnknownSource", "ended 404"]),
    ({}, Sink(OSError()), ["received shop", "processed 1", "failed SinkError", "ended 503"]),
]


@pytest.mark.parametrize(("changes", "sink", "expected"), WAYS)
async def test_each_thing_is_told_once(
    toy: Toy,
    pipeline_of: PipelineOf,
    signed: Signed,
    changes: dict[str, Any],
    sink: Sink,
    expected: list[str],
) -> None:
    told = Told()
    delivery = evolve(signed(BODY), **changes)
    answer = await Receiver(pipeline_of(toy()), sink, telemetry=told).receive(delivery)
    assert told.words == expected
    assert answer.status == int(expected[-1].split()[1])


async def test_what_cannot_be_read_has_failed(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    told = Told()
    await Receiver(pipeline_of(toy()), Sink(), telemetry=told).receive(signed(b"[]"))
    assert told.words == ["received shop", "failed PayloadError", "ended 400"]


async def test_a_fault_of_ours_has_no_error(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, pipeline = Told(), pipeline_of(toy())
    monkeypatch.setattr(pipeline, "process", lambda _: 1 / 0)
    assert (await Receiver(pipeline, Sink(), telemetry=told).receive(signed(BODY))).status == 500
    assert told.words == ["received shop", "failed", "ended 500"]


@pytest.mark.parametrize("raises", ["received", "processed", "failed", "ended"])
@pytest.mark.parametrize(("changes", "sink", "expected"), WAYS)
async def test_what_it_raises_changes_no_answer(
    toy: Toy,
    pipeline_of: PipelineOf,
    signed: Signed,
    changes: dict[str, Any],
    sink: Sink,
    expected: list[str],
    raises: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told(raises=raises)
    answer = await Receiver(pipeline_of(toy()), sink, telemetry=told).receive(evolve(signed(BODY), **changes))
    assert answer.status == int(expected[-1].split()[1])
    errors = [text for text in caplog.messages if text.startswith("telemetry failed: ")]
    assert len(errors) == sum(word.startswith(raises) for word in told.words)
    assert VALUE not in caplog.text
    assert all(record.exc_info is None for record in caplog.records if record.levelno == logging.ERROR)


async def test_what_is_given_up_has_ended(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    told, started = Told(), asyncio.Event()

    async def on_event(_: object) -> None:
        started.set()
        await asyncio.Event().wait()

    receiver = Receiver(pipeline_of(toy()), on_event, telemetry=told)
    task = asyncio.create_task(receiver.receive(signed(BODY)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told.words == ["received shop", "processed 1", "ended"]
