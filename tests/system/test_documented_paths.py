"""Senders that prescribe a path are answered there as their documents say, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist.testing import load_cases
from cambist_aiohttp import serving

PLUGINS = Path(__file__).parents[1] / "plugins"
CASES = {case.name: case for name in ("anyspend", "stellar") for case in load_cases(PLUGINS / name / "cases")}
ORDER_COMPLETED = "/v1/internal/anyspend/order-completed"
# As the document's curl, JavaScript, Python and Go samples send them.
SAMPLE = {"Authorization": "Bearer YOUR_API_TOKEN", "x-api-key": "string"}


@pytest.fixture
def handled() -> list[PaymentEvent]:
    return []


@pytest.fixture
async def client(handled: list[PaymentEvent]) -> AsyncIterator[ClientSession]:
    sources = [
        Source("orders", "anyspend-order", {"api_keys": ["string"]}, path=ORDER_COMPLETED),
        Source("anchor", "stellar-anchor", {"auth": "api_key", "secrets": ["k3y"]}, path="/event"),
    ]

    async def on_event(event: PaymentEvent) -> None:
        handled.append(event)

    async with (
        serving(Receiver(Pipeline(sources), on_event), port=0) as url,
        ClientSession(url, timeout=ClientTimeout(10)) as session,
    ):
        yield session


async def order_completed(client: ClientSession, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    sent = {"Content-Type": "application/json", **headers}
    async with client.post(ORDER_COMPLETED, data=body, headers=sent) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_an_order_is_answered_with_its_execution_and_its_run(
    client: ClientSession, handled: list[PaymentEvent]
) -> None:
    bodies = [CASES[name].delivery.body for name in ("order_executed", "order_executed_again")]
    (status, first), (_, again) = [await order_completed(client, body, SAMPLE) for body in bodies]
    assert status == 200
    assert first.keys() == {"executionId", "runId"}
    assert all(isinstance(value, str) for value in first.values())
    assert again == first
    assert {event.id for event in handled} == {first["executionId"]}


async def test_the_documents_own_request_names_no_order(
    client: ClientSession, handled: list[PaymentEvent]
) -> None:
    status, problem = await order_completed(client, b"{}", SAMPLE)
    assert status == 400
    assert "orderId" in str(problem)
    assert handled == []


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer string"}, {"x-api-key": "String"}], ids=str
)
async def test_without_the_key_an_order_is_refused(
    headers: dict[str, str], client: ClientSession, handled: list[PaymentEvent]
) -> None:
    status, _ = await order_completed(client, CASES["order_executed"].delivery.body, headers)
    assert status == 401
    assert handled == []


async def test_the_anchor_platform_gets_an_empty_object(
    client: ClientSession, handled: list[PaymentEvent]
) -> None:
    body = CASES["document_example"].delivery.body
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Api-Key": "k3y"}
    async with client.post("/event", data=body, headers=headers) as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, "application/json", b"{}")
    assert [event.provider_type for event in handled] == ["transaction_created"]
