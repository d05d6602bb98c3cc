"""What a sender may take, tried over real sockets. Genuine deliveries are answered all the while."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from attrs import evolve

from cambist import Receiver
from cambist_aiohttp import Edge, Limits, Rate, serving

from .conftest import Handler, signed

BODY = b'{"id": 7}'
# Long enough that nothing of it ends while a test runs, unless the test is about it.
PATIENT = Limits(head_timeout_s=600, idle_timeout_s=600, body_timeout_s=600)
SOON = 0.05


class Connection:
    """A socket to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def status(self) -> int:
        """Read one answer and return its status; 0 if the connection was closed without one."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
        for line in head.lower().splitlines():
            if line.startswith(b"content-length:"):
                await self.reader.readexactly(int(line.partition(b":")[2]))
        return int(head.split()[1])

    async def closed(self) -> None:
        """Wait until the server has closed it."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass


class Served:
    """A running server."""

    def __init__(self, receiver: Receiver, edge: Edge, port: int, stack: AsyncExitStack) -> None:
        self.receiver, self.edge, self.port, self._stack = receiver, edge, port, stack

    async def connect(self) -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._stack.callback(writer.close)
        return Connection(reader, writer)

    def head(self, length: int | None = None, path: str = "/webhooks/shop", **headers: str) -> bytes:
        """Return the head of a genuine request, as long as its body says or claims to be."""
        length = len(BODY) if length is None else length
        fields = {**signed(self.receiver, BODY), "Host": "x", "Content-Length": str(length), **headers}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value)]
        return "\r\n".join([*lines, "", ""]).encode()

    async def post(self, path: str = "/webhooks/shop", **headers: str) -> int:
        connection = await self.connect()
        connection.send(self.head(None, path, **headers) + BODY)
        return await connection.status()


Serving = Callable[[Limits], Any]


@pytest.fixture
def served(receiver: Receiver) -> Serving:
    @asynccontextmanager
    async def served(limits: Limits) -> AsyncIterator[Served]:
        edge = Edge(limits)
        async with AsyncExitStack() as stack:
            address = await stack.enter_async_context(
                serving(receiver, max_body=100_000, edge=edge, shutdown_timeout_s=1)
            )
            # Connections end before the server does: it would wait for what they have begun.
            clients = await stack.enter_async_context(AsyncExitStack())
            yield Served(receiver, edge, int(address.rpartition(":")[2]), clients)

    return served


async def eventually(holds: Callable[[], Any]) -> None:
    """Wait until something holds that follows from what was sent."""
    async with asyncio.timeout(20):
        while not holds():  # it is the other side's
            await asyncio.sleep(0.005)


async def test_a_head_that_does_not_arrive_ends_the_connection(served: Serving) -> None:
    async with served(evolve(PATIENT, head_timeout_s=SOON)) as server:
        silent, dripping = await server.connect(), await server.connect()
        dripping.send(server.head()[:-2])
        for connection in (silent, dripping):
            assert await connection.status() == 0
        assert await server.post() == 200


async def test_a_head_that_drips_gets_no_more_time(served: Serving) -> None:
    async with served(evolve(PATIENT, head_timeout_s=0.3)) as server:
        connection = await server.connect()

        async def drip() -> None:
            for byte in server.head(**{"X-Long": "x" * 4000}):
                connection.send(bytes([byte]))
                await asyncio.sleep(0.01)

        task = asyncio.create_task(drip())
        await connection.closed()  # 4,000 bytes would take 40 seconds
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_who_has_sent_a_head_is_not_held_to_its_time_again(served: Serving) -> None:
    async with served(evolve(PATIENT, head_timeout_s=SOON)) as server:
        connection = await server.connect()
        connection.send(server.head() + BODY)
        assert await connection.status() == 200
        later = await server.connect()
        await later.closed()
        connection.send(server.head() + BODY)
        assert await connection.status() == 200


async def test_a_connection_that_is_idle_is_closed(served: Serving) -> None:
    async with served(evolve(PATIENT, idle_timeout_s=SOON)) as server:
        connection = await server.connect()
        connection.send(server.head() + BODY)
        assert await connection.status() == 200
        connection.send(server.head()[:50])  # the head of a second request drips, too
        await connection.closed()


async def test_a_body_that_does_not_arrive_is_answered_408(served: Serving, handler: Handler) -> None:
    async with served(evolve(PATIENT, body_timeout_s=SOON)) as server:
        connection = await server.connect()
        connection.send(server.head() + BODY[:3])
        assert await connection.status() == 408
        await connection.closed()
        assert await server.post() == 200
    assert len(handler.events) == 1


