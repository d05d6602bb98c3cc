"""The sockets of a server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from socket import socket

from attrs import frozen

from cambist.errors import ConfigurationError
from cambist_aiohttp import listen
from cambist_cli._config import Config


@frozen
class Listeners:
    """Where a server listens.

    Attributes:
        deliveries: For whoever sends deliveries.
        admin: For the operator's probes.
    """

    deliveries: tuple[socket, ...]
    admin: tuple[socket, ...] = ()


@contextmanager
def open_listeners(config: Config) -> Iterator[Listeners]:
    """Listen where a configuration says, inside of this context.

    Raises:
        ConfigurationError: An address cannot be listened on.
    """
    server = config.server
    with ExitStack() as stack:
        found: list[tuple[socket, ...]] = []
        for host, port in (
            (server.host, server.port),
            *([server.admin_address] if server.admin_address else ()),
        ):
            with _blamed(config, host, port):
                found.append(listen(host, port))
            for each in found[-1]:
                stack.enter_context(each)
        deliveries, *admin = found
        yield Listeners(deliveries, *admin)


@contextmanager
def _blamed(config: Config, host: str, port: int) -> Iterator[None]:
    try:
        yield
    except UnicodeError:  # a name that is too long for any
        reason = "no such name"
    except OSError as error:
        # The number of a name that is not found is negative, and its text is the resolver's.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else str(error.strerror)
    else:
        return
    raise ConfigurationError(f"{config.path}: [server] cannot listen on {host} port {port} ({reason})")
