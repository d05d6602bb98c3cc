"""What an operator's probes are answered, over a real socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from cambist_aiohttp import Health, Metrics, admin_app

PASSWORD = "the-p4ssword"


class Quiet:
    """A sink that cannot say whether it is ready."""


class Reachable:
    async def ready(self) -> None:
        await asyncio.sleep(0)


class Gone:
    async def ready(self) -> None:
        raise ConnectionRefusedError(f"nats://user:{PASSWORD}@10.0.0.1 refused")


class Hung:
    async def ready(self) -> None:
        await asyncio.Event().wait()


@asynccontextmanager
async def probed(health: Health, metrics: Metrics | None = None) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(admin_app(health, metrics))) as client:
        yield client


async def test_a_server_that_runs_is_alive_whatever_its_sinks_are() -> None:
    async with probed(Health({"nats": Gone()})) as client, client.get("/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "alive"})


READY = [
    ({}, {}),
    ({"stdout": Quiet()}, {}),
    ({"inbox": Reachable(), "stdout": Quiet()}, {}),
    ({"nats": Gone()}, {"nats": "not reachable"}),
    (
        {"nats": Gone(), "kafka": Reachable(), "redis": Hung()},
        {"nats": "not reachable", "redis": "not reachable"},
    ),
]


@pytest.mark.parametrize(("sinks", "troubles"), READY)
async def test_it_is_ready_when_its_sinks_can_be_reached(
    sinks: Mapping[str, object], troubles: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with probed(Health(sinks, timeout_s=0.05)) as client, client.get("/readyz") as answer:
        text = await answer.text()
        expected = {"status": "not ready", "troubles": troubles} if troubles else {"status": "ready"}
        assert (answer.status, await answer.json()) == (503 if troubles else 200, expected)
    assert PASSWORD not in text + caplog.text
    assert sum(record.levelno == logging.WARNING for record in caplog.records) == len(troubles)


async def test_who_is_about_to_end_is_not_ready() -> None:
    health = Health({"inbox": Reachable()})
    async with probed(health) as client:
        for is_stopping, status in ((False, 200), (True, 503)):
            health.is_stopping = is_stopping
            async with client.get("/readyz") as answer:
                assert answer.status == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_probes_only_look(path: str) -> None:
    async with probed(Health({}), Metrics()) as client:
        async with client.head(path) as answer:
            assert answer.status == 200
        async with client.post(path) as answer:
            assert answer.status == 405


async def test_without_numbers_there_is_no_page_of_them() -> None:
    async with probed(Health({})) as client, client.get("/metrics") as answer:
        assert answer.status == 404


async def test_numbers_are_shown_as_prometheus_reads_them() -> None:
    metrics = Metrics()
    metrics.refused("shop", 429)
    async with probed(Health({}), metrics) as client, client.get("/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert 'cambist_rejected_total{reason="rate",source="shop"} 1.0' in await answer.text()
