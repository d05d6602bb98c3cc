"""What is legal in a configuration, and dangerous."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from cambist import Route, Secret
from cambist_cli._config import Config
from cambist_cli._mending import Problem, label_of
from cambist_cli._server_table import Server
from cambist_cli._settings import secret_settings
from cambist_cli._toml_lines import Path

_IN_CLEAR: Final = "a password stands in the file: use { env = … }"


def warnings(
    config: Config, document: dict[str, Any], routes: Mapping[int, Route], now: datetime
) -> Iterator[Problem]:
    """Return what an operator should know of a configuration that is in order.

    Args:
        config: What the document says.
        document: The document as it was read.
        routes: The sources by their index in it.
        now: When secrets have to hold.
    """
    yield from _server(config.server, document.get("server", {}))
    for index, route in routes.items():
        place = ("sources", index)
        label = label_of(document, place)
        # A scheme's name tells its ways: any one of them is enough.
        if "none" in route.scheme.name.split("|"):
            yield Problem(place, f"{label} accepts unverified deliveries, as its settings ask for")
        for key in secret_settings(route.provider):
            given = document["sources"][index].get(key, [])
            secrets = getattr(route.settings, key) or ()
            yield from _secrets((*place, key), f"{label} {key}", given, secrets, now)
    for index, sink in enumerate(document.get("sinks", [])):
        if _has_password(sink["url"]):
            place = ("sinks", index)
            yield Problem((*place, "url"), f"{label_of(document, place)} url: {_IN_CLEAR}")
    if "inbox" in document:
        yield from _secrets(("inbox", "keys"), "[inbox] keys", document["inbox"].get("keys", []), (), now)
        if _has_password(document["inbox"]["url"]):
            yield Problem(("inbox", "url"), f"[inbox] url: {_IN_CLEAR}")
    elif config.sinks:
        yield Problem(
            ("sinks",),
            "[[sinks]]: there is no [inbox]: what comes again is handed on again, and nothing is stored",
        )


def _server(server: Server, given: Mapping[str, Any]) -> Iterator[Problem]:
    dangers = {
        "trust_traceparent": server.trust_traceparent
        and not server.traces
        and "does nothing without traces = true",
        "forwarded_header": "forwarded_header" in given
        and not server.trusted_proxies
        and "does nothing without trusted_proxies: no header is believed",
        "admin": server.admin_address
        and not _is_loopback(server.admin_address[0])
        and "is not on this machine alone: whoever reaches it sees the names of sources, and what they bring",
    }
    for key, danger in dangers.items():
        if danger:
            yield Problem(("server", key), f"[server] {key}: {danger}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _secrets(
    place: Path, label: str, given: Any, secrets: tuple[Secret, ...], now: datetime
) -> Iterator[Problem]:
    for index, entry in enumerate(given):
        if isinstance(entry, str) or "value" in entry:
            yield Problem(
                (*place, index), f"{label}[{index}]: the secret itself stands in the file: use env or file"
            )
    if secrets and not any(secret.holds_at(now) for secret in secrets):
        yield Problem(place, f"{label}: none holds now: every delivery is refused")
        return
    for index, secret in enumerate(secrets):
        if secret.not_after is not None and secret.not_after <= now:
            yield Problem((*place, index), f"{label}[{index}]: {secret.label!r} holds no longer: take it out")


def _has_password(url: Any) -> bool:
    return isinstance(url, str) and urlsplit(url).password is not None
