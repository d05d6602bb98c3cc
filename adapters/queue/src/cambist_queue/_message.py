"""What a broker carries, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class Message:
    """One message.

    Args:
        body: Its bytes.
        content_type: Their media type.
        id: Tells two messages apart. A broker that can drops the second message of one id.
        key: Decides the partition.
        headers: CloudEvents attributes and trace context, by the names they have in CloudEvents: ``id``,
            ``traceparent``. How they are written is the broker's binding.
    """

    body: bytes = field(repr=lambda body: f"<{len(body)} bytes>")
    content_type: str
    id: str
    key: str = field(repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=lambda headers: f"<{', '.join(headers)}>")


@frozen
class Received:
    """One message as it was read.

    Args:
        body: Its bytes.
        content_type: Their media type, if it came with one.
        headers: CloudEvents attributes and trace context, by the names they have in CloudEvents.
        topic: Where it was.
        partition: Which partition of it.
    """

    body: bytes = field(repr=lambda body: f"<{len(body)} bytes>")
    content_type: str | None
    headers: Mapping[str, str] = field(repr=lambda headers: f"<{', '.join(headers)}>")
    topic: str
    partition: int
