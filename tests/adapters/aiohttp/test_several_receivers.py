"""Receivers that share an application, and what must not share it with them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from cambist import Pipeline, Receiver, Registry, Source
from cambist.errors import ConfigurationError
from cambist_aiohttp import RECEIVER, setup
from cambist_aiohttp.testing import WebhookClient

from .conftest import SECRET, Handler, Plugin

MARKET = web.AppKey("MARKET", Receiver)


def receiver(handler: Handler, *sources: str, **paths: str) -> Receiver:
    """Return one with these sources, some of which claim a path."""
    registry = Registry()
    registry.register(Plugin())
    settings = {"secrets": [SECRET]}
    named = [Source(name, "ping", settings) for name in sources]
    claimed = [Source(name, "ping", settings, path=path) for name, path in paths.items()]
    return Receiver(Pipeline([*named, *claimed], registry=registry), handler)


async def keys(request: web.Request) -> web.Response:
    """Tell the sources of the receivers that a handler sees."""
    found = {name: request.app[key] for name, key in (("first", RECEIVER), ("second", MARKET))}
    return web.json_response(
        {name: [route.source.name for route in each.pipeline.routes] for name, each in found.items()}
    )


async def test_each_has_its_own_prefix_and_key(handler: Handler) -> None:
    other = Handler()
    app = web.Application()
    setup(app, receiver(handler, "shop"), prefix="/a")
    setup(app, receiver(other, "shop", own="/v1/callback"), prefix="/b", key=MARKET)
    app.router.add_get("/keys", keys)
    async with TestClient(TestServer(app)) as client:
        assert (await WebhookClient(client).send("shop", body=b'{"id": 1}')).status == 200
        market = WebhookClient(client, key=MARKET)
        assert (await market.send("shop", body=b'{"id": 2}')).status == 200
        assert (await market.send("own", body=b'{"id": 3}')).status == 200
        answer = await client.get("/keys")
        assert await answer.json() == {"first": ["shop"], "second": ["shop", "own"]}
    assert [event.source for event in handler.events] == ["shop"]
    assert [event.source for event in other.events] == ["shop", "own"]


async def test_one_in_an_application_within_another(handler: Handler) -> None:
    app, inner = web.Application(), web.Application()
    setup(inner, receiver(handler, "shop"))
    app.add_subapp("/payments", inner)
    async with TestClient(TestServer(app)) as client:
        answer = await WebhookClient(client, app=inner).send("shop", body=b'{"id": 1}')
        assert (answer.status, answer.url.path) == (200, "/payments/webhooks/shop")
    assert len(handler.events) == 1


def test_a_key_is_taken_once(handler: Handler) -> None:
    app = web.Application()
    setup(app, receiver(handler, "shop"), prefix="/a")
    with pytest.raises(ConfigurationError, match=r"^key: another receiver of this application has it; pass"):
        setup(app, receiver(handler, "shop"), prefix="/b")


@pytest.mark.parametrize("prefix", ["webhooks", "/webhooks/", "/{tenant}/webhooks", "/a b", "//"])
def test_a_prefix_is_a_path(prefix: str, handler: Handler) -> None:
    with pytest.raises(ConfigurationError, match=r"^prefix: .* is not a path like /webhooks$"):
        setup(web.Application(), receiver(handler, "shop"), prefix=prefix)


def test_a_path_under_the_prefix_cannot_be_claimed(handler: Handler) -> None:
    with pytest.raises(ConfigurationError, match="source 'own': path: /webhooks/x lies under /webhooks/"):
        setup(web.Application(), receiver(handler, own="/webhooks/x"))


Add = Callable[[web.Application], object]


def route(method: str, path: str) -> Add:
    def add(app: web.Application) -> None:
        app.router.add_get("/", keys)  # a path that is added twice in a row is refused by aiohttp itself
        app.router.add_route(method, path, keys)

    return add


def another(*sources: str, prefix: str = "/b", **paths: str) -> Add:
    return lambda app: setup(app, receiver(Handler(), *sources, **paths), prefix=prefix, key=MARKET)


def inside(prefix: str) -> Add:
    return lambda app: app.add_subapp(prefix, web.Application())


def files(prefix: str) -> Add:
    return lambda app: app.router.add_static(prefix, Path(__file__).parent)


CLASHES: dict[str, tuple[Add, str]] = {
    "the URL of a source": (route("POST", "/webhooks/shop"), "/webhooks/{source}"),
    "the URL of a source, for another method": (route("GET", "/webhooks/shop"), "/webhooks/{source}"),
    "all that is under the prefix": (route("POST", "/webhooks/{any}"), "/webhooks/{source}"),
    "a claimed path": (route("POST", "/v1/callback"), "/v1/callback"),
    "another receiver with that prefix": (another("market", prefix="/webhooks"), "/webhooks/{source}"),
    "another receiver with that path": (another(own="/v1/callback"), "/v1/callback"),
    "another receiver that claims a source's URL": (another(own="/webhooks/shop"), "/webhooks/{source}"),
    "an application under the prefix": (inside("/webhooks"), "/webhooks/{source}"),
    "an application at a source's URL": (inside("/webhooks/shop"), "/webhooks/{source}"),
    "files under the prefix": (files("/webhooks"), "/webhooks/{source}"),
}
BESIDE: dict[str, Add] = {
    "a route of another path": route("POST", "/orders"),
    "a pattern that is less exact": route("*", "/{tail:.*}"),
    "a pattern of a claimed path": route("POST", r"/v1/callback{rest:.*}"),
    "a URL of no source": route("POST", "/webhooks/other"),
    "another receiver": another("shop", own="/v2/callback"),
    "an application elsewhere": inside("/admin"),
    "files elsewhere": files("/static"),
}


@pytest.mark.parametrize("ours_first", [True, False], ids=["after ours", "before ours"])
@pytest.mark.parametrize(("add", "path"), CLASHES.values(), ids=list(CLASHES))
async def test_what_takes_a_sources_deliveries_stops_the_start(
    add: Add, path: str, ours_first: bool, handler: Handler
) -> None:
    runner = web.AppRunner(application(add, ours_first, handler))
    with pytest.raises(ConfigurationError, match=rf"source '\w+': path: {re.escape(path)} clashes with"):
        await runner.setup()
    await runner.cleanup()


async def test_a_route_that_was_added_last_is_not_joined(handler: Handler) -> None:
    app = web.Application()
    app.router.add_get("/webhooks/{source}", keys)
    setup(app, receiver(handler, "shop"))
    runner = web.AppRunner(app)
    with pytest.raises(ConfigurationError, match="clashes with"):
        await runner.setup()
    await runner.cleanup()


@pytest.mark.parametrize("ours_first", [True, False], ids=["after ours", "before ours"])
@pytest.mark.parametrize("add", BESIDE.values(), ids=list(BESIDE))
async def test_what_is_beside_takes_nothing(add: Add, ours_first: bool, handler: Handler) -> None:
    async with TestClient(TestServer(application(add, ours_first, handler))) as client:
        for source in ("shop", "own"):
            assert (await WebhookClient(client).send(source, body=b'{"id": 1}')).status == 200
        answer = await client.post("/v1/callback", json={})
        assert answer.status == 401
    assert [event.source for event in handler.events] == ["shop", "own"]


def application(add: Add, ours_first: bool, handler: Handler) -> web.Application:
    app = web.Application()
    steps: list[Add] = [lambda app: setup(app, receiver(handler, "shop", own="/v1/callback")), add]
    for step in steps if ours_first else reversed(steps):
        step(app)
    return app


class Opened:
    """A sink that notes when it is opened and closed."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.fails = False

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Any]:
        self.notes.append("opened")
        if self.fails:
            raise OSError("no such database")
        yield self
        self.notes.append("closed")

    async def publish(self, processed: Any) -> None:
        self.notes.append(processed.events[0].source)


