"""A merchant's receiver, made to be killed: it serves, stores, and relays to a journal on the disk.

Each line on the standard input is a JSON object of the arguments of `run`, and becomes a process of its own:
a fork, for importing everything anew would take longer than most of them live. A process writes lines to the
standard output, its number first in each: ``opening``, then its address, and ``closed`` where it ended well.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiosqlite  # noqa: F401  # the drivers are imported on first use otherwise: here that is each time
import asyncpg  # type: ignore[import-untyped]  # noqa: F401
from attrs import evolve

from cambist import PaymentEvent, Pipeline, Processed, Receiver, Source
from cambist_aiohttp import serving
from cambist_inbox import Inbox, Relay, _relay

SINK = "journal"

OnEvent = Callable[[PaymentEvent], Awaitable[None]]


class Wrong:
    """A sink that does to each delivery what a mutant does, and hands it to the inbox."""

    def __init__(self, inbox: Inbox, change: Callable[[Inbox, Processed], Awaitable[None]]) -> None:
        self.inbox, self.change = inbox, change

    async def publish(self, processed: Processed) -> None:
        await self.change(self.inbox, processed)


under_way: set[asyncio.Task[None]] = set()


def in_the_background(work: Any) -> None:
    task = asyncio.create_task(work)
    under_way.add(task)
    task.add_done_callback(under_way.discard)


async def answer_at_once(inbox: Inbox, processed: Processed) -> None:
    in_the_background(inbox.publish(processed))


async def know_nothing_again(inbox: Inbox, processed: Processed) -> None:
    events = tuple(evolve(event, id=f"evt_{uuid.uuid4().hex}") for event in processed.events)
    await inbox.publish(evolve(processed, events=events))


def let_go_at_once(on_event: OnEvent) -> OnEvent:
    async def handed_on(event: PaymentEvent) -> None:
        in_the_background(on_event(event))

    return handed_on


# Faults that the test has to find. Those in the database are triggers: they hold whatever the product does.
WRONG_SINKS = {"answers before the commit": answer_at_once, "knows no event again": know_nothing_again}
WRONG_HANDLERS = {"lets go before the handler ran": let_go_at_once}
WRONG_TRIGGERS = {
    "counts no redelivery": (
        "BEFORE UPDATE OF times ON deliveries BEGIN SELECT RAISE(IGNORE); END",
        "BEFORE UPDATE OF times ON events BEGIN SELECT RAISE(IGNORE); END",
    ),
    "lets the last event win": (
        "AFTER INSERT ON events BEGIN UPDATE payments SET status = NEW.status WHERE id = NEW.payment_id; END",
    ),
    "keeps no order": (
        "AFTER INSERT ON outbox BEGIN UPDATE outbox SET payment_id = NULL WHERE id = NEW.id; END",
    ),
}


def journal(path: str) -> OnEvent:
    """Return a handler that takes a moment, fails now and then, and writes each event in one piece."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def on_event(event: PaymentEvent) -> None:
        await asyncio.sleep(random.uniform(0, 0.004))
        if random.random() < 0.02:
            raise ConnectionError
        os.write(file, f"{event.id} {event.payment.id} {event.status}\n".encode())

    return on_event


async def run(
    *, url: str, path: str, sources: list[list[Any]], receive: bool, relay: bool, mutant: str | None
) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pipeline = Pipeline(Source(*each) for each in sources)
    tell("opening")
    async with Inbox(pipeline, url, sinks=[SINK]) as inbox, AsyncExitStack() as stack:
        for number, trigger in enumerate(WRONG_TRIGGERS.get(mutant or "", ())):
            async with inbox.database.write() as connection:
                await connection.exec_driver_sql(f"CREATE TRIGGER IF NOT EXISTS wrong_{number} {trigger}")
        address = "no address"
        if relay:
            on_event = WRONG_HANDLERS.get(mutant or "", lambda handler: handler)(journal(path))
            relaying = Relay(inbox, {SINK: on_event}, timeout_s=1, poll_s=0.05, first_wait_s=0.02)
            await stack.enter_async_context(relaying)
        if receive:
            sink = Wrong(inbox, WRONG_SINKS[mutant]) if mutant in WRONG_SINKS else inbox
            address = await stack.enter_async_context(serving(Receiver(pipeline, sink)))
        tell(address)
        await stop.wait()
    tell("closed")


def tell(line: str) -> None:
    os.write(1, f"{os.getpid()} {line}\n".encode())


def main() -> None:
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    assert hasattr(_relay, "_GRACE_S")
    _relay._GRACE_S = 0.5  # what a killed relay had is to be had again soon
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the killed leave no zombies
    for line in sys.stdin:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asyncio.run(run(**json.loads(line)))
            os._exit(0)


if __name__ == "__main__":
    main()
