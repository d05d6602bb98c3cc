"""Events as CloudEvents 1.0 (https://github.com/cloudevents/spec), in binary and in structured mode."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

import orjson

from cambist import PaymentEvent, decode_json, encode_json, from_json, to_json, trace_context
from cambist_queue._message import Message, Received

Mode: TypeAlias = Literal["binary", "structured"]

JSON: Final = "application/json"
STRUCTURED: Final = "application/cloudevents+json"
_LONGEST: Final = (
    512  # bytes of an attribute: a broker bounds its headers, and a payment's id may be anything
)


def order_key(event: PaymentEvent) -> str:
    """Return what keeps events in order: the payment of a source, or the event itself if it is of none.

    Where that is longer than 512 bytes, it is ``sha256:`` and its digest in hexadecimal digits.
    """
    payment = event.payment.id
    return _bounded(f"{event.source}/{payment}") if payment else event.id


def _bounded(text: str) -> str:
    raw = text.encode(errors="surrogatepass")
    return text if len(raw) <= _LONGEST else f"sha256:{sha256(raw).hexdigest()}"


def attributes(event: PaymentEvent, trace: Mapping[str, str]) -> dict[str, str]:
    """Return the context attributes of an event.

    ``type`` is ``cambist.KIND.STATUS``, ``source`` is ``/cambist/PROVIDER/SOURCE``, ``subject`` the payment's
    id, ``time`` when it occurred or else when it arrived, ``partitionkey`` (an extension of CloudEvents) what
    keeps its order. A ``subject`` or ``partitionkey`` of more than 512 bytes is ``sha256:`` and its digest in
    hexadecimal digits. A trace context that is not well-formed is left out.
    """
    context = {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/cambist/{event.provider}/{event.source}",
        "type": f"cambist.{event.kind.value}.{event.status.value}",
        "partitionkey": order_key(event),
    }
    if event.payment.id:
        context["subject"] = _bounded(event.payment.id)
    if when := event.occurred_at or event.received_at:
        context["time"] = when.isoformat()
    context.update(trace_context(trace))
    return context


def encode(event: PaymentEvent, mode: Mode = "binary", trace: Mapping[str, str] | None = None) -> Message:
    """Return an event as a message.

    Args:
        event: The event.
        mode: Where the attributes are: ``binary`` in the message's headers, ``structured`` in its body.
        trace: The trace context: ``traceparent``, ``tracestate``.
    """
    context, data = attributes(event, trace or {}), to_json(event)
    if mode == "binary":
        return Message(data, JSON, event.id, context["partitionkey"], context)
    # A fragment is written as it is: no digit of an amount is read and written again.
    whole = {**context, "datacontenttype": JSON, "data": orjson.Fragment(data)}
    # No header beside it: a reader takes a message with a header of CloudEvents for one in binary mode.
    return Message(orjson.dumps(whole), STRUCTURED, event.id, context["partitionkey"])


def decode(received: Received) -> PaymentEvent:
    """Return the event of a message, whichever mode it is in.

    Raises:
        ValueError: It is no event of ours. The message shows no value.
    """
    problem = "is no event of Cambist"
    try:
        if (received.content_type or "").partition(";")[0].strip().lower() == STRUCTURED:
            return from_json(_data(received.body))
        return from_json(received.body)
    except Exception as error:  # noqa: BLE001  # its text may hold a value
        problem = f"{problem} ({type(error).__name__})"
    raise ValueError(problem)


def _data(body: bytes) -> bytes:
    whole: Any = decode_json(body)
    return encode_json(whole["data"])
