"""What is counted of deliveries, and by which few labels."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from attrs import evolve
from prometheus_client.parser import text_string_to_metric_families

from cambist import Anomaly, Delivery, Pipeline, Processed, Receiver, Status
from cambist.errors import SinkError
from cambist_aiohttp import Edge, Limits, Metrics, Rate, serving

from .conftest import Handler, signed

BODY = b'{"id": 7}'
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
Labels = tuple[tuple[str, str], ...]


class Clock:
    """Each look at it is a quarter of a second after the one before."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Clock())


@pytest.fixture
def measured(receiver: Receiver, handler: Handler, metrics: Metrics) -> Receiver:
    return Receiver(receiver.pipeline, handler, telemetry=metrics)


def numbers(metrics: Metrics) -> dict[str, float]:
    """Return all that is not nothing, but for when each was made: ``received{shop}``."""
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            if sample.value and not sample.name.endswith("_created") and "le" not in sample.labels:
                labels = ",".join(value for _, value in sorted(sample.labels.items()))
                found[f"{sample.name.removeprefix('cambist_')}{{{labels}}}"] = sample.value
    return found


def delivery(receiver: Receiver, body: bytes = BODY, source: str = "shop") -> Delivery:
    return Delivery(source, signed(receiver, body), body, NOW)


async def test_what_is_accepted(measured: Receiver, metrics: Metrics) -> None:
    assert (await measured.receive(delivery(measured))).status == 200
    assert numbers(metrics) == {
        "received_total{shop}": 1,
        "verified_total{shop}": 1,
        "events_total{test,shop,completed}": 1,
        "processing_seconds_count{shop}": 1,
        "processing_seconds_sum{shop}": 0.25,
        "answering_seconds_count{shop}": 1,
        "answering_seconds_sum{shop}": 0.5,
    }


async def test_what_did_not_fit(
    receiver: Receiver, handler: Handler, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event of a status that is not known, half an hour late, with two oddities; and one of the future."""
    process = Pipeline.process

    def odd(self: Pipeline, delivery: Delivery) -> Processed:
        (event,) = process(self, delivery).events
        late = evolve(
            event,
            status=Status.UNKNOWN,
            occurred_at=NOW - timedelta(minutes=30),
            anomalies=(Anomaly("status", "is not known"), Anomaly("fee", "is no number")),
        )
        early = evolve(event, occurred_at=NOW + timedelta(minutes=30))
        return evolve(process(self, delivery), events=(late, early))

    monkeypatch.setattr(Pipeline, "process", odd)
    await Receiver(receiver.pipeline, handler, telemetry=metrics).receive(delivery(receiver))
    found = numbers(metrics)
    assert found["events_total{test,shop,unknown}"] == 1
    assert found["unknown_statuses_total{shop}"] == 1
    assert found["anomalies_total{shop}"] == 2
    assert (found["lag_seconds_count{shop}"], found["lag_seconds_sum{shop}"]) == (2, 1800)


REFUSED = [
    ({"body": b'{"id": 7}', "headers": {"X-Signature": "0"}}, {"rejected_total{not_verified,shop}"}),
    ({"body": b'{"no": 7}'}, {"rejected_total{payload,shop}", "verified_total{shop}"}),
    ({"source": "n0where"}, {"rejected_total{unknown_source,}"}),
    ({"source": 'no"such\n{x="4111111111111111"}'}, {"rejected_total{unknown_source,}"}),
]


@pytest.mark.parametrize(("parts", "expected"), REFUSED)
async def test_what_is_refused_is_counted_by_its_reason(
    measured: Receiver, metrics: Metrics, parts: dict[str, Any], expected: set[str]
) -> None:
    sent = delivery(measured, parts.get("body", BODY), parts.get("source", "shop"))
    await measured.receive(evolve(sent, headers=parts.get("headers", sent.headers)))
    source = "" if "source" in parts else "shop"
    assert numbers(metrics).keys() == expected | {
        f"received_total{{{source}}}",
        f"answering_seconds_count{{{source}}}",
        f"answering_seconds_sum{{{source}}}",
    }


async def test_what_the_sink_did_not_take_has_no_events(
    measured: Receiver, handler: Handler, metrics: Metrics
) -> None:
    async def fail() -> None:
        raise SinkError("gone")

    handler.before = fail
    assert (await measured.receive(delivery(measured))).status == 503
    found = numbers(metrics)
    assert found["rejected_total{sink,shop}"] == found["verified_total{shop}"] == 1
    assert not [name for name in found if name.startswith("events_total")]


async def test_a_fault_of_ours(measured: Receiver, metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured.pipeline, "process", lambda _: 1 / 0)
    assert (await measured.receive(delivery(measured))).status == 500
    assert numbers(metrics)["rejected_total{internal,}"] == 1


async def test_many_sources_that_do_not_exist_make_one_label(measured: Receiver, metrics: Metrics) -> None:
    size = len(metrics.render())
    for number in range(300):
        await measured.receive(Delivery(f"n0where-{number}", {}, b"", NOW))
    assert numbers(metrics)["received_total{}"] == 300
    assert len(metrics.render()) < size + 4000
    assert b"n0where" not in metrics.render()


async def test_what_the_edge_refuses_is_counted(measured: Receiver, metrics: Metrics) -> None:
    edge = Edge(Limits(rate=Rate(0.001, 1)), on_refusal=metrics.refused)
    async with (
        serving(measured, edge=edge, max_body=100) as address,
        ClientSession(address) as session,
    ):
        statuses = []
        for body, path in (
            (b"x" * 200, "/shop"),
            (BODY, "/shop"),
            (BODY, "/shop"),
            (BODY, "/n0where/s3cret"),
        ):
            async with session.post(f"/webhooks{path}", data=body, headers=signed(measured, body)) as answer:
                statuses.append(answer.status)
    assert statuses == [413, 200, 429, 404]
    found = numbers(metrics)
    assert {name: found[name] for name in found if name.startswith(("received", "rejected"))} == {
        "received_total{shop}": 3,
        "received_total{}": 1,
        "rejected_total{too_large,shop}": 1,
        "rejected_total{rate,shop}": 1,
        "rejected_total{not_found,}": 1,
    }


COUNTING = """
import asyncio, sys
from cambist_aiohttp import Metrics
metrics = Metrics()
for _ in range(int(sys.argv[1])):
    metrics.refused("shop", 429)
if len(sys.argv) > 2:
    print(metrics.render().decode())
"""


def test_several_processes_show_their_sum(tmp_path: Path) -> None:
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def count(*arguments: str) -> str:
        command = [sys.executable, "-c", COUNTING, *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout

    count("3")
    count("4")
    shown = count("5", "show")
    assert 'cambist_received_total{source="shop"} 12.0' in shown
    assert 'cambist_rejected_total{reason="rate",source="shop"} 12.0' in shown


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import cambist_aiohttp

    hidden: Sequence[tuple[str, str, str]] = [
        ("prometheus_client", "Metrics", "metrics"),
        ("opentelemetry", "Tracing", "tracing"),
    ]
    for package, name, extra in hidden:
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.delitem(sys.modules, f"cambist_aiohttp._{extra}", raising=False)
        with pytest.raises(ImportError, match=rf"install the extra, cambist-aiohttp\[{extra}\]"):
            getattr(cambist_aiohttp, name)
