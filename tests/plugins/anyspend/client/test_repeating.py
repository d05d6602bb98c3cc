"""When a request is sent again, when it must not be, and that it ends."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="needs cambist-anyspend[client]")
pytest.importorskip("stamina", reason="needs cambist-anyspend[client]")

import attrs

from cambist_anyspend.client import ManagementError, RefusedError, UnavailableError, WebhooksClient

from .conftest import ENDPOINT
from .platform import (
    ADMIN,
    Fault,
    Platform,
    cut_short,
    dropped,
    fails,
    hangs,
    served_and,
    served_and_dropped,
    trickling,
)

Does = Callable[[WebhooksClient, str, str], Awaitable[Any]]
# What only reads, or comes to the same when done twice; and what does not.
REPEATABLE: dict[str, Does] = {
    "list": lambda c, w, d: c.list(),
    "get": lambda c, w, d: c.get(w),
    "update": lambda c, w, d: c.update(w, is_active=False),
    "delete": lambda c, w, d: c.delete(w),
    "deliveries": lambda c, w, d: c.deliveries(w),
}
ONCE: dict[str, Does] = {
    "create": lambda c, w, d: c.create(ENDPOINT, ["payment.completed"]),
    "send_test": lambda c, w, d: c.send_test(w),
    "retry": lambda c, w, d: c.retry(w, d),
}
READS = {"list", "get", "deliveries"}
# The API has surely done nothing.
NOT_TAKEN: dict[str, Fault] = {"429": fails(429), "429, at once": fails(429, Retry_After="0")}
# It may have done what it was asked for.
MAYBE_TAKEN: dict[str, Fault] = {
    "500": fails(500),
    "502": fails(502),
    "503": fails(503),
    "503, at once": fails(503, Retry_After="0"),
    "done, then 500": served_and(fails(500)),
    "dropped": dropped,
    "done, then dropped": served_and_dropped,
    "done, then cut short": served_and(cut_short),
}
DONE = [fault for name, fault in MAYBE_TAKEN.items() if name.startswith("done")]


def cases(calls: dict[str, Does], faults: dict[str, Fault], without: Collection[tuple[str, str]] = ()) -> Any:
    return pytest.mark.parametrize(
        ("name", "does", "fault"),
        [
            pytest.param(name, does, fault, id=f"{name}-{what}")
            for name, does in calls.items()
            for what, fault in faults.items()
            if (name, what) not in without
        ],
    )


@pytest.fixture
def delivery_id(platform: Platform, webhook_id: str) -> str:
    return platform.add_delivery(webhook_id, status="failed", response_code=500)


@cases(REPEATABLE, {**NOT_TAKEN, **MAYBE_TAKEN})
async def test_what_may_be_repeated_is(
    name: str,
    does: Does,
    fault: Fault,
    client: WebhooksClient,
    platform: Platform,
    webhook_id: str,
    delivery_id: str,
) -> None:
    platform.next.extend([fault, fault])
    await does(client, webhook_id, delivery_id)
    # What is deleted already need not be deleted a third time.
    assert len(platform.seen) == (2 if name == "delete" and fault in DONE else 3)
    assert len({(seen.method, seen.path, seen.body) for seen in platform.seen}) == 1
    assert (webhook_id in platform.webhooks) == (name != "delete")


@cases(ONCE, NOT_TAKEN)
async def test_what_must_not_be_done_twice_is_repeated_if_it_was_not_taken(
    name: str,
    does: Does,
    fault: Fault,
    client: WebhooksClient,
    platform: Platform,
    webhook_id: str,
    delivery_id: str,
) -> None:
    platform.next.extend([fault, fault])
    await does(client, webhook_id, delivery_id)
    assert len(platform.seen) == 3
    assert len(platform.webhooks) == 1 + (name == "create")


@cases(ONCE, MAYBE_TAKEN)
async def test_what_must_not_be_done_twice_is_not_repeated_if_it_may_have_been_taken(
    name: str,
    does: Does,
    fault: Fault,
    client: WebhooksClient,
    platform: Platform,
    webhook_id: str,
    delivery_id: str,
) -> None:
    platform.next.append(fault)
    with pytest.raises(UnavailableError, match="it may have happened all the same: look before") as caught:
        await does(client, webhook_id, delivery_id)
    assert caught.value.may_have_happened
    assert len(platform.seen) == 1
    assert len(platform.webhooks) <= 2


# A second attempt that finds deleted what it shall delete has succeeded.
DELETED = [("delete", name) for name in MAYBE_TAKEN if name.startswith("done")]


@cases({**REPEATABLE, **ONCE}, {**NOT_TAKEN, **MAYBE_TAKEN}, without=DELETED)
async def test_attempts_are_bounded(
    name: str,
    does: Does,
    fault: Fault,
    client: WebhooksClient,
    platform: Platform,
    webhook_id: str,
    delivery_id: str,
) -> None:
    platform.next.extend([fault] * 100)
    begin = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        await does(client, webhook_id, delivery_id)
    assert time.monotonic() - begin < 2
    assert len(platform.seen) <= 3
    taken = any(fault is each for each in MAYBE_TAKEN.values())
    assert caught.value.may_have_happened == (taken and name not in READS)


async def test_a_deletion_done_by_an_attempt_that_failed_has_succeeded(
    client: WebhooksClient, platform: Platform, webhook_id: str
) -> None:
    platform.next.append(served_and_dropped)
    await client.delete(webhook_id)
    assert [seen.method for seen in platform.seen] == ["DELETE", "DELETE"]
    assert platform.webhooks == {}


async def test_a_deletion_of_nothing_is_refused_though_an_attempt_was_put_off(
    client: WebhooksClient, platform: Platform
) -> None:
    platform.next.append(fails(429))
    with pytest.raises(RefusedError, match="404"):
        await client.delete("wh_none")
    assert len(platform.seen) == 2


@cases({**REPEATABLE, **ONCE}, {"no answer": hangs, "an answer by the byte": trickling})
async def test_an_attempt_ends_in_time(
    name: str, does: Does, fault: Fault, quick: Any, platform: Platform, webhook_id: str, delivery_id: str
) -> None:
    limits = attrs.evolve(quick, attempt_s=0.1, delivery_s=0.1)
    platform.next.extend([fault] * 100)
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=limits) as client:
        with pytest.raises(UnavailableError, match=r"no answer within 0\.[12] s") as caught:
            await does(client, webhook_id, delivery_id)
    assert len(platform.seen) == (3 if name in REPEATABLE else 1)
    assert caught.value.may_have_happened == (name not in READS)


@pytest.mark.parametrize("name", ["list", "create", "delete"])
async def test_a_call_ends_in_time_with_all_its_attempts(
    name: str, quick: Any, platform: Platform, webhook_id: str
) -> None:
    limits = attrs.evolve(quick, attempts=100, attempt_s=0.2, total_s=0.5)
    platform.next.extend([hangs] * 100)
    begin = time.monotonic()
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=limits) as client:
        with pytest.raises(UnavailableError, match="no answer within") as caught:
            await {**REPEATABLE, **ONCE}[name](client, webhook_id, "")
    assert time.monotonic() - begin < 1.5
    assert caught.value.may_have_happened == (name not in READS)


@pytest.mark.parametrize("name", [*REPEATABLE, *ONCE])
async def test_the_end_of_all_time_in_an_attempt_tells_that_it_may_have_been_taken(
    name: str, quick: Any, platform: Platform, webhook_id: str, delivery_id: str
) -> None:
    platform.next.append(hangs)
    limits = attrs.evolve(quick, total_s=0.1)
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=limits) as client:
        with pytest.raises(UnavailableError, match=r"no answer within 0\.1 s") as caught:
            await {**REPEATABLE, **ONCE}[name](client, webhook_id, delivery_id)
    assert caught.value.may_have_happened == (name not in READS)


async def test_the_end_of_all_time_in_a_wait_tells_that_nothing_was_taken(
    quick: Any, platform: Platform
) -> None:
    limits = attrs.evolve(quick, total_s=0.3, first_wait_s=5, longest_wait_s=5)
    platform.next.append(fails(429))
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=limits) as client:
        with pytest.raises(UnavailableError, match=r"no answer within 0\.3 s") as caught:
            await client.create(ENDPOINT, ["payment.completed"])
    assert not caught.value.may_have_happened


async def test_a_delivery_on_demand_has_the_time_of_the_endpoint(
    quick: Any, platform: Platform, webhook_id: str, delivery_id: str
) -> None:
    async def slow(_: Any) -> None:
        await asyncio.sleep(0.4)

    limits = attrs.evolve(quick, attempts=1, attempt_s=0.2, delivery_s=2)
    platform.next.extend([slow, slow, slow])
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=limits) as client:
        assert (await client.send_test(webhook_id)).response_code == 200
        assert (await client.retry(webhook_id, delivery_id)).attempts == 2
        with pytest.raises(UnavailableError, match=r"no answer within 0\.2 s"):
            await client.get(webhook_id)


# Retry-After, its unit the second. ``None`` for what is not understood, and waited for as usual.
NOW = "Fri, 27 Feb 2026 10:30:00 GMT"
WAITS = {
    "0": 0,
    "1": 1,
    " 1 ": 1,
    "3600": 3600,
    "99999999999999": 999999999,
    "Fri, 27 Feb 2026 10:31:00 GMT": 60,
    "Fri, 27 Feb 2026 10:29:00 GMT": 0,
    "-1": None,
    "1.5": None,
    "\u0661": None,
    "soon": None,
    "": None,
    "Fri, 27 Feb 2026 10:31:00 -0000": None,
    "Fri, 99 Feb 2026 10:31:00 GMT": None,
}


@pytest.mark.parametrize(("value", "seconds"), WAITS.items())
@pytest.mark.parametrize("status", [429, 503])
async def test_the_wait_that_the_api_asks_for(
    status: int, value: str, seconds: float | None, quick: Any, platform: Platform
) -> None:
    platform.next.extend([fails(status, Retry_After=value, Date=NOW)] * 2)
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=attrs.evolve(quick, attempts=2)) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.list()
    assert caught.value.retry_after == seconds
    # Where more is asked for than is ever waited, no further attempt is made, and the error says how long.
    patient = seconds is None or seconds <= 0.05
    assert len(platform.seen) == (2 if patient else 1)
    assert (f"and asks to wait {seconds:g} s" in str(caught.value)) if seconds is not None else True


async def test_the_wait_is_kept(quick: Any, platform: Platform) -> None:
    platform.next.append(fails(429, Retry_After="1"))
    limits = attrs.evolve(quick, first_wait_s=0, longest_wait_s=2)
    begin = time.monotonic()
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=limits) as client:
        assert await client.list() == ()
    assert time.monotonic() - begin > 0.9


async def test_no_wait_is_shorter_than_ours(quick: Any, platform: Platform) -> None:
    platform.next.append(fails(503, Retry_After="0"))
    limits = attrs.evolve(quick, first_wait_s=0.4, longest_wait_s=2)
    begin = time.monotonic()
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=limits) as client:
        assert await client.list() == ()
    assert time.monotonic() - begin > 0.3


async def test_a_failure_of_another_kind_ends_it(client: WebhooksClient, platform: Platform) -> None:
    platform.next.extend([fails(503), fails(400)])
    with pytest.raises(RefusedError, match="400"):
        await client.list()
    assert len(platform.seen) == 2


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.parametrize("name", [*REPEATABLE, *ONCE])
async def test_without_a_connection_nothing_was_taken(name: str, quick: Any, closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}/api/v1"
    async with WebhooksClient(ADMIN, base_url=url, limits=quick) as client:
        with pytest.raises(UnavailableError, match="no connection") as caught:
            await {**REPEATABLE, **ONCE}[name](client, "wh_1", "del_1")
    assert (caught.value.may_have_happened, caught.value.status) == (False, None)


async def test_a_connection_that_comes_about_late(quick: Any, closed_port: int) -> None:
    """Even what must not be done twice is sent again, once there is somebody to take it."""
    platform, limits = Platform(), attrs.evolve(quick, first_wait_s=0.5, longest_wait_s=1)
    url = f"http://127.0.0.1:{closed_port}/api/v1"
    async with WebhooksClient(ADMIN, base_url=url, limits=limits) as client:
        call = asyncio.create_task(client.create(ENDPOINT, ["payment.completed"]))
        await asyncio.sleep(0.1)
        async with platform.serving(closed_port):
            created = await call
    assert list(platform.webhooks) == [created.webhook.id]


async def test_a_server_without_tls_gets_no_key(quick: Any) -> None:
    received = bytearray()

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(65536))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, WebhooksClient(ADMIN, base_url=f"https://127.0.0.1:{port}", limits=quick) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.list()
    assert not caught.value.may_have_happened
    assert received
    assert ADMIN.encode() not in received


async def test_a_cancelled_call_ends_at_once(client: WebhooksClient, platform: Platform) -> None:
    arrived = asyncio.Event()

    async def hangs_once_arrived(request: Any) -> Any:
        arrived.set()
        return await hangs(request)

    platform.next.append(hangs_once_arrived)
    call = asyncio.create_task(client.list())
    await arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await client.list() == ()


async def test_calls_do_not_disturb_each_other(client: WebhooksClient, platform: Platform) -> None:
    platform.next.extend([fails(503), dropped, fails(429)])
    found = await asyncio.gather(*(client.list() for _ in range(10)), return_exceptions=True)
    assert not [each for each in found if isinstance(each, ManagementError)]
    assert len(platform.seen) == 13
