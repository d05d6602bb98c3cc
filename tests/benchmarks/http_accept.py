"""What a receiver with an inbox does over HTTP beside an aiohttp handler that only reads and answers.

Each server is one process, and all get the same load in turn: wrk with one thread and 64 connections, and
CoinsPaid deposits, each of them a new one, signed before. ``bare aiohttp`` reads the body and answers 200.
``receiver and inbox`` is ``serving(Receiver(pipeline, Inbox(...)))``: it verifies, normalises, and answers
200 when SQLite has committed to the disk (WAL, ``synchronous=FULL``). Then it gets deliveries that it has
already, and then new ones at half of its top rate, evenly spaced, each timed from the moment at which it was
due: a p99 of that which is many times the p50 tells of stalls.

Run: ``python tests/benchmarks/http_accept.py``. Prints medians of the rounds, and ratios. With ``parts`` a
receiver whose sink keeps nothing takes its turn, too; with ``uvloop`` all servers run on it. It needs wrk.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from aiohttp import web

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist_aiohttp import serving
from cambist_inbox import Inbox

CONNECTIONS = 64
ROUNDS, SECONDS = int(os.environ.get("CAMBIST_ROUNDS", "5")), int(os.environ.get("CAMBIST_SECONDS", "2"))
PACED_S = 4.0
SECRET = "s3cret"
MOST = 8000  # new deliveries a second that the table has room for
HEAD = (
    b"POST /webhooks/shop HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"X-Processing-Key: merchant\r\nX-Processing-Signature: %s\r\nContent-Length: %d\r\n\r\n"
)
CHECK = "SELECT count(*), sum(times) FROM events"


# Requests of one size in a file, walked from a place on.
WALK = """
local file, size
function init(arguments)
  file, size = io.open(arguments[1], "rb"), tonumber(arguments[2])
  file:seek("set", tonumber(arguments[3]) * size)
end
function request()
  return file:read(size) or error("the table is too short")
end
function done(summary)
  local errors, sum = summary.errors, 0
  for _, count in pairs(errors) do sum = sum + count end
  io.stderr:write(string.format('[%d, %d, %d]', summary.requests, summary.duration, sum))
end
"""


class Table(NamedTuple):
    """Requests in a file, each of the same size."""

    path: Path
    size: int


class Run(NamedTuple):
    """What wrk tells of one run."""

    answers: int
    us: int
    errors: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.us * 1e6


def write_table(path: Path, count: int) -> Table:
    """Write signed requests, each of another deposit."""
    first = 10 ** len(str(count))
    document = json.loads(Pipeline([source()]).routes[0].provider.samples[0].body)
    before, after = json.dumps({**document, "id": first}).encode().split(str(first).encode())
    key, size = SECRET.encode(), 0
    with path.open("wb") as file:
        for number in range(first, first + count):
            body = before + str(number).encode() + after
            head = HEAD % (hmac.digest(key, body, "sha512").hex().encode(), len(body))
            size = file.write(head + body)
    return Table(path, size)


def source() -> Source:
    """Return the source that both servers are sent to."""
    return Source("shop", "coinspaid", {"secrets": [SECRET]})


async def bare() -> None:
    """Serve a handler that only reads the body."""

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks/shop", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    await served(f"http://{host}:{port}")


async def nothing_kept() -> None:
    """Serve a receiver whose sink does nothing."""

    async def on_event(_event: PaymentEvent) -> None:
        pass

    async with serving(Receiver(Pipeline([source()]), on_event)) as address:
        await served(address)


async def inbox(path: str) -> None:
    """Serve a receiver with an inbox."""
    pipeline = Pipeline([source()])
    async with Inbox(pipeline, f"sqlite:///{path}") as store, serving(Receiver(pipeline, store)) as address:
        await served(address)


async def served(address: str) -> None:
    """Tell the address, and stay until the one who asked is gone."""
    print(address, flush=True)
    await asyncio.to_thread(sys.stdin.read)


SERVERS: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "bare aiohttp": bare,
    "receiver": nothing_kept,
    "receiver and inbox": inbox,
}
FLOOR, OURS = "bare aiohttp", "receiver and inbox"


def serve(loop: str, name: str, *arguments: str) -> None:
    """Run one server in this process."""
    running = SERVERS[name](*arguments)
    if loop == "uvloop":
        import uvloop

        uvloop.run(running)
    else:
        asyncio.run(running)


@contextmanager
def server(*arguments: str) -> Iterator[str]:
    """Run a server in a process of its own, and give its address."""
    loop = "uvloop" if "uvloop" in sys.argv else "asyncio"
    command = [sys.executable, __file__, "serve", loop, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()


class Load:
    """Sends what a table has, each request once, to one server or another."""

    def __init__(self, table: Table, script: Path) -> None:
        self.sent = 0
        self._table, self._script = table, script
        script.write_text(WALK)

    def flood(self, address: str, place: int) -> Run:
        """Send as fast as the server answers, from a place of the table on."""
        load = ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(self._script))
        walk = (str(self._table.path), str(self._table.size), str(place))
        done = subprocess.run(
            (*load, f"{address}/webhooks/shop", "--", *walk), capture_output=True, text=True, check=True
        )
        run = Run(*json.loads(done.stderr))
        if run.errors:
            raise SystemExit(f"{run.errors} errors: {done.stdout}")
        return run

    def flood_new(self, address: str) -> Run:
        """Send what was not sent yet."""
        run = self.flood(address, self.sent)
        self.sent += run.answers + 2 * CONNECTIONS  # what was under way at the end counts as sent
        return run

    async def pace(self, address: str, rate: float) -> list[float]:
        """Send at a rate whatever the server does, and return how many ms each took since it was due."""
        host, port = address.removeprefix("http://").split(":")
        loop = asyncio.get_running_loop()
        free: deque[Caller] = deque()
        waiting: deque[tuple[float, bytes]] = deque()
        took: list[float] = []

        def answered(caller: Caller) -> None:
            took.append((loop.time() - caller.due) * 1e3)
            free.append(caller)
            send()

        def send() -> None:
            while waiting and free:
                free.popleft().send(*waiting.popleft())

        for _ in range(CONNECTIONS):
            _, caller = await loop.create_connection(lambda: Caller(answered), host, int(port))
            free.append(caller)
        with self._table.path.open("rb") as file:
            file.seek(self.sent * self._table.size)
            count, began = int(rate * PACED_S), loop.time()
            for number in range(count):
                due = began + number / rate
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                waiting.append((due, file.read(self._table.size)))
                send()
        while len(took) < count:
            await asyncio.sleep(0.01)
        self.sent += count
        return took


class Caller(asyncio.Protocol):
    """A connection with one request at a time."""

    def __init__(self, answered: Callable[[Caller], None]) -> None:
        self.due = 0.0
        self._answered = answered
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, due: float, request: bytes) -> None:
        """Send a request that was due at a time."""
        self.due, self._answer = due, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Tell that the answer is there, once it is: it has no body."""
        self._answer += data
        if self._answer.endswith(b"\r\n\r\n"):
            if not self._answer.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(f"got {self._answer[:60]!r}")
            self._answered(self)


