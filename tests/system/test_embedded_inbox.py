"""An application that opens an inbox with its receiver: what is answered 200 is on disk, and stays there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from cambist import PaymentEvent, Pipeline, Source
from cambist.errors import SinkError
from cambist_aiohttp import setup
from cambist_aiohttp.testing import WebhookClient
from cambist_inbox import Archive, Inbox, Relay

SOURCE = Source("shop", "coinspaid", {"secrets": ["s3cret"]})
OpenInbox = Callable[[], AbstractAsyncContextManager[Inbox]]


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline([SOURCE])


def application(pipeline: Pipeline, open_inbox: OpenInbox) -> web.Application:
    app = web.Application()
    setup(app, pipeline, open_inbox)
    return app


async def test_a_delivery_is_stored_and_handed_on_after_the_answer(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'cambist.db'}"
    handled: asyncio.Queue[PaymentEvent] = asyncio.Queue()

    @asynccontextmanager
    async def open_inbox() -> AsyncIterator[Inbox]:
        async with Inbox(pipeline, url, sinks=["shop"]) as inbox, Relay(inbox, {"shop": handled.put}):
            yield inbox

    async with TestClient(TestServer(application(pipeline, open_inbox))) as client:
        assert (await WebhookClient(client).send("shop", sample="deposit")).status == 200
        event = await asyncio.wait_for(handled.get(), 30)
    async with TestClient(TestServer(application(pipeline, open_inbox))) as client:
        assert (await WebhookClient(client).send("shop", sample="deposit")).status == 200
    async with Archive(url) as archive:
        assert [row["id"] async for row in archive.events()] == [event.id]


async def test_an_inbox_that_cannot_be_opened_stops_the_start(pipeline: Pipeline, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'no-such-folder' / 'cambist.db'}"
    runner = web.AppRunner(application(pipeline, lambda: Inbox(pipeline, url)))
    with pytest.raises(SinkError, match="the inbox's database cannot be opened"):
        await runner.setup()
    await runner.cleanup()
