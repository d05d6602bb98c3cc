"""Which event loop a server runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cambist.errors import ConfigurationError
from cambist_cli._config import Config


def loop_factory(config: Config) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the loop; nothing for asyncio's own.

    Raises:
        ConfigurationError: uvloop is asked for, and not installed.
    """
    if config.server.loop == "asyncio":
        return None
    try:
        from uvloop import new_event_loop
    except ImportError:
        if config.server.loop == "auto":
            return None
    else:
        return new_event_loop
    raise ConfigurationError(
        f"{config.path}: [server] loop: uvloop is not installed: install cambist-cli[uvloop]"
    )
