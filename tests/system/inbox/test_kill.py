"""Whatever moment a receiver is killed at, nothing that it acknowledged is lost, and nothing is doubled.

A sender that retries as providers do drives a receiver with an inbox and a relay, which is killed again and
again. In the end everything that was sent is compared with what is stored and with what the handler wrote.

``CAMBIST_KILLS`` says how often on each database, and ``CAMBIST_SEED`` repeats the choices of a run, though
not its timing::

    CAMBIST_KILLS=50 pytest -s tests/system/inbox/test_kill.py -k random_moments
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout
from attrs import define

from cambist import Delivery, PaymentEvent, PaymentState, Pipeline, Source, advance, from_json

pytestmark = pytest.mark.asyncio(loop_scope="module")

KILLS = int(os.environ.get("CAMBIST_KILLS", "6"))
SEED = int(os.environ.get("CAMBIST_SEED", random.randrange(10**6)))
SENDERS = 16
SETTLED_S = 60
AT = datetime(2026, 1, 15, 12, tzinfo=UTC)

SOURCES: list[tuple[str, str, dict[str, Any]]] = [
    ("shop", "coinspaid", {"secrets": ["s3cret"]}),
    ("anchor", "stellar-anchor", {"auth": "api_key", "secrets": ["s3cret"]}),
]
PIPELINE = Pipeline(Source(*each) for each in SOURCES)

# The callbacks of one payment, in the order in which they happen: of one vendor without times, of one with.
DEPOSITS = (
    ("not_confirmed", "confirmed"),
    ("not_confirmed", "processing", "confirmed"),
    ("not_confirmed", "cancelled"),
    ("not_confirmed", "not_enough_fee", "processing", "error", "confirmed"),
)
TRANSACTIONS = (
    ("incomplete", "pending_user_transfer_start", "pending_anchor", "completed"),
    ("incomplete", "expired", "pending_anchor", "completed"),
    ("pending_user_transfer_start", "pending_anchor", "on_hold", "pending_anchor", "refunded"),
    ("incomplete", "error"),
)


@define(eq=False)
class Letter:
    """A callback, and what became of it at the sender's end."""

    delivery: Delivery
    event: PaymentEvent
    attempts: int = 0
    accepted: int = 0


def deposit(number: str, index: int, word: str) -> dict[str, Any]:
    return {"id": number, "type": "deposit", "status": word, "end_user_reference": f"step {index}"}


def transaction(number: str, index: int, word: str) -> dict[str, Any]:
    at = (AT + timedelta(seconds=index)).isoformat()
    inner = {"id": number, "sep": "24", "kind": "deposit", "status": word, "updated_at": at}
    document = {"id": f"{number}-{index}", "type": "transaction_status_changed", "timestamp": at}
    return {**document, "payload": {"transaction": inner}}


STORIES = (("shop", deposit, DEPOSITS), ("anchor", transaction, TRANSACTIONS))


def letters(chance: random.Random) -> list[Letter]:
    """Return the callbacks of a new payment, signed."""
    source, document, stories = chance.choice(STORIES)
    route = PIPELINE.route(source)
    assert route is not None
    number = str(chance.getrandbits(60))
    made = []
    for index, word in enumerate(chance.choice(stories)):
        body = json.dumps(document(number, index, word)).encode()
        headers = route.provider.signature(route.settings, Delivery(source, {}, body, AT))
        delivery = Delivery(source, headers, body, AT)
        made.append(Letter(delivery, PIPELINE.process(delivery).events[0]))
    return made


class Sender:
    """Sends callbacks as a provider does: each again and again until it hears a 2xx, some more than once."""

    def __init__(self, session: ClientSession, chance: random.Random) -> None:
        self.address: str | None = None
        self.sent: list[Letter] = []
        self.answers: Counter[int] = Counter()
        self.ending = False
        self._session, self._chance = session, chance

    async def work(self) -> None:
        """Send one payment after the other, until it is told to end; then finish the one it is at."""
        chance = self._chance
        while not self.ending:
            callbacks = letters(chance)
            self.sent += callbacks
            callbacks += [each for each in callbacks if chance.random() < 0.1]
            if chance.random() < 0.5:
                chance.shuffle(callbacks)
            if chance.random() < 0.5:
                await asyncio.gather(*map(self.deliver, callbacks))
            else:
                for each in callbacks:
                    await self.deliver(each)
            if chance.random() < 0.1:
                await self.deliver(chance.choice(self.sent))
            await asyncio.sleep(chance.uniform(0, 0.01))

    async def deliver(self, letter: Letter) -> None:
        wait = 0.01
        while not await self._attempt(letter):
            await asyncio.sleep(self._chance.uniform(0.5, 1) * wait)
            wait = min(2 * wait, 0.15)

    async def _attempt(self, letter: Letter) -> bool:
        if self.address is None:
            return False
        letter.attempts += 1
        delivery = letter.delivery
        headers = {**dict(delivery.headers.items()), "Content-Type": "application/json"}
        url = f"{self.address}/webhooks/{delivery.source}"
        try:
            async with self._session.post(url, data=delivery.body, headers=headers) as response:
                status = response.status
        except (ClientError, TimeoutError, OSError):
            status = 0
        self.answers[status] += 1
        if status != 200:
            return False
        letter.accepted += 1
        return True