@pytest.mark.parametrize("head", [{"Content-Length": "", "Transfer-Encoding": "chunked"}, {}])
async def test_a_body_that_is_cut_off_is_no_delivery(
    served: Serving, handler: Handler, head: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with served(PATIENT) as server:
        connection = await server.connect()
        connection.send(server.head(None, **head) + (b"9\r\n" if head else b"") + BODY[:3])
        await eventually(lambda: server.edge._guard.gate._arriving)
        connection.writer.transport.abort()
        await eventually(lambda: not server.edge._guard.visits)
        assert await server.post() == 200
    assert len(handler.events) == 1
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"5;\r\nabcdefgh\r\n", b"-1\r\n\r\n"])
async def test_chunks_that_are_none_are_answered_400(served: Serving, chunks: bytes) -> None:
    async with served(PATIENT) as server:
        connection = await server.connect()
        connection.send(server.head(**{"Content-Length": "", "Transfer-Encoding": "chunked"}) + chunks)
        assert await connection.status() == 400
        assert await server.post() == 200


@pytest.mark.parametrize("header", ["x" * 1100, "x" * 100_000])
async def test_a_long_header_is_answered_400(
    served: Serving, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(evolve(PATIENT, max_header=1024)) as server:
        assert await server.post(**{"X-Long": "x" * 900}) == 200
        connection = await server.connect()
        connection.send(server.head(**{"X-Long": header}) + BODY)
        assert await connection.status() == 400
        await connection.closed()
    assert "xxxx" not in caplog.text
    assert not caplog.records  # a sender must not be able to fill the log, or a disk


async def test_as_many_as_may_are_worked_on_and_others_told_to_come_again(
    served: Serving, handler: Handler
) -> None:
    go_on = asyncio.Event()
    handler.before = go_on.wait
    async with served(evolve(PATIENT, max_concurrent=2)) as server:
        first = [asyncio.create_task(server.post()) for _ in range(2)]
        await eventually(lambda: server.edge._guard.gate._at_work == 2)
        connection = await server.connect()
        connection.send(server.head())  # refused by its head alone
        assert await connection.status() == 503
        go_on.set()
        assert await asyncio.gather(*first) == [200, 200]
        assert await server.post() == 200


async def test_who_came_in_with_a_head_is_counted_when_the_body_is_there(
    served: Serving, handler: Handler
) -> None:
    go_on = asyncio.Event()
    handler.before = go_on.wait
    async with served(evolve(PATIENT, max_concurrent=1)) as server:
        slow = await server.connect()
        slow.send(server.head())
        await eventually(lambda: server.edge._guard.gate._arriving)
        quick = asyncio.create_task(server.post())
        await eventually(lambda: server.edge._guard.gate._at_work == 1)
        slow.send(BODY)
        assert await slow.status() == 503
        go_on.set()
        assert await quick == 200


async def test_more_than_its_rate_is_answered_429(served: Serving, handler: Handler) -> None:
    async with served(evolve(PATIENT, rate=Rate(0.001, 2))) as server:
        assert [await server.post() for _ in range(2)] == [200, 200]
        connection = await server.connect()
        connection.send(server.head())
        head = await connection.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 429 ")
        (seconds,) = [line for line in head.splitlines() if line.lower().startswith(b"retry-after:")]
        assert 990 <= int(seconds.partition(b":")[2]) <= 1000
        assert await server.post(path="/v1/callback") == 200  # another source
    assert len(handler.events) == 3


async def test_forgeries_do_not_use_up_a_rate(served: Serving) -> None:
    async with served(evolve(PATIENT, rate=Rate(0.001, 2))) as server:
        assert [await server.post(**{"X-Signature": "0" * 64}) for _ in range(10)] == [401] * 10
        assert await server.post() == 200


async def test_a_source_that_does_not_exist_costs_nothing(served: Serving) -> None:
    async with served(evolve(PATIENT, rate=Rate(0.001, 1))) as server:
        assert [await server.post(path=f"/webhooks/none-{number}") for number in range(9)] == [404] * 9
        assert server.edge._guard.gate._buckets._full_at == {}
        assert server.edge._guard.visits == {}


async def drip(server: Served, count: int, part: bytes) -> list[Connection]:
    connections = [await server.connect() for _ in range(count)]
    for connection in connections:
        connection.send(part)
    return connections


@pytest.mark.parametrize("stage", ["silent", "head", "body"])
async def test_a_slowloris_keeps_nobody_out(served: Serving, stage: str) -> None:
    """Hundreds of connections that never end what they begin, and no time after which they are closed."""
    async with served(evolve(PATIENT, max_connections=50)) as server:
        part = {"silent": b"", "head": server.head()[:-2], "body": server.head() + BODY[:2]}[stage]
        for _ in range(4):
            await drip(server, 75, part)
            assert [await server.post() for _ in range(5)] == [200] * 5
        connections = server.edge._guard.connections
        assert len(connections._open) <= 50
        assert len(connections._waiting) <= 50
        await eventually(lambda: len(server.edge._guard.visits) <= 50)


async def test_who_is_worked_on_does_not_give_way(served: Serving, handler: Handler) -> None:
    go_on = asyncio.Event()
    handler.before = go_on.wait
    async with served(evolve(PATIENT, max_connections=10)) as server:
        genuine = [asyncio.create_task(server.post()) for _ in range(5)]
        await eventually(lambda: server.edge._guard.gate._at_work == 5)
        await drip(server, 40, b"POST /")
        await eventually(lambda: len(server.edge._guard.connections._open) == 10)
        go_on.set()
        assert await asyncio.gather(*genuine) == [200] * 5


async def test_where_all_are_worked_on_a_newcomer_gives_way(
    served: Serving, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = asyncio.Event()
    handler.before = go_on.wait
    async with served(evolve(PATIENT, max_connections=3)) as server:
        genuine = [asyncio.create_task(server.post()) for _ in range(3)]
        await eventually(lambda: server.edge._guard.gate._at_work == 3)
        for _ in range(5):
            await (await server.connect()).closed()
        go_on.set()
        assert await asyncio.gather(*genuine) == [200] * 3
        assert await server.post() == 200
    gc.collect()  # a task that has failed says so when it is forgotten
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_bodies_that_arrive_for_ever_give_way(served: Serving) -> None:
    async with served(evolve(PATIENT, max_buffered=300_000)) as server:
        claims = server.head(100_000) + b"x" * 50_000
        first, second, third, fourth = await drip(server, 4, claims)
        assert await first.status() == 408
        assert await server.post() == 200
        assert await second.status() == 408
        assert server.edge._guard.gate._held <= 300_000
        for connection in (third, fourth):
            connection.send(b"x" * 50_000)
            assert await connection.status() == 401


async def test_where_bodies_have_no_room_a_sender_is_to_come_again(served: Serving, handler: Handler) -> None:
    go_on = asyncio.Event()
    handler.before = go_on.wait
    async with served(evolve(PATIENT, max_buffered=len(BODY) + 5)) as server:
        first = asyncio.create_task(server.post())
        await eventually(lambda: server.edge._guard.gate._at_work == 1)
        assert await server.post() == 503
        go_on.set()
        assert await first == 200
        assert await server.post() == 200


async def test_a_body_holds_what_it_has_once_it_is_there(served: Serving, handler: Handler) -> None:
    """One in chunks may become as long as any; until it is there, so much is kept free for it."""
    go_on = asyncio.Event()
    handler.before = go_on.wait
    async with served(evolve(PATIENT, max_buffered=100_020)) as server:
        first, second = await server.connect(), await server.connect()
        chunked = server.head(None, **{"Content-Length": "", "Transfer-Encoding": "chunked"})
        gate = server.edge._guard.gate
        first.send(chunked + b"9\r\n" + BODY + b"\r\n0\r\n\r\n")
        await eventually(lambda: gate._at_work == 1)
        second.send(chunked + b"9\r\n" + BODY + b"\r\n0\r\n\r\n")
        await eventually(lambda: gate._at_work == 2)
        assert gate._held == 2 * len(BODY)
        go_on.set()
        assert [await first.status(), await second.status()] == [200, 200]


@pytest.mark.parametrize(
    "claimed", [{"Content-Length": str(2**30)}, {"Content-Length": "", "Transfer-Encoding": "chunked"}]
)
async def test_a_body_of_a_gibibyte_is_neither_kept_nor_waited_for(
    served: Serving, claimed: dict[str, str]
) -> None:
    """As much of it as the server takes is sent. Beside it a genuine delivery is answered."""
    block = b"x" * 65536
    part = block if claimed["Content-Length"] else b"10000\r\n" + block + b"\r\n"
    async with served(PATIENT) as server:
        tracemalloc.start()
        connection = await server.connect()
        connection.send(server.head(None, **claimed))
        sent = 0

        async def send() -> None:
            nonlocal sent
            while sent < 2**30:
                connection.send(part)
                await connection.writer.drain()
                sent += len(block)

        sending: Awaitable[None] = asyncio.ensure_future(send())
        assert await connection.status() == 413
        assert await server.post() == 200
        await asyncio.gather(sending, return_exceptions=True)  # ends when the server closes
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 * 2**20


async def test_pipelined_requests_of_who_reads_no_answer_give_way(served: Serving) -> None:
    async with served(evolve(PATIENT, max_connections=20)) as server:
        request = server.head() + BODY
        for connection in await drip(server, 20, b""):
            connection.reader._transport.pause_reading()  # type: ignore[attr-defined]
            connection.send(request * 2000)
        assert [await server.post() for _ in range(20)] == [200] * 20
        assert len(server.edge._guard.connections._open) <= 20


async def test_nothing_is_left_of_any_of_them(served: Serving) -> None:
    async with served(evolve(PATIENT, body_timeout_s=SOON)) as server:
        await drip(server, 10, server.head() + BODY[:2])
        await drip(server, 10, b"nonsense\r\n\r\n")
        await drip(server, 10, server.head(2**30))
        await asyncio.gather(*(server.post() for _ in range(10)))
        guard = server.edge._guard
        await eventually(lambda: not guard.visits)
        assert (guard.gate._held, guard.gate._at_work, guard.gate._arriving) == (0, 0, {})
    connections = guard.connections
    await eventually(lambda: not connections._open)
    assert (connections._waiting, connections._deadlines) == ({}, {})
