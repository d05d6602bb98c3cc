"""What these tests share: the cases, and a source that accepts whatever comes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cambist import Delivery, PaymentEvent, Pipeline, Registry, Source, hookimpl
from cambist.testing import Case, load_cases

CASES = {case.name: case for case in load_cases(Path(__file__).parent / "cases")}
# A test that takes one of these arguments runs once for each of the cases.
ARGUMENTS = {
    "event_case": [case for case in CASES.values() if "events" in case.expected],
}
ARRIVAL = datetime(2026, 1, 15, 12, tzinfo=UTC)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, cases in ARGUMENTS.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, cases, ids=[case.name for case in cases])


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.load(["alchemypay"])


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    return CASES


@pytest.fixture(scope="session")
def order() -> dict[str, str]:
    """The order of the vendor's document, with a fee that is a number. Take a copy to change it."""
    document: dict[str, str] = json.loads(CASES["order_document"].delivery.body)
    return {**document, "applyFee": "0"}


@pytest.fixture(scope="session")
def pipeline(registry: Registry) -> Pipeline:
    return Pipeline([Source("cards", "alchemypay-card", {"auth": "none"})], registry=registry)


@pytest.fixture(scope="session")
def event_of(pipeline: Pipeline) -> Callable[[Mapping[str, Any]], PaymentEvent]:
    """Return a function that takes a payload to its one event."""

    def process(payload: Mapping[str, Any]) -> PaymentEvent:
        delivery = Delivery("cards", {}, json.dumps(payload).encode(), ARRIVAL)
        (event,) = pipeline.process(delivery).events
        return event

    return process


@pytest.fixture
def observed() -> list[object]:
    """Whatever the observers of the `watched` pipeline were told."""
    return []


@pytest.fixture
def watched(observed: list[object]) -> Pipeline:
    """A pipeline with observers that keep what they are told."""
    registry = Registry.load(["alchemypay"])
    observer = SimpleNamespace(
        cambist_event=hookimpl(lambda event: observed.append(event)),
        cambist_rejection=hookimpl(lambda delivery, error: observed.extend((delivery, delivery.body, error))),
    )
    registry.register(observer)
    sources = [
        Source("cards", "alchemypay-card", {"auth": "none"}),
        Source("header", "alchemypay-card", {"auth": "header", "header": "X-Key", "secrets": ["k3y"]}),
        Source("signed", "alchemypay-card", {"auth": "signed", "secrets": ["sk-s3cret"]}),
    ]
    return Pipeline(sources, registry=registry)
