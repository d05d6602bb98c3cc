"""Raw deliveries on a queue: ``cambist.delivery/1``, which an edge in any language can write."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import orjson

from cambist import Delivery, Headers
from cambist_queue._message import Message

SCHEMA: Final = "cambist.delivery/1"
CONTENT_TYPE: Final = "application/vnd.cambist.delivery+json"
_KEYS = {"schema", "source", "received_at", "headers", "body", "path", "remote"}


def encode_delivery(delivery: Delivery, key: str) -> Message:
    """Return a delivery as a message, with all that verifying it takes. It holds what was sent, unmasked.

    Args:
        delivery: As it arrived, with ``received_at``.
        key: Decides the partition.
    """
    if delivery.received_at is None:
        raise ValueError("a delivery on a queue says when it was received")
    document = {
        "schema": SCHEMA,
        "source": delivery.source,
        "received_at": delivery.received_at.astimezone(UTC).isoformat(),
        "headers": [[escaped(name), escaped(value)] for name, value in delivery.headers.items_all()],
        "body": b64encode(delivery.body).decode(),
        "path": None if delivery.path is None else escaped(delivery.path),
        "remote": delivery.remote,
    }
    # No digest for an id: where a broker drops what it has seen, a forged copy would displace a genuine one.
    return Message(orjson.dumps(document), CONTENT_TYPE, uuid4().hex, key)


def escaped(text: str) -> str:
    """Return the bytes of a text, whether or not they are UTF-8, each as the character of its number."""
    return text.encode(errors="surrogateescape").decode("latin-1")


def decode_delivery(body: bytes) -> Delivery:
    """Return the delivery of a message.

    Raises:
        ValueError: It is not ``cambist.delivery/1``. The message names the member, and shows no value.
    """
    try:
        document = orjson.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"is not a JSON object whose schema is {SCHEMA}")
    if unknown := sorted(map(str, document.keys() - _KEYS)):
        raise ValueError(f"has {len(unknown)} members that {SCHEMA} does not know")
    path = _text(document, "path")
    return Delivery(
        source=_text(document, "source") or "",
        headers=_headers(document.get("headers")),
        body=_body(document.get("body")),
        received_at=_time(document.get("received_at")),
        path=None if path is None else _latin(path, "path").decode(errors="surrogateescape"),
        remote=_text(document, "remote"),
    )


def _text(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is None and name != "source":
        return None
    if isinstance(value, str):
        return value
    raise ValueError(f"{name}: is not a text")


def _latin(text: str, name: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        problem = (
            f"{name}: has characters that stand for no byte (write each byte as the character of its number)"
        )
    raise ValueError(problem)


def _headers(given: Any) -> Headers:
    if not isinstance(given, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
        for pair in given
    ):
        raise ValueError("headers: is not a list of pairs of texts")
    return Headers([(_latin(name, "headers"), _latin(value, "headers")) for name, value in given])


def _body(given: Any) -> bytes:
    problem = "body: is not a text in base64"
    if isinstance(given, str):
        try:
            return b64decode(given, validate=True)
        except ValueError:
            pass
    raise ValueError(problem)


def _time(given: Any) -> datetime:
    if isinstance(given, str):
        try:
            when = datetime.fromisoformat(given)
            if when.tzinfo is not None:
                return when.astimezone(UTC)
        except (ValueError, OverflowError):  # in UTC it may be in no year that there is
            pass
    raise ValueError("received_at: is no time with a zone, like 2026-01-31T12:00:00Z")
