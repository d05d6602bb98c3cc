"""What these tests share: the cases, and a shop that both providers deliver to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import frozen

from cambist import Delivery, PaymentEvent, Pipeline, Processed, Registry, Source
from cambist.testing import Case, load_cases

CASES = {case.name: case for case in load_cases(Path(__file__).parent / "cases")}
SECRET = "whsec_a1b2c3d4e5f6"
API_KEY = "key-of-the-workflow-engine"
ARRIVAL = datetime(2026, 2, 27, 10, 30, 5, tzinfo=UTC)
Headers = Iterable[tuple[str | bytes, str | bytes]]


@frozen
class Shop:
    """A merchant with a source of each provider: ``shop`` takes webhooks, ``orders`` callbacks."""

    pipeline: Pipeline

    def proof(self, source: str, body: bytes) -> Headers:
        """Return the headers that make this body genuine."""
        route = self.pipeline.route(source)
        assert route is not None
        return route.scheme.sign(Delivery(source, {}, body, ARRIVAL))

    def send(
        self, source: str, body: bytes, headers: Headers = (), proof: Headers | None = None
    ) -> Processed:
        """Process a body, genuine unless another proof is given, with further headers."""
        given = self.proof(source, body) if proof is None else proof
        return self.pipeline.process(Delivery(source, [*headers, *given], body, ARRIVAL))

    def event(self, source: str, body: bytes, headers: Headers = ()) -> PaymentEvent:
        """Return the one event of a body."""
        (event,) = self.send(source, body, headers).events
        return event


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.load(["anyspend"])


@pytest.fixture(scope="session")
def shop(registry: Registry) -> Shop:
    sources = [
        Source("shop", "anyspend", {"secrets": [SECRET]}),
        Source("orders", "anyspend-order", {"api_keys": [API_KEY]}),
    ]
    return Shop(Pipeline(sources, registry=registry))


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    return CASES
