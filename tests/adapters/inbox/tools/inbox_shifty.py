"""A provider whose mapping changes from one release to the next."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cambist import (
    Context,
    Delivery,
    EventDraft,
    Kind,
    Payment,
    Pipeline,
    Provider,
    Receiver,
    Registry,
    Source,
    Status,
    fault,
)
from cambist.hookspecs import hookimpl
from cambist.verification import Unverified
from cambist_inbox import Archive, Inbox

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
WORDS = {"paid": Status.COMPLETED, "waiting": Status.AWAITING_PAYMENT}

Identity = Callable[[dict[str, Any]], Sequence[str]]


def release(
    words: dict[str, Status] = WORDS,
    *,
    version: str = "1",
    identity: Identity = lambda item: (str(item["id"]), str(item["word"])),
    kind: Callable[[dict[str, Any]], Kind] = lambda _: Kind.PAYMENT,
    knows: Sequence[str] = ("id",),
    redact: Callable[[bytes], bytes] | None = None,
    copies: int = 1,
) -> Pipeline:
    """Return the pipeline of one release of the plugin.

    Args:
        words: The status words that it knows.
        version: Its version.
        identity: What it tells events apart by.
        kind: What it takes an event for.
        knows: The members that a body must have; what it does not know of, it cannot read.
        redact: What it takes out of a body.
        copies: How many events it makes of each.
    """

    def parse(payload: Any, context: Context) -> list[EventDraft]:
        items = payload if isinstance(payload, list) else [payload]
        if any(set(item) - {*knows, "word", "payment", "minute"} for item in items):
            raise fault("", "has a member that is not known")
        return [
            EventDraft(
                kind=kind(item),
                status=context.status("word", item["word"]),
                identity=(*identity(item), *("again" for _ in range(copy))),
                provider_status=item["word"],
                payment=Payment(item.get("payment", str(item["id"]))),
                occurred_at=START + timedelta(minutes=item["minute"]) if "minute" in item else None,
            )
            for item in items
            for copy in range(copies)
        ]

    provider = Provider(
        name="shifty",
        title="Shifty",
        documentation="https://example.com",
        settings=_settings(),
        verification=lambda _: Unverified(),
        statuses={"word": words},
        parse=parse,
        redact=redact,
    )

    class Plugin:
        @hookimpl
        def cambist_register_providers(self) -> list[Provider]:
            return [provider]

    registry = Registry()
    registry.register(Plugin(), distribution="shifty", version=version)
    sources = [Source("shop", "shifty"), Source("lenient", "shifty", quarantine=True)]
    return Pipeline(sources, registry=registry)


def _settings() -> type:
    from attrs import make_class

    return make_class("Settings", [], frozen=True)


def body(*items: dict[str, Any], source: str = "shop") -> Delivery:
    document = items[0] if len(items) == 1 else list(items)
    return Delivery(source, {}, json.dumps(document).encode(), START)


async def store(
    url: str, pipeline: Pipeline, *deliveries: Delivery, sinks: Sequence[str] = (), **options: Any
) -> None:
    """Receive these deliveries, one after another."""
    async with Inbox(pipeline, url, sinks=sinks, **options) as inbox:
        receiver = Receiver(pipeline, inbox)
        for delivery in deliveries:
            assert (await receiver.receive(delivery)).status == 200


async def stored(url: str, **options: Any) -> dict[str, Any]:
    """Return all that is stored, as it is compared: without what merely counts."""
    async with Archive(url, **options) as archive:
        return {
            "events": [
                (row["seq"], row["id"], row["status"], row["kind"], row["verdict"], archive.document(row))
                async for row in archive.events()
            ],
            "payments": [
                (row["kind"], row["reference"], row["status"], row["updated_at"])
                async for row in archive.payments()
            ],
            "deliveries": [(row["id"], row["problem"], row["digest"]) async for row in archive.deliveries()],
            "waiting": [(row["sink"], row["event_id"]) async for row in archive.waiting()],
        }
