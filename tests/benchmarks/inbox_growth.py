"""What storing costs in a large inbox beside a small one: new events, and redeliveries of old ones.

Two databases lie side by side, one filled with 5,000 events and one with many more: the product's own rows
and tables, in large transactions. Then batches of deliveries go to the one and to the other in turn, through
`Inbox.publish`. The bodies are short, so that millions fit on a disk. What grows with the number of events is
the depth of the trees and how far apart their pages lie: the events' identifiers and the payments' keys are
spread at random, as always.

Run: ``python tests/benchmarks/inbox_growth.py``. ``CAMBIST_EVENTS=5000000`` is the full size (8 GB),
``CAMBIST_FOLDER`` the folder of the databases; ``CAMBIST_POSTGRES=postgresql://…/postgres`` measures there.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import random
import sqlite3
import statistics
import tempfile
import time
import uuid
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import ColumnElement, Integer, Table, Text, cast, func, literal, literal_column, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cambist import Delivery, Pipeline, Processed, Source, Verification
from cambist_inbox import Inbox, _items
from cambist_inbox._plan import Plan, plan
from cambist_inbox._schema import deliveries, events, payments

SMALL, LARGE = 5_000, int(os.environ.get("CAMBIST_EVENTS", "100000"))
ROUNDS, BATCH = int(os.environ.get("CAMBIST_ROUNDS", "30")), 256
WARM_UP = 4
FILL = 10_000  # payments in a transaction of the fill
KNOWN = 5_000  # payments of the fill whose callbacks can be sent again
BUDGET = 1.3

STORY, LATE = ("not_confirmed", "not_enough_fee", "processing"), "confirmed"
PIPELINE = Pipeline([Source("shop", "coinspaid", {"secrets": ["s3cret"]})])
AT = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]
NUMBER: ColumnElement[int] = literal_column("series.n", Integer)  # of a payment, in the fill
# What is another in each row, of PostgreSQL and of SQLite: 32 hexadecimal digits, 16 bytes.
_MD5 = func.md5(cast(func.random(), Text))
AT_RANDOM: dict[bool, dict[str, ColumnElement[Any]]] = {
    False: {"hex": _MD5, "key": func.decode(_MD5, "hex")},
    True: {"hex": func.lower(func.hex(func.randomblob(16))), "key": func.randomblob(16)},
}


def processed(payment: int, word: str) -> Processed:
    """Return what the pipeline makes of a callback, which is no part of what is measured."""
    document = {"id": payment, "type": "deposit", "status": word}
    body = json.dumps(document, separators=(",", ":")).encode()
    return PIPELINE.parse(Delivery("shop", {}, body, AT), Verification("hmac-sha512", "1"))


def planned(inbox: Inbox, payment: int) -> Plan:
    """Return what the product would write for a payment's three callbacks."""
    provider = PIPELINE.routes[0].provider
    callbacks = [processed(payment, word) for word in STORY]
    batch = [_items.acceptance(each, provider, inbox.vault, AT) for each in callbacks]
    return plan(batch, {}, {}, {}, AT)


class Cost(NamedTuple):
    """What one delivery takes, in microseconds: of the clock, and of the processors."""

    wall: float
    cpu: float


