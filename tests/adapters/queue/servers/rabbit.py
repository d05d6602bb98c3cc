"""RabbitMQ: a node of its own, beside the one that the machine may run as a service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .process import Process, answers, free_port

# Not the command in the path: Debian's asks for the service's user, and knows only the service's node.
BINARY: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def missing() -> str | None:
    return None if BINARY.exists() else f"there is no {BINARY}: install rabbitmq-server"


class Server:
    """A server.

    Args:
        folder: Where its data is.
        settings: Further lines of its configuration.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object] | None = None) -> None:
        self.port = free_port()
        config = folder / "rabbitmq.conf"
        config.write_text("".join(f"{name} = {value}\n" for name, value in (settings or {}).items()))
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),  # of the cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # the service's says which node it is
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "none"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_NODENAME": f"cambist{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, so that a signal reaches it
        }
        self._process = Process([str(BINARY)], folder / "log", environ)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process.start(lambda: answers(self.port))

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.stop()
