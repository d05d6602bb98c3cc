"""The end of a server, as it looks to senders whose request is on its way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from cambist import Pipeline, Processed, Receiver, Registry
from cambist_aiohttp import address_of, listen, serving

HEAD = b"GET /webhooks/shop HTTP/1.1\r\nHost: x\r\n\r\n"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Nowhere:
    async def publish(self, processed: Processed) -> None:
        raise NotImplementedError


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(Pipeline([], registry=Registry.load(())), Nowhere())


async def answer(reader: asyncio.StreamReader) -> str:
    """Return the head of an answer, whose body is problem details."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    await reader.readuntil(b"}")
    return head


async def nothing(stream: Stream) -> None:
    """It has connected."""


async def one_answer(stream: Stream) -> None:
    """It keeps its connection after an answer."""
    stream[1].write(HEAD)
    assert "Connection: close" not in await answer(stream[0])


async def half_a_head(stream: Stream) -> None:
    """It is at it."""
    stream[1].write(HEAD[:20])
    await stream[1].drain()


async def refused(port: int) -> None:
    """Return when nobody listens any more."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            return
        writer.close()


@pytest.mark.parametrize("done", [nothing, one_answer, half_a_head])
async def test_a_request_that_is_not_here_yet_is_answered(
    receiver: Receiver, done: Callable[..., object]
) -> None:
    context = serving(receiver)
    address = await context.__aenter__()
    port = int(address.rpartition(":")[2])
    stream = await asyncio.open_connection("127.0.0.1", port)
    await done(stream)  # type: ignore[misc]
    end = asyncio.create_task(context.__aexit__(None, None, None))
    await refused(port)
    stream[1].write(HEAD[20:] if done is half_a_head else HEAD)
    head = await answer(stream[0])
    assert head.startswith("HTTP/1.1 404 ")
    assert "Connection: close" in head, "so that the sender does not use it again"
    assert await stream[0].read() == b""
    await end
    stream[1].close()


async def test_a_request_that_takes_too_long_is_given_up_and_told(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()

    async def never(_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(receiver, "receive", never)
    async with serving(receiver, shutdown_timeout_s=0.1) as address:
        stream = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        stream[1].write(HEAD.replace(b"GET", b"POST"))
        await begun.wait()
    assert await stream[0].read() == b""
    assert caplog.messages[-1] == "1 requests took longer than the server had: not answered"
    stream[1].close()


async def test_those_who_wait_in_the_kernel_are_let_in(receiver: Receiver) -> None:
    (listener,) = listen("127.0.0.1", 0)
    with socket.create_connection(listener.getsockname(), timeout=60) as sender:
        sender.sendall(HEAD)
        async with serving(receiver, sockets=[listener]):
            pass
        assert sender.recv(100).startswith(b"HTTP/1.1 404 ")


def test_all_addresses_of_a_name_are_on_one_port() -> None:
    found = listen("localhost", 0)
    try:
        assert len({each.getsockname()[1] for each in found}) == 1
        for each in found:
            with pytest.raises(OSError, match="in use"):
                listen(each.getsockname()[0], each.getsockname()[1])
    finally:
        for each in found:
            each.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
def test_an_address_is_written_as_in_a_url() -> None:
    (listener,) = listen("::1", 0)
    with listener:
        assert address_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"
