"""Sockets to listen on."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack


def listen(host: str, port: int) -> tuple[socket.socket, ...]:
    """Return a listening socket for each address of a host, all on one port.

    Processes that are forked after this share them: a connection waits until one of them takes it, whichever
    others end. Of a process with a socket of its own (``SO_REUSEPORT``) the kernel resets what waits for it.

    Args:
        host: An address or a name.
        port: The port; 0 takes a free one.

    Raises:
        OSError: The name is not found, or an address is not this machine's, or taken.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        for family, kind, number, _, address in dict.fromkeys(found):
            try:
                listener = stack.enter_context(socket.socket(family, kind, number))
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind((address[0], port, *address[2:]))
            except OSError as error:
                # A name may have an address of a family that is switched off here.
                if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    continue
                raise
            listener.listen(128)
            port = listener.getsockname()[1]
            sockets.append(listener)
        if not sockets:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        stack.pop_all()
        return tuple(sockets)


def address_of(listener: socket.socket) -> str:
    """Return the address of a socket: ``http://127.0.0.1:54321``."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
