"""``[server]`` of the configuration file."""

from __future__ import annotations

import re
from typing import Any, Literal

from attrs import Attribute, field, frozen

from cambist.errors import ConfigurationError
from cambist.verification import TrustedProxies
from cambist_cli._checks import checked, is_text, is_whole

_is_address = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/\s]+):(?P<port>[0-9]{1,5})").fullmatch


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_admin(value: Any) -> bool:
    found = _is_address(value) if isinstance(value, str) else None
    return value is None or (found is not None and int(found["port"]) <= 65535)


def _check_proxies(_: object, attribute: Attribute[Any], value: Any) -> None:
    problem = 'is not a list of addresses and networks, like ["10.0.0.0/8"]'
    if isinstance(value, tuple) and all(map(is_text, value)):
        try:
            TrustedProxies(value)
        except ConfigurationError as error:
            problem = error.reason
        else:
            return
    raise ValueError(f"{attribute.name}: {problem}")


@frozen
class Server:
    """``[server]``: where deliveries are received.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        prefix: Under which path the sources are.
        max_body: The largest body, in bytes.
        admin: Where ``/healthz``, ``/readyz`` and ``/metrics`` are: ``127.0.0.1:9090``. Nowhere unless given.
        trusted_proxies: The addresses and networks of your own proxies.
        forwarded_header: In which header they tell whom they had a request from.
        traces: Whether each delivery is a span.
        trust_traceparent: Whether a request may say which span its delivery's belongs to.
        workers: How many processes serve.
        loop: Whose event loop they run: ``asyncio``'s, ``uvloop``'s, or uvloop's where it is installed.
        shutdown_timeout_s: Within how many seconds the server ends once it is told to.
    """

    host: str = field(default="127.0.0.1", validator=checked(is_text, "is not an address or a host's name"))
    port: int = field(
        default=8080,
        validator=checked(lambda port: is_whole(port, 0, 65535), "is not a whole number from 0 to 65535"),
    )
    prefix: str = field(
        default="/webhooks",
        validator=checked(
            lambda prefix: isinstance(prefix, str) and re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix),
            "is not a path like /webhooks",
        ),
    )
    max_body: int = field(
        default=1024 * 1024,
        validator=checked(lambda size: is_whole(size, 1, 2**31), "is not a number of bytes from 1 to 2 GiB"),
    )
    admin: str | None = field(
        default=None, validator=checked(_is_admin, "is not an address and a port, like 127.0.0.1:9090")
    )
    trusted_proxies: tuple[str, ...] = field(default=(), converter=_tuple, validator=_check_proxies)
    forwarded_header: Literal["X-Forwarded-For", "Forwarded"] = field(
        default="X-Forwarded-For",
        validator=checked(
            lambda name: name in ("X-Forwarded-For", "Forwarded"),
            'is neither "X-Forwarded-For" nor "Forwarded"',
        ),
    )
    traces: bool = field(default=False, validator=checked(_is_flag, "is neither true nor false"))
    trust_traceparent: bool = field(default=False, validator=checked(_is_flag, "is neither true nor false"))
    workers: int = field(
        default=1,
        validator=checked(lambda count: is_whole(count, 1, 64), "is not a whole number from 1 to 64"),
    )
    loop: Literal["auto", "asyncio", "uvloop"] = field(
        default="auto",
        validator=checked(
            lambda name: name in ("auto", "asyncio", "uvloop"), 'is none of "auto", "asyncio" and "uvloop"'
        ),
    )
    shutdown_timeout_s: int = field(
        default=25,
        validator=checked(
            lambda seconds: is_whole(seconds, 1, 3600), "is not a whole number of seconds from 1 to 3600"
        ),
    )

    @property
    def proxies(self) -> TrustedProxies | None:
        """Whose word is taken for where a request came from."""
        if not self.trusted_proxies:
            return None
        return TrustedProxies(self.trusted_proxies, self.forwarded_header)

    @property
    def admin_address(self) -> tuple[str, int] | None:
        """Host and port of ``admin``."""
        found = _is_address(self.admin) if self.admin else None
        return (found["host"].strip("[]"), int(found["port"])) if found else None
