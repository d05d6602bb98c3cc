"""What a service manager is told: systemd's protocol, a datagram of lines."""

from __future__ import annotations

import contextlib
import os
import socket
import time


def notify(state: str) -> None:
    """Tell the service manager, if there is one that asks for it. One that does not listen stops nothing.

    Args:
        state: ``READY``, ``RELOADING`` or ``STOPPING``; see sd_notify(3).
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    message = f"{state}=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(f"\0{address[1:]}" if address[0] == "@" else address)
        sender.send(message.encode())
