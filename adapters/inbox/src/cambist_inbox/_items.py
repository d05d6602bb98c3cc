"""What is to be written, made ready before it waits its turn: encoded, sealed, bounded."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Any, Final

import orjson
from attrs import frozen

from cambist import (
    Delivery,
    Headers,
    PaymentEvent,
    Processed,
    Provider,
    Verification,
    to_json,
    trace_context,
)
from cambist.errors import CambistError, PayloadError, UnknownSource
from cambist_inbox._vault import Sealed, Vault

Row = dict[str, Any]

# 13 to 19 digits, as they are written on a card.
_card_number = re.compile(rb"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")

REJECTED_BODY: Final = 8 * 1024
"""How much of a refused delivery's body is kept, in bytes."""

_REASON = 1000
_REFERENCE = 512
_REST = 12  # bytes of a payment's key that tell its source, its kind and its whole reference


@frozen
class Entry:
    """An event on its way into the inbox."""

    event: PaymentEvent
    document: Sealed
    payment_key: bytes | None


@frozen
class Acceptance:
    """A genuine delivery: with its events, or for the quarantine without any."""

    row: Row
    entries: tuple[Entry, ...]


@frozen
class Rejection:
    """A refused delivery."""

    row: Row


def acceptance(processed: Processed, provider: Provider, vault: Vault, now: datetime) -> Acceptance:
    """Return what was processed, ready to be written.

    Raises:
        ValueError: It does not show its delivery.
    """
    if processed.delivery is None:
        raise ValueError("an inbox stores deliveries, and this has none")
    entries = tuple(
        Entry(event, vault.seal(to_json(event), event.id), payment_key(event)) for event in processed.events
    )
    row = _delivery_row(processed.delivery, provider, processed.verification, vault, now)
    return Acceptance(row, entries)


def quarantined(
    delivery: Delivery, error: PayloadError, provider: Provider, vault: Vault, now: datetime
) -> Acceptance:
    """Return a genuine delivery that cannot be read, ready to be written."""
    row = _delivery_row(delivery, provider, error.verification, vault, now)
    return Acceptance({**row, "problem": error.reason[:_REASON]}, ())


def rejection(
    delivery: Delivery, error: CambistError, provider: Provider | None, vault: Vault, now: datetime
) -> Rejection:
    """Return a refused delivery, ready to be written.

    Of one that came to no source nothing is kept but its size: who knows what it holds?
    """
    known = not isinstance(error, UnknownSource)
    beginning, rest = delivery.body[: REJECTED_BODY + 64], delivery.body[REJECTED_BODY + 64 :]
    if provider is not None and provider.redact is None:  # what is forged may hold what it never sends
        beginning = _card_number.sub(_masked, beginning)
    digest = hashlib.sha256(beginning + rest).hexdigest()
    body = vault.seal(beginning[:REJECTED_BODY], f"rejection {digest}") if known else Sealed(b"", None)
    return Rejection(
        {
            "stored_at": now,
            "source": storable(delivery.source)[:64],
            "provider": provider.name if provider else None,
            "remote": None if delivery.remote is None else storable(delivery.remote)[:_REFERENCE],
            "status": error.status_hint,
            "error": type(error).__name__,
            "reason": storable(error.reason)[:_REASON],
            "digest": digest if known else None,
            "size": len(delivery.body),
            "body": body.data if known else None,
            "key_id": body.key_id,
        }
    )


def _masked(found: re.Match[bytes]) -> bytes:
    """Return what passes for a card number (ISO/IEC 7812-1, the Luhn check) with its last four digits."""
    text = found[0]
    digits = [byte - 48 for byte in text if byte not in b" -"]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    if (sum(digits[-1::-2]) + sum(doubled)) % 10:
        return text
    last = re.search(rb"(?:\d[ -]?){4}\Z", text)
    kept = last.start() if last else len(text)
    return re.sub(rb"\d", b"*", text[:kept]) + text[kept:]


def _delivery_row(
    delivery: Delivery, provider: Provider, verification: Verification | None, vault: Vault, now: datetime
) -> Row:
    digest = hashlib.sha256(delivery.body).hexdigest()
    body = vault.seal(delivery.body, f"delivery {digest}")
    return {
        "source": delivery.source,
        "provider": provider.name,
        "received_at": delivery.received_at,
        "stored_at": now,
        "last_seen_at": now,
        "times": 1,
        "scheme": verification.scheme if verification else None,
        "label": verification.label if verification else None,
        "problem": None,
        "headers": kept_headers(delivery.headers, provider),
        "digest": digest,
        "size": len(delivery.body),
        "body": body.data,
        "key_id": body.key_id,
    }


def kept_headers(headers: Headers, provider: Provider) -> str:
    """Return the headers that the provider's parser reads and the trace context, as JSON.

    All others may hold credentials.
    """
    kept = [(name, value) for name in provider.headers for value in headers.get_all(name)]
    kept.extend(trace_context(headers).items())
    # Not orjson: a value that was no UTF-8 on the wire has surrogates.
    return json.dumps(kept) if kept else "[]"


def payment_key(event: PaymentEvent) -> bytes | None:
    """Return what tells payments apart, or nothing for an event that is about none.

    A provider may count its deposits and its withdrawals each from one: the kind belongs to it.
    """
    id_ = event.payment.id
    if id_ is None:
        return None
    whole = hashlib.sha256(orjson.dumps([event.source, event.kind, id_])).digest()
    return _beginning(storable(id_)[:_REFERENCE]) + whole[:_REST]


def keys_of(reference: str) -> tuple[bytes, bytes]:
    """Return the lowest and the highest key that a payment of this reference can have, whatever its source.

    Few other payments have one between them. So the unique index of the keys finds a reference, too, and
    what is accepted writes no index more.
    """
    beginning = _beginning(reference)
    return beginning + bytes(_REST), beginning + b"\xff" * _REST


def _beginning(reference: str) -> bytes:
    return hashlib.sha256(reference.encode()).digest()[: 16 - _REST]


def event_row(entry: Entry, now: datetime) -> Row:
    """Return an event's columns, without those that only the database knows."""
    event = entry.event
    return {
        "id": event.id,
        "source": event.source,
        "provider": event.provider,
        "kind": event.kind.value,
        "status": event.status.value,
        "verdict": None,
        "reference": stored_reference(event.payment.id),
        "merchant_reference": stored_reference(event.payment.merchant_reference),
        "occurred_at": event.occurred_at,
        "stored_at": now,
        "times": 1,
        "document": entry.document.data,
        "key_id": entry.document.key_id,
    }


def payment_row(entry: Entry) -> Row:
    """Return what tells a reader which payment it is."""
    event = entry.event
    return {
        "key": entry.payment_key,
        "source": event.source,
        "kind": event.kind.value,
        "reference": stored_reference(event.payment.id),
    }


def stored_reference(text: str | None) -> str | None:
    """Return an identifier of a payment as its column holds it."""
    return None if text is None else storable(text)[:_REFERENCE]


def storable(text: str) -> str:
    """Return a text that every database takes: PostgreSQL's has no NUL, and none takes half a character."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