@asynccontextmanager
async def load(seed: int) -> AsyncIterator[Sender]:
    """Send from many at once; in the end stop, and wait until each has delivered what it has begun."""
    async with ClientSession(timeout=ClientTimeout(5)) as session:
        sender = Sender(session, random.Random(seed))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(SENDERS):
                tasks.create_task(sender.work())
            yield sender
            sender.ending = True


async def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """Read the database, not by way of the product."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            return database.execute(query).fetchall()
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def settled(url: str) -> None:
    """Wait until the relay has handed everything on."""
    async with asyncio.timeout(SETTLED_S):
        while await rows(url, "SELECT 1 FROM outbox LIMIT 1"):  # of another process
            await asyncio.sleep(0.05)


async def faults(url: str, sent: Iterable[Letter], journal: str) -> Counter[str]:
    """Compare what was sent with what is stored and what was handed on; count what is wrong, by its kind."""
    found: Counter[str] = Counter()
    expected = {each.event.id: each for each in sent}
    by_digest = {hashlib.sha256(each.delivery.body).hexdigest(): each for each in expected.values()}
    found["unanswered"] = sum(not each.accepted for each in expected.values())

    deliveries = await rows(url, "SELECT id, digest, body, times FROM deliveries")
    found["delivery doubled"] = len(deliveries) - len({digest for _, digest, *_ in deliveries})
    found["delivery lost"] = len(set(by_digest) - {digest for _, digest, *_ in deliveries})
    homes = {}
    for number, digest, body, times in deliveries:
        letter = homes[number] = by_digest[digest]
        found["body changed"] += bytes(body) != letter.delivery.body
        found["delivery miscounted"] += not letter.accepted <= times <= letter.attempts

    stored = await rows(
        url,
        "SELECT seq, id, delivery_id, payment_id, verdict, times, document FROM events ORDER BY seq",
    )
    found["event doubled"] = len(stored) - len({id_ for _, id_, *_ in stored})
    found["event lost"] = len(set(expected) - {id_ for _, id_, *_ in stored})
    states: dict[int, PaymentState] = {}
    seqs: dict[str, int] = {}
    for seq, id_, delivery_id, payment_id, verdict, times, document in stored:
        if id_ not in expected:
            found["event of nowhere"] += 1
            continue
        letter, seqs[id_] = expected[id_], seq
        found["event of another delivery"] += homes[delivery_id] is not letter
        found["event miscounted"] += not letter.accepted <= times <= letter.attempts
        event = from_json(bytes(document))
        found["event changed"] += (event.id, event.status) != (id_, letter.event.status)
        states[payment_id], right = advance(states.get(payment_id), letter.event)
        found["wrong verdict"] += verdict != right
    payments = await rows(
        url, "SELECT id, source, kind, reference, status, timed, untimed, occurred_at FROM payments"
    )
    found["payment doubled"] = len(payments) - len({tuple(row[1:4]) for row in payments})
    for number, *_, status, timed, untimed, at in payments:
        state = states.get(number)
        if state is None or (status, timed, untimed) != (state.status, state.timed, state.untimed):
            found["wrong state"] += 1
        elif (state.occurred_at is None) != (at is None) or (
            state.occurred_at and moment(at) != state.occurred_at
        ):
            found["wrong time of a state"] += 1
    return +(found + handed_on(journal, seqs, expected))


def handed_on(text: str, seqs: dict[str, int], expected: dict[str, Letter]) -> Counter[str]:
    """Compare what the handler wrote with what is stored; ``seqs`` are the stored events' numbers."""
    found: Counter[str] = Counter()
    first: dict[str, list[int]] = defaultdict(list)
    seen = set()
    for line in text.splitlines():
        id_, payment, status = line.split()
        if id_ not in seqs:
            found["handed on and not stored"] += 1
        elif id_ not in seen:
            event = expected[id_].event
            found["another event handed on"] += (payment, status) != (event.payment.id, event.status)
            first[payment].append(seqs[id_])
        seen.add(id_)
    found["not handed on"] = len(set(seqs) - seen)
    found["out of order"] = sum(order != sorted(order) for order in first.values())
    return found


