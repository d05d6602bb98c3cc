"""A `cambist serve` that was started, as its operator and its senders have it."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

SECRET = "the-s3cret"
LONG_S = 60.0  # for what is sure to happen: a loaded machine takes its time


def coin(number: int = 1, **more: Any) -> bytes:
    return json.dumps({"id": number, "amount": "1.050", "status": "struck", **more}).encode()


def eventually(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)


class Lines:
    """What comes out of a stream, read as it comes, so that nobody waits for us to read it."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            self._lines.put(line)
        self._stream.close()
        self._lines.put("")

    def next(self) -> str:
        """Return the next line; nothing at the end."""
        return self._lines.get(timeout=LONG_S)

    def rest(self) -> str:
        """Return all lines that there will be."""
        self._thread.join(LONG_S)
        self._lines.put("")
        return "".join(iter(self.next, ""))


class Server:
    """A server that was started."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout
        assert process.stderr
        self.out, self.err = Lines(process.stdout), Lines(process.stderr)
        self.told: list[str] = []
        self.port = 0

    def listening(self) -> Server:
        """Return when it serves."""
        line = self.out.next()
        assert line.startswith("listening on http://127.0.0.1:"), (line, self.end())
        self.port = int(line.rpartition(":")[2])
        return self

    def post(self, body: bytes | None = None, path: str = "/webhooks/shop", secret: str = SECRET) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=LONG_S)
        try:
            return self.ask(connection, body or coin(), path, secret)
        finally:
            connection.close()

    @staticmethod
    def ask(
        connection: HTTPConnection, body: bytes, path: str = "/webhooks/shop", secret: str = SECRET
    ) -> int:
        """Deliver over a connection, and leave it open."""
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Mint-Signature": signature}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def says(self, text: str) -> str:
        """Return the next line on stderr that has this text."""
        while line := self.err.next():
            self.told.append(line)
            if text in line:
                return line
        raise AssertionError(f"it never said {text!r}: {self.told}")

    def is_listening(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=LONG_S):
                return True
        except ConnectionError:
            return False

    def workers(self) -> list[int]:
        """Return the numbers of its processes."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.send(number)
        return self.end()

    def end(self) -> tuple[int, str, str]:
        """Return exit code, the rest of stdout, and all of stderr, once it has ended."""
        code = self.process.wait(timeout=LONG_S)
        out, err = self.out.rest(), self.err.rest()
        return code, out, "".join(self.told) + err


Configure = Callable[..., Path]
Serve = Callable[..., Server]
