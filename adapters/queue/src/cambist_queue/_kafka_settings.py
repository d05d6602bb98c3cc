"""What an address is in librdkafka's words."""

from __future__ import annotations

import logging
from typing import Any, Final

from cambist.errors import ConfigurationError
from cambist_queue._address import Address

SILENT: Final = logging.Logger("cambist.queue.librdkafka", logging.CRITICAL + 1)
"""Where the driver logs. What matters of it is raised, or logged by us."""


LARGEST: Final = 8 * 1024 * 1024
"""How large a message may be. Kafka's own 1 MiB is less than a large delivery in base64."""


def shared(address: Address) -> dict[str, Any]:
    """Return the settings for connecting.

    Raises:
        ConfigurationError: The password is missing, or would be shown.
    """
    return {
        "socket.keepalive.enable": True,
        "socket.timeout.ms": max(2000, _ms(address)),
        "socket.connection.setup.timeout.ms": max(1000, _ms(address)),
        "reconnect.backoff.max.ms": 1000,
        "security.protocol": _protocol(address),
        **_tls(address),
        **_sasl(address),
    }


def sending(address: Address) -> Any:
    """Return the settings of a producer: a message is confirmed in time, or given up."""
    return {
        **shared(address),
        "message.timeout.ms": _ms(address),
        "topic.metadata.propagation.max.ms": 1000,
    }


def reading(address: Address) -> Any:
    """Return the settings of a consumer. It prefetches no more than that."""
    return {**shared(address), "queued.max.messages.kbytes": 16 * 1024}


def _ms(address: Address) -> int:
    return int(address.timeout_s * 1000)


def _protocol(address: Address) -> str:
    return ("sasl_" if address.user else "") + ("ssl" if address.tls else "plaintext")


def _tls(address: Address) -> dict[str, Any]:
    """Return the files that the context was made of: the driver brings a TLS of its own."""
    if address.tls is None:
        return {}
    names = {
        "ca_file": "ssl.ca.location",
        "cert_file": "ssl.certificate.location",
        "key_file": "ssl.key.location",
    }
    files = {names[key]: path for key, path in address.tls_table.items() if key in names}
    if "ssl.certificate.location" in files:
        files.setdefault("ssl.key.location", files["ssl.certificate.location"])
    check = "https" if address.tls.check_hostname else "none"
    return {**files, "ssl.endpoint.identification.algorithm": check}


def _sasl(address: Address) -> dict[str, Any]:
    if address.user is None:
        return {}
    if address.password is None:
        raise ConfigurationError("password: is missing, and there is a user")
    if address.mechanism == "PLAIN" and address.tls is None:
        raise ConfigurationError("mechanism: PLAIN shows the password; use kafka+tls:// or another one")
    return {
        "sasl.mechanism": address.mechanism,
        "sasl.username": address.user,
        "sasl.password": address.password.reveal(),
    }