@pytest.fixture
def sink() -> Opened:
    return Opened()


async def test_a_sink_is_opened_and_closed_with_the_application(sink: Opened, handler: Handler) -> None:
    app = web.Application()
    pipeline = receiver(handler, "shop").pipeline
    setup(app, pipeline, sink)
    assert sink.notes == []
    async with TestClient(TestServer(app)) as client:
        assert app[RECEIVER].pipeline is pipeline
        assert (await WebhookClient(client).send("shop", body=b'{"id": 1}')).status == 200
    assert sink.notes == ["opened", "shop", "closed"]


async def test_a_sink_of_an_application_within_another(sink: Opened, handler: Handler) -> None:
    app, inner = web.Application(), web.Application()
    setup(inner, receiver(handler, own="/callback").pipeline, sink)
    app.add_subapp("/payments", inner)
    async with TestClient(TestServer(app)) as client:
        sent = await WebhookClient(client, app=inner).send("own", body=b'{"id": 1}')
        assert sent.status == 200
        answer = await client.post("/payments/callback", data=b'{"id": 1}', headers=sent.request_info.headers)
        assert answer.status == 200
    assert sink.notes == ["opened", "own", "own", "closed"]


async def test_a_sink_that_cannot_be_opened_stops_the_start(sink: Opened, handler: Handler) -> None:
    app = web.Application()
    sink.fails = True
    setup(app, receiver(handler, "shop").pipeline, sink)
    runner = web.AppRunner(app)
    with pytest.raises(OSError, match="no such database"):
        await runner.setup()
    await runner.cleanup()
    assert sink.notes == ["opened"]


async def test_no_sink_is_opened_where_routes_clash(sink: Opened, handler: Handler) -> None:
    app = web.Application()
    setup(app, receiver(handler, "shop").pipeline, sink)
    app.router.add_post("/webhooks/shop", keys)
    runner = web.AppRunner(app)
    with pytest.raises(ConfigurationError):
        await runner.setup()
    await runner.cleanup()
    assert sink.notes == []


def test_a_pipeline_needs_a_sink_and_a_receiver_has_one(sink: Opened, handler: Handler) -> None:
    ready = receiver(handler, "shop")
    for arguments in ((ready.pipeline,), (ready, sink)):
        with pytest.raises(TypeError, match="a Receiver, or a Pipeline and a function"):
            setup(web.Application(), *arguments)  # type: ignore[arg-type]
