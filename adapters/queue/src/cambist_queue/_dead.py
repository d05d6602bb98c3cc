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
from cambist.errors import SHOWN_FAULTS, CambistError, PayloadError, UnknownSource
from cambist.verification import AllOf, AnyOf, Scheme, SignedMessage
from cambist_queue._message import Message, Received

SCHEMA: Final = "cambist.dead-letter/1"
CONTENT_TYPE: Final = "application/vnd.cambist.dead-letter+json"


def of_message(received: Received, reason: str) -> Message:
    """Return the dead letter of a message that is no delivery. None of it is kept: nothing is known of it."""
    return _letter(
        {
            "error": "PayloadError",
            "reason": reason,
            "message": {
                "topic": received.topic,
                "partition": received.partition,
                "bytes": len(received.body),
                "sha256": sha256(received.body).hexdigest(),
            },
        }
    )


def of_delivery(delivery: Delivery, error: CambistError, pipeline: Pipeline) -> Message:
    """Return the dead letter of a delivery that was refused.

    It has the body without card numbers, those headers that the provider's parser reads, and signatures. No
    other header is kept, for it may be a credential, and no path, which can hold a secret. What the secrets
    of a source are is not known if it is not configured, so that nothing of such a delivery is kept.
    """
    route = pipeline.route(delivery.source)
    shown: Mapping[str, Any] = {}
    if route is not None and not isinstance(error, UnknownSource):
        kept = pipeline.redacted(delivery)
        names = {name.lower() for name in (*route.provider.headers, *_of_signatures(route.scheme))}
        shown = {
            "headers": [[name, value] for name, value in kept.headers.items_all() if name in names],
            "body": b64encode(kept.body).decode(),
        }
    faults = error.faults[:SHOWN_FAULTS] if isinstance(error, PayloadError) else ()
    return _letter(
        {
            "error": type(error).__name__,
            "reason": str(error),
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
