"""What becomes of a message that cannot be read: a dead letter, with its reason and without its secrets."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import orjson

from cambist import Delivery, Pipeline
from cambist.errors import SHOWN_FAULTS, CambistError, PayloadError, place
from cambist.verification import AllOf, AnyOf, Scheme, SignedMessage
from cambist_queue._message import Message, Received
from cambist_queue._raw import escaped

SCHEMA: Final = "cambist.dead-letter/1"
CONTENT_TYPE: Final = "application/vnd.cambist.dead-letter+json"
_REASON: Final = 1000  # characters, of a letter that has to be small


def of_message(received: Received, reason: str, error: str = "PayloadError") -> Message:
    """Return the dead letter of a message of which nothing is kept but its digest: nothing is known of it."""
    return _letter(
        {
            "error": error,
            "reason": reason[:_REASON],
            "message": {
                "topic": received.topic,
                "partition": received.partition,
                "bytes": len(received.body),
                "sha256": sha256(received.body).hexdigest(),
            },
        }
    )


def reason_of(error: Exception) -> str:
    """Return why a delivery was refused. The text of an error that is not ours may hold a value."""
    return str(error) if isinstance(error, CambistError) else place(error)


def of_delivery(
    delivery: Delivery, error: Exception, pipeline: Pipeline, *, card_numbers: bool = False
) -> Message:
    """Return the dead letter of a delivery that was refused.

    It has the body without card numbers, those headers that the provider's parser reads, and signatures. No
    other header is kept, for it may be a credential, and no path, which can hold a secret. What the secrets
    of a source are is not known if it is not configured, so that only the body of such a delivery is kept.
    Of headers, each character stands for the byte of its number, as in a raw delivery.

    Args:
        delivery: What was refused.
        error: Why.
        pipeline: Which sources there are.
        card_numbers: Whether the body of a source that is not configured may hold them. It is not kept, then.
    """
    route = pipeline.route(delivery.source)
    shown: dict[str, Any] = {}
    if route is not None:
        names = {name.lower() for name in (*route.provider.headers, *_of_signatures(route.scheme))}
        shown["headers"] = [
            [escaped(name), escaped(value)] for name, value in delivery.headers.items_all() if name in names
        ]
    if route is not None or not card_numbers:
        shown["body"] = b64encode(pipeline.redacted(delivery).body).decode()
    faults = error.faults[:SHOWN_FAULTS] if isinstance(error, PayloadError) else ()
    return _letter(
        {
            "error": type(error).__name__,
            "reason": reason_of(error),
            "faults": [{"path": path, "problem": problem} for path, problem in faults],
            "delivery": {
                "source": delivery.source[:64],
                "received_at": None
                if delivery.received_at is None
                else delivery.received_at.astimezone(UTC).isoformat(),
                "bytes": len(delivery.body),
                **shown,
            },
        }
    )


def _of_signatures(scheme: Scheme) -> Iterator[str]:
    """Return the names of the headers that hold signatures. A signature is of no use for another body."""
    if isinstance(scheme, AllOf | AnyOf):
        for inner in scheme.schemes:
            yield from _of_signatures(inner)
    elif isinstance(scheme, SignedMessage):
        yield scheme.header
        if scheme.timestamp and scheme.timestamp.header:
            yield scheme.timestamp.header


def _letter(document: Mapping[str, Any]) -> Message:
    return Message(orjson.dumps({"schema": SCHEMA, **document}), CONTENT_TYPE, uuid4().hex, "")
