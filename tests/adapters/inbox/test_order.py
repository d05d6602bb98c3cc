"""Whatever the order in which a payment's callbacks arrive, it ends in the same state."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inbox_toy import PIPELINE, START, about, rows, until

from cambist import Delivery, Pipeline, Receiver, Source, advance, from_json
from cambist_inbox import Inbox, Relay
from cambist_inbox._schema import deliveries, events, payments

CASES = Path(__file__).parents[2] / "plugins"
Change = Callable[[dict[str, Any], str], None]


def callback(provider: str, case: str, **changes: Any) -> dict[str, Any]:
    """Return a callback out of the provider's document, as its test has it, with some members changed."""
    text = (CASES / provider / "cases" / f"{case}.http").read_bytes().partition(b"\n\n")[2]
    found: dict[str, Any] = json.loads(text)
    inner = found["payload"]["transaction"] if "payload" in found else found
    inner.update(changes)
    return found


def transaction(number: int, confirmations: int, amount: str) -> dict[str, Any]:
    (found,) = callback("coinspaid", "deposit_not_confirmed")["transactions"]
    return {**found, "id": number, "confirmations": str(confirmations), "amount": amount}


def coinspaid_deposit() -> list[dict[str, Any]]:
    steps = [
        ("not_confirmed", 0),
        ("not_confirmed", 1),
        ("processing", 1),
        ("confirmed", 2),
        ("confirmed", 3),
    ]
    return [
        callback(
            "coinspaid",
            "deposit_not_confirmed",
            status=status,
            transactions=[transaction(1, confirmations, "0.01")],
        )
        for status, confirmations in steps
    ]


def coinspaid_invoice() -> list[dict[str, Any]]:
    parts = [transaction(1, 2, "0.004"), transaction(2, 2, "0.006")]
    case = "invoice_confirmed_with_remainder"
    return [
        callback("coinspaid", "invoice_pending_unpaid"),
        callback("coinspaid", "invoice_pending_part_paid", transactions=parts[:1]),
        callback("coinspaid", case, status="processing", transactions=parts[:1]),
        callback("coinspaid", case, status="processing", transactions=parts),
        callback("coinspaid", case, transactions=parts),
    ]


def stellar_withdrawal() -> list[dict[str, Any]]:
    steps = [
        ("incomplete", 30),
        ("pending_user_transfer_start", 32),
        ("pending_anchor", 33),
        ("pending_external", 36),
        ("completed", 40),
    ]
    found = [
        callback(
            "stellar",
            "sep24_deposit_completed",
            kind="withdrawal",
            status=status,
            updated_at=f"2026-01-15T11:{minute}:00Z",
        )
        for status, minute in steps
    ]
    return [*found, callback("stellar", "sep24_withdrawal_refunded", updated_at="2026-01-15T11:59:00Z")]


def named(body: dict[str, Any], name: str, number: int) -> bytes:
    """Return the callback as the one of another payment."""
    if "payload" not in body:
        return json.dumps({**body, "id": name}).encode()
    inner = {**body["payload"]["transaction"], "id": name}
    # A notification of Stellar's has an identifier of its own, beside the payment's.
    return json.dumps({**body, "id": f"{name}-{number}", "payload": {"transaction": inner}}).encode()


FLOWS = {
    "a deposit at CoinsPaid": ("shop", coinspaid_deposit, "completed"),
    "an invoice in instalments at CoinsPaid": ("shop", coinspaid_invoice, "completed"),
    "a withdrawal by SEP-24 with a refund": ("anchor", stellar_withdrawal, "refunded"),
}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    pytest.importorskip("cambist_coinspaid", reason="the plugins are not installed")
    pytest.importorskip("cambist_stellar", reason="the plugins are not installed")
    return Pipeline(
        [
            Source("shop", "coinspaid", {"secrets": ["s3cret"]}),
            Source("anchor", "stellar-anchor", {"auth": "api_key", "secrets": ["s3cret"]}),
        ]
    )


def genuine(pipeline: Pipeline, source: str, body: bytes) -> Delivery:
    route = pipeline.route(source)
    assert route is not None
    bare = Delivery(source, {}, body, START)
    return Delivery(source, dict(route.provider.signature(route.settings, bare)), body, START)


