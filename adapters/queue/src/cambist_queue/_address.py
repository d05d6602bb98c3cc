"""Where a broker is, and how to prove oneself to it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen

from cambist import Secret
from cambist.errors import ConfigurationError

# The scheme of a URL → the module of the broker, the extra that it needs, its port, and whether it is TLS.
SCHEMES: Final[Mapping[str, tuple[str, int, bool]]] = {
    "nats": ("nats", 4222, False),
    "nats+tls": ("nats", 4222, True),
    "amqp": ("rabbit", 5672, False),
    "amqps": ("rabbit", 5671, True),
    "redis": ("redis", 6379, False),
    "rediss": ("redis", 6379, True),
    "kafka": ("kafka", 9092, False),
    "kafka+tls": ("kafka", 9092, True),
}
_TLS = {"ca_file", "cert_file", "key_file", "check_hostname"}
_MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
# A broker with parts that know nothing of each other → the one that a URL without a path leads to.
_PARTS: Final[Mapping[str, str]] = {"rabbit": "/", "redis": "0"}


@frozen
class Address:
    """A broker, out of its URL.

    Args:
        broker: Its module: ``nats``, ``rabbit``, ``redis`` or ``kafka``.
        hosts: Its servers, each a host and a port; the first that answers is used.
        user: Who we are there, if it asks.
        password: Proves that.
        path: What follows the servers: RabbitMQ's virtual host, or the number of Redis' database.
        tls: How to speak TLS; ``None`` in clear.
        timeout_s: How long connecting, or one confirmation, may take.
        mechanism: How Kafka has the user proven: ``SCRAM-SHA-512``, ``SCRAM-SHA-256`` or ``PLAIN``.
        tls_table: What the context of ``tls`` was made of, for a driver that brings a TLS of its own.
        allow_loss: Whether Redis may keep messages in memory alone.
    """

    broker: str
    hosts: tuple[tuple[str, int], ...]
    user: str | None = None
    password: Secret | None = None
    path: str = ""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    timeout_s: float = 5.0
    mechanism: str = _MECHANISMS[0]
    tls_table: Mapping[str, Any] = field(factory=dict, repr=False)
    allow_loss: bool = False

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers as ``host:port``."""
        return tuple(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)

    @property
    def part(self) -> str:
        """The virtual host of RabbitMQ, or the number of Redis' database; nothing where there are none."""
        return (self.path or _PARTS[self.broker]) if self.broker in _PARTS else ""


def address_of(url: str, options: Mapping[str, Any] | None = None) -> Address:
    """Return what a URL and its options say.

    Args:
        url: ``nats://user:password@host:4222,other:4222``; its scheme names the broker, and TLS.
        options: ``user``, ``password``, ``timeout_s``, for Kafka ``mechanism``, for Redis ``allow_loss``, and
            ``tls``: a table of ``ca_file``, ``cert_file``, ``key_file``, ``check_hostname``.

    Raises:
        ConfigurationError: Something is unknown or malformed. It shows no part of the URL but its scheme.
    """
    given = dict(options or {})
    parts = _split(url)
    broker, port, is_tls = SCHEMES[parts.scheme]
    credentials, _, servers = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    tls = given.pop("tls", None)
    if tls is not None and not is_tls:
        raise ConfigurationError(f"tls: {parts.scheme}:// is in clear; with TLS it is {_with_tls(broker)}://")
    secret = _password(given.pop("password", unquote(password) or None))
    timeout_s = given.pop("timeout_s", 5.0)
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 < timeout_s <= 300:
        raise ConfigurationError("timeout_s: is not a number of seconds up to 300")
    name = given.pop("user", unquote(user) or None)
    if name is not None and not (isinstance(name, str) and name):
        raise ConfigurationError("user: is not a text")
    if name is not None and secret is None:
        raise ConfigurationError("password: is missing, and there is a user")
    if name is None and secret is not None and broker != "redis":  # which knows a user without a name
        raise ConfigurationError("user: is missing, and there is a password")
    mechanism = given.pop("mechanism", _MECHANISMS[0]) if broker == "kafka" else _MECHANISMS[0]
    if mechanism not in _MECHANISMS:
        raise ConfigurationError(f"mechanism: is none of {', '.join(_MECHANISMS)}")
    allow_loss = given.pop("allow_loss", False) if broker == "redis" else False
    if not isinstance(allow_loss, bool):
        raise ConfigurationError("allow_loss: is neither true nor false")
    if given:
        raise ConfigurationError(f"{min(given)}: is not known here")
    return Address(
        broker,
        tuple(_server(each, port) for each in servers.split(",")),
        name,
        secret,
        unquote(parts.path.removeprefix("/")),
        _context(tls or {}) if is_tls else None,
        float(timeout_s),
        mechanism,
        tls or {},
        allow_loss,
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in SCHEMES:
        raise ConfigurationError(f"url: its scheme is none of {', '.join(SCHEMES)}")
    if parts.query or parts.fragment:
        raise ConfigurationError("url: has a query or a fragment: write options as keys of their own")
    return parts


def _with_tls(broker: str) -> str:
    return next(scheme for scheme, (name, _, is_tls) in SCHEMES.items() if name == broker and is_tls)


def _server(text: str, default: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        if parts.hostname:
            return parts.hostname, parts.port or default
    except ValueError:
        pass
    raise ConfigurationError("url: a server of it is no host:port")


def _password(given: Any) -> Secret | None:
    """Return a password out of a text, or of a reference that was resolved."""
    value = given.get("value") if isinstance(given, Mapping) else given
    if value is None:
        return None
    if isinstance(value, Secret):
        return value
    if isinstance(value, str) and value:
        return Secret(value, "password")
    raise ConfigurationError("password: is neither a text nor a table with value, env or file")


def _context(tls: Any) -> ssl.SSLContext:
    if not isinstance(tls, Mapping) or tls.keys() - _TLS:
        raise ConfigurationError(f"tls: is a table of {', '.join(sorted(_TLS))}")
    check = tls.get("check_hostname", True)
    if not isinstance(check, bool):
        raise ConfigurationError("tls.check_hostname: is neither true nor false")
    try:
        context = ssl.create_default_context(cafile=tls.get("ca_file"))
        if "cert_file" in tls:
            context.load_cert_chain(tls["cert_file"], tls.get("key_file"))
    except (OSError, TypeError) as error:  # a file that is missing, or is no certificate
        problem = getattr(error, "strerror", None) or type(error).__name__
    else:
        context.check_hostname = check
        return context
    raise ConfigurationError(f"tls: a file of it cannot be read ({problem})")