def moment(value: str | datetime) -> datetime:
    """Return a time of either database."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value


def receiver(url: str, journal: Path, **changes: Any) -> dict[str, Any]:
    """Return the arguments of a receiver's process."""
    arguments = {"url": url, "path": str(journal), "sources": SOURCES}
    return {**arguments, "receive": True, "relay": True, "mutant": None, **changes}


def figures(url: str, seed: int, sender: Sender) -> str:
    retried = sum(each.attempts > 1 for each in sender.sent)
    return (
        f"{url.partition(':')[0]}, seed {seed}: {len(sender.sent)} events sent, {retried} of them more than"
        f" once; answers {dict(sorted(sender.answers.items()))} (0: none)"
    )


async def test_killed_at_random_moments(url: str, processes: Any, tmp_path: Path) -> None:
    chance, late = random.Random(SEED), 0
    journal = tmp_path / "journal"
    arguments = receiver(url, journal)
    async with load(SEED) as sender:
        for number in range(KILLS):
            process = await processes.start(**arguments)
            if number % 6 == 5:  # while it starts
                await asyncio.sleep(chance.uniform(0, 0.2))
            else:
                sender.address = await process.address()
                await asyncio.sleep(chance.uniform(0.02, 0.6))
                late += 1
            await process.kill()
        process = await processes.start(**arguments)
        sender.address = await process.address()
    await settled(url)
    await process.close()
    print(f"\n{KILLS} kills, {late} under load; {figures(url, SEED, sender)}")
    assert set(sender.answers) <= {0, 200, 503}
    assert len(sender.sent) > 4 * late
    assert sum(each.attempts > 1 for each in sender.sent) > late  # they were killed under load
    assert await faults(url, sender.sent, journal.read_text()) == Counter()
    assert await rows(url, "SELECT count(*) FROM dead_letters") == [(0,)]


async def test_killed_while_the_tables_are_made(url: str, processes: Any, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    journal = tmp_path / "journal"
    arguments = receiver(url, journal)
    for _ in range(KILLS):
        process = await processes.start(**arguments)
        await asyncio.sleep(chance.uniform(0, 0.15))
        await process.kill()
    process = await processes.start(**arguments)
    async with load(SEED) as sender:
        sender.address = await process.address()
        await asyncio.sleep(0.3)
    await settled(url)
    await process.close()
    assert set(sender.answers) <= {0, 200}
    assert len(sender.sent) > 20
    assert await faults(url, sender.sent, journal.read_text()) == Counter()


async def test_only_the_relay_is_killed(url: str, processes: Any, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    journal = tmp_path / "journal"
    receives = await processes.start(**receiver(url, journal, relay=False))
    relays = receiver(url, journal, receive=False)
    async with load(SEED) as sender:
        sender.address = await receives.address()
        for _ in range(max(1, KILLS // 2)):
            relay = await processes.start(**relays)
            await relay.address()
            await asyncio.sleep(chance.uniform(0.02, 0.4))
            await relay.kill()
        relay = await processes.start(**relays)
    await settled(url)
    await relay.close()
    await receives.close()
    assert set(sender.answers) == {200}  # two processes share the database, and nobody is turned away
    assert await faults(url, sender.sent, journal.read_text()) == Counter()


# A faulty receiver, what this test says of it, and after how many kills.
MUTANTS = {
    "answers before the commit": ("delivery lost", 3),
    "knows no event again": ("delivery doubled", 0),
    "counts no redelivery": ("delivery miscounted", 0),
    "lets the last event win": ("wrong state", 0),
    "lets go before the handler ran": ("not handed on", 3),
    "keeps no order": ("out of order", 0),
}


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_faulty_receiver_is_found_out(
    mutant: str, new_database: Callable[[str], Awaitable[str]], processes: Any, tmp_path: Path
) -> None:
    fault, kills = MUTANTS[mutant]
    url, journal = await new_database("sqlite"), tmp_path / "journal"
    arguments = receiver(url, journal, mutant=mutant)
    async with load(SEED) as sender:
        process = await processes.start(**arguments)
        for _ in range(kills):
            sender.address = await process.address()
            await asyncio.sleep(0.3)
            await process.kill()
            process = await processes.start(**arguments)
        sender.address = await process.address()
        await asyncio.sleep(0.5)
    await settled(url)
    await process.close()
    assert fault in await faults(url, sender.sent, journal.read_text())
