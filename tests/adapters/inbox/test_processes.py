"""Several processes on one database: no event twice, and the state that a serial order gives."""

from __future__ import annotations

import random
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from inbox_toy import PIPELINE, about, receive_all, relay_all, rows

from cambist import Receiver, advance, from_json
from cambist_inbox import Inbox
from cambist_inbox._schema import deliveries, events, outbox, payments

STATES = ("created", "processing", "completed", "refunded", "failed")


def processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


async def test_the_same_deliveries_in_two_processes_at_once(url: str) -> None:
    """They make the tables at once, too: the database is empty."""
    given = [about(str(number), state) for number in range(12) for state in STATES]
    given += [about(str(number), state, minute=1) for number in range(12) for state in STATES[:2]]
    given += [about("none", state, payment=None, minute=2) for state in STATES]
    plain = [(each.source, dict(each.headers), each.body) for each in given]
    with processes(2) as pool:
        answers = list(pool.map(receive_all, [url] * 2, [plain] * 2, [1, 2]))
    async with Inbox(PIPELINE, url) as inbox:
        stored = await rows(inbox, events)
        ended = await rows(inbox, payments)
        waiting = await rows(inbox, outbox)
        counted = await rows(inbox, deliveries)
    assert [found.count(200) for found in answers] == [len(given)] * 2
    expected = {event.id for each in given for event in PIPELINE.process(each).events}
    assert {row["id"] for row in stored} == expected
    assert len(stored) == len(waiting) == len(expected)
    assert sum(row["times"] for row in stored) == 2 * len(given)
    assert sum(row["times"] for row in counted) == 2 * len(given)
    for payment in ended:
        state = None
        for row in stored:  # in the order of their numbers, which is a serial order of each payment's
            if row["payment_id"] == payment["id"]:
                state, verdict = advance(state, from_json(row["document"]))
                assert row["verdict"] == verdict.value
        assert state is not None
        assert payment["status"] == state.status.value
        assert payment["occurred_at"] == state.occurred_at


async def test_relays_of_three_processes_share_the_work_in_order(url: str, tmp_path: Path) -> None:
    steps = ("created", "processing", "completed", "refunded")
    async with Inbox(PIPELINE, url, sinks=["handler"]) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        for step in steps:
            names = [str(number) for number in range(15)]
            random.Random(step).shuffle(names)
            for name in names:
                assert (await receiver.receive(about(name, step))).status == 200
    path = tmp_path / "seen" / "events"
    path.parent.mkdir()
    with processes(3) as pool:
        shares = list(pool.map(relay_all, [url] * 3, [60] * 3, [str(path)] * 3, [3] * 3))
    order = defaultdict(list)
    for line in path.read_text().splitlines():
        name, status, _ = line.split()
        order[name].append(status)
    assert dict(order) == {str(number): list(steps) for number in range(15)}
    assert sum(shares) == 60
    assert sum(1 for share in shares if share) > 1
    async with Inbox(PIPELINE, url) as inbox:
        assert await rows(inbox, outbox) == []
