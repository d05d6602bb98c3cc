"""A provider as small as one can be, and what a process of its own does with it."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from attrs import frozen
from sqlalchemy import Table, select

from cambist import (
    Context,
    Delivery,
    EventDraft,
    Identifier,
    Kind,
    Payment,
    Pipeline,
    Provider,
    Receiver,
    Registry,
    Secrets,
    Source,
    Status,
)
from cambist.hookspecs import hookimpl
from cambist.verification import HmacSignature
from cambist_inbox import Inbox, Relay

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OTHER_KEY = "OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg="


@frozen
class Settings:
    secrets: Secrets


class Item(TypedDict):
    id: Identifier
    state: str
    payment: NotRequired[str | None]
    minute: NotRequired[int]
    note: NotRequired[str]


class Body(TypedDict):
    items: list[Item]
    sent: NotRequired[int]


def parse(payload: Any, context: Context) -> list[EventDraft]:
    kind = Kind(context.delivery.headers.get("X-Kind") or "payment")
    return [
        EventDraft(
            kind=kind,
            status=Status(item["state"]),
            identity=(kind, item["id"], item["state"]),
            payment=Payment(item.get("payment", item["id"]), merchant_reference=item.get("note")),
            occurred_at=START + timedelta(minutes=item["minute"]) if "minute" in item else None,
            metadata={"note": item.get("note")},
        )
        for item in context.read(Body, payload)["items"]
    ]


PROVIDER = Provider(
    name="toy",
    title="Toy",
    documentation="https://example.com",
    settings=Settings,
    verification=lambda settings: HmacSignature(secrets=settings.secrets, header="X-Signature"),
    statuses={},
    parse=parse,
    headers=("X-Kind",),
)


class Plugin:
    @hookimpl
    def cambist_register_providers(self) -> list[Provider]:
        return [PROVIDER]


def toy_pipeline() -> Pipeline:
    registry = Registry()
    registry.register(Plugin())
    settings = {"secrets": ["s3cret"]}
    sources = [Source("shop", "toy", settings), Source("lenient", "toy", settings, quarantine=True)]
    return Pipeline(sources, registry=registry)


PIPELINE = toy_pipeline()


def signed(body: bytes, source: str = "shop", **headers: str) -> Delivery:
    """Return a genuine delivery of these bytes."""
    route = PIPELINE.route(source)
    assert route is not None
    bare = Delivery(source, headers, body, START)
    return Delivery(source, {**headers, **dict(route.scheme.sign(bare))}, body, START)


def item(id_: str, state: str = "completed", **more: Any) -> dict[str, Any]:
    return {"id": id_, "state": state, **more}


def delivery(*items: dict[str, Any], source: str = "shop", sent: int = 0, **headers: str) -> Delivery:
    body = {"items": items, **({"sent": sent} if sent else {})}
    return signed(json.dumps(body).encode(), source, **headers)


def about(id_: str, state: str = "completed", *, sent: int = 0, **more: Any) -> Delivery:
    """Return a delivery of one event."""
    return delivery(item(id_, state, **more), sent=sent)


async def rows(inbox: Inbox, table: Table) -> list[dict[str, Any]]:
    """Return what a table holds, the oldest first."""
    (number,) = table.primary_key.columns
    async with inbox.database.read() as connection:
        return [dict(row) for row in (await connection.execute(select(table).order_by(number))).mappings()]


async def until(condition: Any, seconds: float = 20) -> None:
    """Return when a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # it is of another process, or of a handler
            await asyncio.sleep(0.005)


def receive_all(url: str, deliveries: Sequence[tuple[str, dict[str, str], bytes]], seed: int) -> list[int]:
    """In a process of its own: deliver these until each is taken. Return the answers."""

    async def run() -> list[int]:
        async with Inbox(PIPELINE, url, sinks=["handler"]) as inbox:
            receiver = Receiver(PIPELINE, inbox)
            chance = random.Random(seed)
            order = list(deliveries)
            chance.shuffle(order)
            answers = []

            async def send(source: str, headers: dict[str, str], body: bytes) -> None:
                while True:
                    await asyncio.sleep(chance.random() * 0.02)
                    answer = await receiver.receive(Delivery(source, headers, body, START))
                    answers.append(answer.status)
                    if answer.status == 200:
                        return

            await asyncio.gather(*(send(*each) for each in order))
            return answers

    return asyncio.run(run())


def relay_all(url: str, expected: int, path: str, others: int) -> int:
    """In a process of its own, when as many are ready: hand events on until the file has as many lines.

    Return how many were ours.
    """

    async def run() -> int:
        mine = 0

        async def handler(event: Any) -> None:
            nonlocal mine
            mine += 1
            await asyncio.sleep(0.02)
            line = f"{event.payment.id} {event.status.value} {event.id}\n".encode()
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, line)
            os.close(descriptor)

        Path(f"{path}.{os.getpid()}").touch()  # noqa: ASYNC240
        await until(lambda: len(list(Path(path).parent.glob("*.*"))) == others, 60)
        async with (
            Inbox(PIPELINE, url, sinks=["handler"]) as inbox,
            Relay(inbox, {"handler": handler}, poll_s=0.02, concurrency=4),
        ):

            def written() -> int:
                file = Path(path)
                return len(file.read_bytes().splitlines()) if file.exists() else 0

            await until(lambda: written() >= expected, 40)
        return mine

    return asyncio.run(run())