def main() -> None:
    """Measure in turn, so that a change of the machine's speed meets all alike."""
    if shutil.which("wrk") is None:
        print("nothing is measured: wrk is not installed (the Debian package wrk)")
        return
    with tempfile.TemporaryDirectory(dir=os.environ.get("CAMBIST_FOLDER")) as folder, ExitStack() as stack:
        table = write_table(Path(folder, "requests"), int(MOST * (SECONDS * (ROUNDS + 1) + PACED_S)))
        load = Load(table, Path(folder, "walk.lua"))
        file = f"{folder}/inbox.db"
        addresses = {
            name: stack.enter_context(server(name, *[file] * (name == OURS)))
            for name in SERVERS
            if name in (FLOOR, OURS) or "parts" in sys.argv
        }
        load.flood_new(addresses[OURS])  # a database of no rows is another one
        rounds = [
            {n: load.flood_new(a) if n == OURS else load.flood(a, 0) for n, a in addresses.items()}
            for _ in range(ROUNDS)
        ]
        again = load.flood(addresses[OURS], 0)
        top = statistics.median(each[OURS].rate for each in rounds)
        took = asyncio.run(load.pace(addresses[OURS], top / 2))
        report(rounds, again, took)
        with closing(sqlite3.connect(file)) as database:
            events, times = database.execute(CHECK).fetchone()
    print(f"{events:,} events are stored, which came {times:,} times")
    answers = sum(each[OURS].answers for each in rounds) + len(took)
    if not answers <= events <= load.sent or times < answers + again.answers:
        raise SystemExit(f"wrong: {answers} new deliveries and {again.answers} redeliveries were answered")


def report(rounds: Sequence[dict[str, Run]], again: Run, took: Sequence[float]) -> None:
    """Print the medians, and the ratios of the rounds."""
    for name in rounds[0]:
        print(f"{name}: {statistics.median(each[name].rate for each in rounds):,.0f} answers a second")
    print(f"{OURS}, redelivered: {again.rate:,.0f} answers a second")
    for name in [name for name in rounds[0] if name != FLOOR]:
        ratios = [each[name].rate / each[FLOOR].rate for each in rounds]
        shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{name} beside {FLOOR!r}: ratio {statistics.median(ratios):.2f} (rounds: {shown})")
    p50, p99 = (statistics.quantiles(took, n=100)[each] for each in (49, 98))
    print(f"{OURS}, at half of its top rate: p50 {p50:.1f} ms, p99 {p99:.1f} ms, ratio {p99 / p50:.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        main()