@pytest.mark.parametrize("flow", FLOWS)
async def test_every_permutation_with_duplicates(url: str, pipeline: Pipeline, flow: str) -> None:
    source, make, expected = FLOWS[flow]
    bodies, chance = make(), random.Random(flow)
    orders = list(permutations(range(len(bodies))))
    async with Inbox(pipeline, url) as inbox:
        receiver = Receiver(pipeline, inbox)

        async def run(name: str, order: Iterable[int]) -> None:
            sent: list[Delivery] = []
            for each in order:
                sent.append(genuine(pipeline, source, named(bodies[each], name, each)))
                again = [chance.choice(sent)] if chance.random() < 0.5 else []
                for each_time in (sent[-1], *again):
                    assert (await receiver.receive(each_time)).status == 200

        for start in range(0, len(orders), 120):
            part = enumerate(orders[start : start + 120], start)
            await asyncio.gather(*(run(str(number), order) for number, order in part))
        ended = await rows(inbox, payments)
        stored = await rows(inbox, events)
    assert len(ended) == len(orders)
    assert len(stored) == len(orders) * len(bodies)  # each once, whatever came twice
    states = {(row["status"], row["timed"], row["occurred_at"], row["untimed"]) for row in ended}
    assert len(states) == 1
    assert ended[0]["status"] == expected


def check(stored: Sequence[dict[str, Any]], ended: Sequence[dict[str, Any]]) -> None:
    """Each payment's state and verdicts are what the reducer gives for its events, as they are stored."""
    for payment in ended:
        state = None
        for row in stored:
            if row["payment_id"] == payment["id"]:
                state, verdict = advance(state, from_json(row["document"]))
                assert row["verdict"] == verdict.value
        assert state is not None
        assert (payment["status"], payment["timed"]) == (state.status.value, state.timed.value)
        assert (payment["occurred_at"], payment["untimed"]) == (state.occurred_at, state.untimed.value)


STATES = ("created", "awaiting_payment", "processing", "completed", "failed", "refunded", "unknown")
sent = st.builds(
    about,
    st.sampled_from(["p", "q", "r"]),
    st.sampled_from(STATES),
    sent=st.integers(0, 2),
    minute=st.sampled_from([1, 2, 3]),
)
untimed = st.builds(about, st.sampled_from(["p", "q", "r"]), st.sampled_from(STATES))


@settings(max_examples=15)
@given(steps=st.lists(st.lists(st.one_of(sent, untimed), min_size=1, max_size=8), max_size=8), data=st.data())
def test_whatever_is_delivered_and_relayed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[Delivery]], data: st.DataObject
) -> None:
    """Batches of any deliveries with repetitions; now and then it is opened anew, and a handler fails."""
    path = tmp_path_factory.mktemp("inbox") / "inbox.db"
    outcomes = data.draw(st.lists(st.booleans(), max_size=20))
    reopen = data.draw(st.sets(st.integers(0, 8)))
    given_ids = {e.id for step in steps for each in step for e in PIPELINE.process(each).events}
    seen: list[str] = []

    async def handler(event: Any) -> None:
        if outcomes and outcomes.pop():
            raise RuntimeError
        seen.append(event.id)

    async def run() -> None:
        at = 0
        while at <= len(steps):
            async with (
                Inbox(PIPELINE, f"sqlite:///{path}", sinks=["a"]) as inbox,
                Relay(inbox, {"a": handler}, poll_s=0.01, first_wait_s=0.001),
            ):
                receiver = Receiver(PIPELINE, inbox)
                for step in steps[at:]:
                    answers = await asyncio.gather(*map(receiver.receive, step))
                    assert {answer.status for answer in answers} == {200}
                    at += 1
                    if at in reopen:
                        break
                else:
                    at += 1
                    await until(lambda: set(seen) == given_ids)
                stored, ended = await rows(inbox, events), await rows(inbox, payments)
                counted = await rows(inbox, deliveries)
        assert {row["id"] for row in stored} == given_ids
        assert len(stored) == len(given_ids)
        assert sum(row["times"] for row in stored) == sum(map(len, steps))
        assert sum(row["times"] for row in counted) == sum(map(len, steps))
        check(stored, ended)
        by_payment = {row["id"]: row["payment_id"] for row in stored}
        for payment in ended:
            order = [row["id"] for row in stored if row["payment_id"] == payment["id"]]
            assert list(dict.fromkeys(id_ for id_ in seen if by_payment[id_] == payment["id"])) == order

    asyncio.run(run())
