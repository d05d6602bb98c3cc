"""Whatever happens to a broker under load, nothing acknowledged is lost and nothing reaches a consumer twice.

Senders that retry as providers do post to a receiver, while its broker is killed and started again,
connections are cut, and answers come late. In the end what was acknowledged is compared with what a consumer
was handed.

``CAMBIST_FAULTS`` says how often on each broker and in each mode, and ``CAMBIST_SEED`` repeats the choices of
a run, though not its timing::

    CAMBIST_FAULTS=20 pytest -s tests/adapters/queue/test_faults.py
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sized
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cambist import PaymentEvent, Receiver
from cambist.hookspecs import Sink
from cambist_queue import Consumer, EventOptions, Topic, make_topics, open_sink

from .conftest import Server
from .servers.proxy import Proxy
from .toy import PIPELINE, body, event, genuine

FAULTS = int(os.environ.get("CAMBIST_FAULTS", "2"))
SEED = int(os.environ.get("CAMBIST_SEED", random.randrange(10**6)))
SENDERS = 8
PAYMENTS = 12
BACKLOG = 1000  # an inbox takes more than some brokers do, and all of it has to arrive in the end
SETTLED_S = 90

# Drivers leave connections that were cut under them to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Load:
    """Senders that send a delivery until it is acknowledged, and then the next one of the payment."""

    def __init__(self, receiver: Receiver, handed: Sized) -> None:
        self._receiver = receiver
        self._handed = handed
        self.acknowledged: dict[str, list[str]] = defaultdict(list)
        self.answers: Counter[int] = Counter()
        self._number = 0

    async def send(self, chance: random.Random) -> None:
        while True:
            while self.answers[200] - len(self._handed) > BACKLOG:
                await asyncio.sleep(0.05)
            self._number += 1
            number, payment = self._number, f"p-{chance.randrange(PAYMENTS)}"
            one = genuine(body(number, payment))
            while True:
                status = (await self._receiver.receive(one)).status
                self.answers[status] += 1
                if status == 200:
                    break
                await asyncio.sleep(chance.uniform(0.05, 0.2))
            self.acknowledged[payment].append(event(number, payment).id)
            await asyncio.sleep(chance.uniform(0, 0.02))


@asynccontextmanager
async def sink_of(mode: str, url: str, options: dict[str, object], folder: Path) -> AsyncIterator[Sink]:
    """The sink of a receiver: the broker itself, or an inbox that relays to it."""
    async with AsyncExitStack() as stack:
        sink = await stack.enter_async_context(open_sink(url, options))
        if mode == "inbox":
            inboxes = pytest.importorskip("cambist_inbox")
            inbox = await stack.enter_async_context(
                inboxes.Inbox(PIPELINE, f"sqlite:///{folder / 'inbox.db'}", sinks=["broker"])
            )
            await stack.enter_async_context(inboxes.Relay(inbox, {"broker": sink}))
            sink = inbox
        yield sink


async def fault(chance: random.Random, server: Server, proxy: Proxy, kinds: list[str]) -> str:
    kind = chance.choice(kinds)
    if kind == "kill":
        server.kill()
        await asyncio.sleep(chance.uniform(0, 1))
        await asyncio.to_thread(server.start)
    elif kind == "cut":
        proxy.cut()
    elif kind == "stall":
        proxy.stall()
        await asyncio.sleep(chance.uniform(0.2, 3))
        proxy.flow()
    elif kind == "slow":
        proxy.delay_s = chance.uniform(0.01, 0.2)
        await asyncio.sleep(chance.uniform(0.2, 2))
        proxy.delay_s = 0
    return kind


@pytest.mark.parametrize("mode", ["direct", "inbox"])
async def test_at_random_moments(
    broker: str, mode: str, own_server: Server, topic: Topic, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    print(f"\n{broker}, {mode}: CAMBIST_SEED={SEED}")
    port = urlsplit(own_server.url).port
    assert port is not None
    options = {"topic": topic.name, "partitions": 4, "redeliver_after_s": 2, "timeout_s": 3}
    await make_topics(EventOptions, own_server.url, options)
    handed: list[PaymentEvent] = []

    async def on_event(each: PaymentEvent) -> None:
        await asyncio.sleep(0)
        handed.append(each)

    kinds = ["cut", "stall", "slow", *(["kill"] if getattr(own_server, "keeps", True) else [])]
    happened: Counter[str] = Counter()
    async with Proxy(port) as proxy:
        url = own_server.url.replace(f":{port}", f":{proxy.port}")
        if advertise := getattr(own_server, "advertise", None):
            await asyncio.to_thread(advertise, proxy.port)  # where Kafka sends its clients on to
        async with sink_of(mode, url, options, tmp_path) as sink, Consumer(url, on_event, options=options):
            load = Load(Receiver(PIPELINE, sink), handed)
            senders = [
                asyncio.create_task(load.send(random.Random(f"{SEED} {number}"))) for number in range(SENDERS)
            ]
            try:
                for number in range(FAULTS):
                    await asyncio.sleep(chance.uniform(0.1, 1))
                    # Each kind once, then as it comes.
                    happened[await fault(chance, own_server, proxy, kinds[number : number + 1] or kinds)] += 1
                before = load.answers[200]
                async with asyncio.timeout(SETTLED_S):
                    while load.answers[200] < before + 50:  # it has recovered by itself
                        await asyncio.sleep(0.05)
            finally:
                for sender in senders:
                    sender.cancel()
                await asyncio.wait(senders)
            acknowledged = {each for ids in load.acknowledged.values() for each in ids}
            async with asyncio.timeout(SETTLED_S):
                while acknowledged - {each.id for each in handed}:
                    await asyncio.sleep(0.05)
    counts = Counter(each.id for each in handed)
    print(f"  {dict(happened)}; answers {dict(load.answers)}; handed on {len(handed)}")
    assert not [each for each, count in counts.items() if count > 1]
    if mode == "direct":
        assert set(load.answers) <= {200, 503}  # a driver may bridge every fault in time
    else:
        assert set(load.answers) == {200}
        in_order(load.acknowledged, handed)


def in_order(acknowledged: dict[str, list[str]], handed: list[PaymentEvent]) -> None:
    """An inbox relays the events of a payment in the order in which it stored them."""
    for payment, ids in acknowledged.items():
        got = [each.id for each in handed if each.payment.id == payment]
        # Two senders' deliveries of one payment can be stored in one order and acknowledged in the other.
        assert set(ids) <= set(got)
        place = {each: number for number, each in enumerate(ids)}
        numbers = [place[each] for each in got if each in place]
        assert all(later > number - SENDERS for number, later in pairwise(numbers))