class Filled:
    """An inbox with so many events already in it.

    Only every so many payments of the fill are made of callbacks. All others have the rows of the first, with
    numbers of their own, and identifiers and keys at random: hashes, they look like that.
    """

    def __init__(self, inbox: Inbox, size: int) -> None:
        self.inbox, self.size = inbox, size
        self.payments = size // len(STORY)
        self.step = max(1, self.payments // KNOWN)
        self.known = list(range(0, self.payments, self.step))
        random.Random(2).shuffle(self.known)
        self.late, self.next = iter(self.known), self.payments

    async def fill(self) -> None:
        """Store the events, and let no work of it be left over."""
        for start in range(0, self.payments, FILL):
            async with self.inbox.database.write() as connection:
                await self._fill(connection, start, min(start + FILL, self.payments))
        await settle(self.inbox)

    async def _fill(self, connection: AsyncConnection, start: int, end: int) -> None:
        moved = {"stored_at": AT + timedelta(seconds=start)}
        if self.step > 1:
            await self._fill_at_random(connection, start, end, moved)
        found: dict[Table, list[Row]] = {payments: [], deliveries: [], events: []}
        for number in range(start, end):
            if number % self.step:
                continue
            each = planned(self.inbox, number)
            found[payments] += [{**row, "id": number + 1} for row in each.new_payments.values()]
            for seq, row, (event, _, _) in zip(seqs(number), each.deliveries, each.events, strict=True):
                found[deliveries].append({**row, **moved, "id": seq})
                links = {"seq": seq, "delivery_id": seq, "payment_id": number + 1}
                found[events].append({**event, **moved, **links})
        for table, rows in found.items():
            if rows:
                await connection.execute(table.insert(), rows)

    async def _fill_at_random(self, connection: AsyncConnection, start: int, end: int, moved: Row) -> None:
        first, at_random = planned(self.inbox, 0), AT_RANDOM[self.inbox.database.is_sqlite]
        reference = {"reference": cast(NUMBER, Text)}
        (payment,) = first.new_payments.values()
        changes: Row = {**reference, "id": NUMBER + 1, "key": at_random["key"]}
        await insert(connection, payments, {**payment, **changes}, start, end, self.step)
        for step, (row, (event, _, _)) in enumerate(zip(first.deliveries, first.events, strict=True), 1):
            seq = NUMBER * len(STORY) + step
            changes = {**moved, "id": seq, "digest": at_random["hex"]}
            await insert(connection, deliveries, {**row, **changes}, start, end, self.step)
            changes = {**moved, **reference, "seq": seq, "delivery_id": seq, "payment_id": NUMBER + 1}
            changes |= {"id": literal("evt_") + at_random["hex"]}
            await insert(connection, events, {**event, **changes}, start, end, self.step)

    def batch(self, kind: str, chance: random.Random) -> list[Processed]:
        """Return callbacks of a kind."""
        if kind == "redeliveries":
            return [processed(chance.choice(self.known), chance.choice(STORY)) for _ in range(BATCH)]
        if kind == "late events":
            return [processed(payment, LATE) for payment in itertools.islice(self.late, BATCH // 4)]
        self.next += BATCH // len(STORY) + 1
        new = [processed(self.next + n // len(STORY), STORY[n % len(STORY)]) for n in range(BATCH)]
        chance.shuffle(new)
        return new

    async def timed(self, batch: list[Processed]) -> Cost:
        """Return what a delivery of the batch took, all of them waiting at once."""
        gc.collect()
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*map(self.inbox.publish, batch))
        return Cost(
            (time.perf_counter() - began) / len(batch) * 1e6, (time.process_time() - cpu) / len(batch) * 1e6
        )


def seqs(payment: int) -> range:
    """Return the numbers of a payment's events in the fill, and of their deliveries."""
    return range(payment * len(STORY) + 1, (payment + 1) * len(STORY) + 1)


async def insert(
    connection: AsyncConnection, table: Table, row: Row, start: int, end: int, step: int
) -> None:
    """Insert a row for each number but those that a step comes to. Its values may be made of the number."""
    values: list[ColumnElement[Any]] = []
    for column in table.columns:
        value = row.get(column.name)
        if not isinstance(value, ColumnElement):
            value = null() if value is None else literal(value, column.type)
        values.append(value)
    series = select(literal(start).label("n")).cte("series", recursive=True)
    series = series.union_all(select(series.c.n + 1).where(series.c.n < end - 1))
    chosen = select(*values).select_from(series).where(series.c.n % step != 0)
    await connection.execute(table.insert().from_select([column.name for column in table.columns], chosen))


async def settle(inbox: Inbox) -> None:
    """Have the database do now what it would do later: that is no cost of what is measured next."""
    if inbox.database.is_sqlite:
        with closing(sqlite3.connect(str(inbox.database.url.database))) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    url = inbox.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection: Any = await asyncpg.connect(url)
    for table, key in (("payments", "id"), ("deliveries", "id"), ("events", "seq")):
        await connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), max({key})) FROM {table}"
        )
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def main() -> None:
    """Fill, then measure in turn."""
    async with AsyncExitStack() as stack:
        inboxes = [Filled(await opened(stack), size) for size in (SMALL, LARGE)]
        for each in inboxes:
            began = time.perf_counter()
            await each.fill()
            print(f"filled with {each.size:,} events in {time.perf_counter() - began:.0f} s", flush=True)
        costs: dict[str, list[tuple[Cost, Cost]]] = {"new events": [], "late events": [], "redeliveries": []}
        chance = random.Random(1)
        for number in range(-WARM_UP, ROUNDS):
            for kind, found in costs.items():
                pair: dict[int, Cost] = {}
                for index in (0, 1) if number % 2 else (1, 0):  # either goes first as often as second
                    batch = inboxes[index].batch(kind, chance)
                    if batch:
                        pair[index] = await inboxes[index].timed(batch)
                if number >= 0 and len(pair) == 2:
                    found.append((pair[0], pair[1]))
        report(costs)


def report(costs: dict[str, list[tuple[Cost, Cost]]]) -> None:
    """Print what each kind costs in both, and the ratio: of most rounds, and of all of them in sum.

    The sum has what comes round seldom, such as the log that is taken over into the file.
    """
    for kind, found in costs.items():
        for index, name in enumerate(("time", "processor time")):
            base = statistics.median(small[index] for small, _ in found)
            ours = statistics.median(large[index] for _, large in found)
            low, middle, high = statistics.quantiles((b[index] / a[index] for a, b in found), n=4)
            total = sum(large[index] for _, large in found) / sum(small[index] for small, _ in found)
            print(f"{kind}, {name}: {ours:.0f} us each at {LARGE:,} events, {base:.0f} us at {SMALL:,}")
            quartiles = f"half of the {len(found)} rounds {low:.2f} to {high:.2f}"
            print(f"  ratio {middle:.2f} ({quartiles}), in sum {total:.2f}")
    print(f"budget {BUDGET}")


async def opened(stack: AsyncExitStack) -> Inbox:
    """Return an inbox with an empty database, which goes in the end."""
    server = os.environ.get("CAMBIST_POSTGRES")
    if server is None:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("CAMBIST_FOLDER")))
        url = f"sqlite:///{folder}/inbox.db"
    else:
        url = await database(stack, server)
    return await stack.enter_async_context(Inbox(PIPELINE, url, sinks=["shop"]))


async def database(stack: AsyncExitStack, server: str) -> str:
    """Return the URL of a new database on a server."""
    name = f"cambist_growth_{uuid.uuid4().hex}"
    connection: Any = await asyncpg.connect(server)
    stack.push_async_callback(connection.close)
    await connection.execute(f'CREATE DATABASE "{name}"')
    stack.push_async_callback(connection.execute, f'DROP DATABASE "{name}" WITH (FORCE)')
    return f"{server.rpartition('/')[0]}/{name}"


if __name__ == "__main__":
    asyncio.run(main())
