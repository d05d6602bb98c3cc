"""What the simulator sends: how samples are varied, how many of what there are, and what waits in memory."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cambist import (
    Context,
    Delivery,
    EventDraft,
    Kind,
    Payment,
    Pipeline,
    Provider,
    Registry,
    Sample,
    Source,
    Status,
    hookimpl,
)
from cambist.verification import Unverified
from cambist_cli._send_client import MAX_WAITING, Client, Outcome
from cambist_cli._send_plan import WINDOW, Shot, shots, shuffled, total
from cambist_cli._send_plan import Kind as Why
from cambist_cli._send_summary import Summary
from cambist_cli._send_variants import variations
from cambist_cli._unproven import unproven

SETTINGS: dict[str, dict[str, Any]] = {
    "alchemypay-card": {"auth": "none"},
    "stellar-anchor": {"auth": "none"},
    "stellar-wallet": {
        "signing_key": "GA7J7RTSZ6P2RPJZCEOQ54N5CK3UOEL2CXJLRTZNGKUCN26B24NYW5NO",
        "callback_host": "wallet.example",
    },
}
SAMPLES = [
    pytest.param(name, sample, id=f"{name}-{sample.name}")
    for name, registered in Registry.load().providers.items()
    for sample in registered.provider.samples
]


def pipeline_of(provider: str) -> Pipeline:
    return unproven(Registry.load(), Source("shop", provider, SETTINGS.get(provider, {})))


@pytest.mark.parametrize(("provider", "sample"), SAMPLES)
def test_every_sample_of_every_provider_can_be_another_event(provider: str, sample: Sample) -> None:
    pipeline = pipeline_of(provider)
    vary = variations(pipeline, "shop", sample)
    assert vary is not None
    assert vary(0) is sample
    (original,) = pipeline.parse(Delivery("shop", sample.headers, sample.body)).events
    seen = {original.id}
    for number in [*range(1, 200), *range(2**30, 2**30 + 200)]:
        varied = vary(number)
        (event,) = pipeline.parse(Delivery("shop", varied.headers, varied.body)).events
        assert (event.kind, event.status, event.anomalies) == (
            original.kind,
            original.status,
            original.anomalies,
        )
        assert event.amounts == original.amounts
        seen.add(event.id)
    assert len(seen) == 400


def test_all_samples_of_a_provider_give_events_of_their_own() -> None:
    for name in Registry.load().providers:
        pipeline = pipeline_of(name)
        samples = pipeline.routes[0].provider.samples
        varied = [vary for sample in samples if (vary := variations(pipeline, "shop", sample))]
        planned = shots(varied, 40 * len(samples), duplicate=0, tamper=0, rng=Random(1))
        found = [
            event.id
            for shot in planned
            for event in pipeline.parse(Delivery("shop", shot.sample.headers, shot.sample.body)).events
        ]
        assert len(set(found)) == len(found)


def keeper(parse: Any) -> Pipeline:
    """Return a pipeline of a provider that is this one function."""

    class Plugin:
        @hookimpl
        def cambist_register_providers(self) -> list[Provider]:
            coinspaid = Registry.load().providers["coinspaid"].provider
            return [evolve(coinspaid, name="keeper", verification=lambda _: Unverified(), parse=parse)]

    registry = Registry()
    registry.register(Plugin())
    return Pipeline([Source("shop", "keeper", {"secrets": ["x"]})], registry=registry)


def draft(*identity: str) -> EventDraft:
    return EventDraft(kind=Kind.PAYMENT, status=Status.COMPLETED, identity=identity)


def test_a_value_is_replaced_wherever_it_stands_and_nothing_else() -> None:
    pipeline = keeper(lambda payload, _: [draft(payload["order"])])
    body = (
        b'{"order" : "order-77","n":7, "parent":["order-77"], "order-77": "xorder-77", "f":1.5e2,"s":"\\"b"}'
    )
    vary = variations(pipeline, "shop", Sample("x", body))
    assert vary is not None
    varied = vary(3).body
    number = str(77 + 3 * 1_000_003).encode()
    assert varied == body.replace(b'"order-77",', b'"order-%s",' % number).replace(
        b'["order-77"]', b'["order-%s"]' % number
    )


def test_a_payment_becomes_another_one_rather_than_another_event_of_it() -> None:
    def parse(payload: Any, _: Context) -> list[EventDraft]:
        return [EventDraft(**{**draft(payload["id"], payload["seen"]), "payment": Payment(payload["id"])})]

    vary = variations(keeper(parse), "shop", Sample("x", b'{"seen":"block-000001","id":"order-000077"}'))
    assert vary is not None
    assert vary(1).body.startswith(b'{"seen":"block-000001","id":"order-')
    assert vary(1).body != vary(0).body


def odd(payload: Any, context: Context) -> list[EventDraft]:
    context.anomaly("id", "is odd")
    return [draft(payload["id"])]


@pytest.mark.parametrize(
    "parse",
    [
        lambda payload, context: [draft("always the same")],
        lambda payload, context: [EventDraft(**{**draft(payload["id"]), "provider_status": payload["id"]})],
        lambda payload, context: [draft(payload["id"])] * (1 if payload["id"] == "abcdef-1" else 2),
        lambda payload, context: (
            [draft(payload["id"])] if payload["id"] == "abcdef-1" else odd(payload, context)
        ),
    ],
    ids=["one identity", "another status", "another number of events", "an anomaly"],
)
def test_what_would_say_something_else_is_not_varied(parse: Any) -> None:
    sample = Sample("x", b'{"id":"abcdef-1"}')
    assert variations(keeper(parse), "shop", sample) is None


@pytest.mark.parametrize("body", [b"", b"x=1&y=2", b"\xff", b"[" * 100_000, b"{'a':1}"])
def test_what_is_no_json_is_not_varied(body: bytes) -> None:
    assert variations(keeper(lambda payload, _: [draft("x")]), "shop", Sample("x", body)) is None


def plain(name: str) -> Any:
    return lambda number: Sample(f"{name}{number}", b"")


@given(
    st.integers(1, 300),
    st.sampled_from([0.0, 0.01, 0.1, 1 / 3, 0.5, 0.99, 1.0]),
    st.sampled_from([0.0, 0.1, 0.7, 1.0]),
    st.integers(0, 9),
)
def test_shares_are_met_exactly(count: int, duplicate: float, tamper: float, seed: int) -> None:
    planned = list(
        shots([plain("a"), plain("b")], count, duplicate=duplicate, tamper=tamper, rng=Random(seed))
    )
    kinds = Counter(shot.kind for shot in planned)
    assert kinds == Counter(
        {Why.GENUINE: count, Why.DUPLICATE: int(count * duplicate), Why.FORGED: int(count * tamper)}
    )
    assert len(planned) == total(count, duplicate=duplicate, tamper=tamper)
    genuine = [shot.sample.name for shot in planned if shot.kind is Why.GENUINE]
    assert genuine[:2] == ["a0", "b0"][:count]
    assert len(set(genuine)) == count
    assert {shot.sample.name for shot in planned} == set(genuine)


@given(st.integers(0, 3 * WINDOW), st.integers(0, 9))
def test_a_new_order_loses_nothing_and_holds_little(count: int, seed: int) -> None:
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        for number in range(count):
            taken += 1
            yield number

    found = []
    for number in shuffled(numbers(), Random(seed)):
        found.append(number)
        assert taken - len(found) < WINDOW
    assert sorted(found) == list(range(count))


@pytest.mark.parametrize(("waits", "most"), [((), 3), ((1.0,), MAX_WAITING)])
async def test_deliveries_are_made_when_it_is_their_turn(waits: tuple[float, ...], most: int) -> None:
    """However many there are to send, few are held: those under way, and those that wait to be retried."""
    made = told = highest = under_way = busiest = 0

    class Still(Client):
        async def _post(self, shot: Shot) -> int | str:
            nonlocal under_way, busiest
            under_way += 1
            busiest = max(busiest, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            return 200

    def endless() -> Iterator[Shot]:
        nonlocal made, highest
        for _ in range(5000):
            made += 1
            highest = max(highest, made - told)
            yield Shot(Why.GENUINE, Sample("x", b""))

    def tell(outcome: Outcome) -> None:
        nonlocal told
        told += 1

    account: Any = None
    async with Still(account, "http://127.0.0.1:9", concurrency=3, timeout=1, waits=waits) as client:
        await client.send_all(endless(), None, tell)
    assert told == made == 5000
    assert busiest == 3
    assert highest <= most + 1


def test_a_summary_keeps_little() -> None:
    summary = Summary()
    for number in range(10_000):
        seconds = 0.001 * (1 + number % 1000)
        summary.add(Outcome(Why.GENUINE, 200, 1, seconds))
    assert len(summary.times) < 1000
    half, most = summary.percentile(0.5), summary.percentile(0.99)
    assert half == pytest.approx(0.5, rel=0.02)
    assert most == pytest.approx(0.99, rel=0.02)
    assert json.dumps(summary.document(1.0, 7))
