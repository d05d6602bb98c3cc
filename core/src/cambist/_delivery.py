"""One request as it arrived: raw bytes in, nothing interpreted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen


class Headers(Mapping[str, str]):
    """HTTP headers: names without regard to case, several values each, order kept.

    ``headers["x"]`` is the first value; `get_all` gives every one. Byte strings are read as UTF-8, and bytes
    that are not are kept as surrogates (`raw` gives them back). The repr shows names only: a value may be a
    credential.
    """

    __slots__ = ("_values",)

    def __init__(
        self,
        headers: Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]] = (),
    ) -> None:
        pairs: Iterable[tuple[Any, Any]] = headers.items() if isinstance(headers, Mapping) else headers
        values: dict[str, tuple[str, ...]] = {}
        for name, value in pairs:
            key, text = _text(name, "a header's name").lower(), _text(value, "a header's value")
            values[key] = (*values[key], text) if key in values else (text,)
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()][0]

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return every value of this name, in order; empty if there is none."""
        return self._values.get(name.lower(), ())

    def items_all(self) -> Iterator[tuple[str, str]]:
        """Return all pairs of lower-case name and value, repeated names included."""
        return ((name, value) for name, values in self._values.items() for value in values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, Headers) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self._values) or 'none'}>"


def _text(value: object, what: str) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if isinstance(value, str):
        return value
    raise TypeError(f"{what} is str or bytes, not {type(value).__name__}")


def raw(text: str) -> bytes:
    """Return the bytes of a header or path as they were on the wire."""
    return text.encode(errors="surrogateescape")


_is_traceparent = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
_is_tracestate = re.compile(r"[\x20-\x7e]{1,512}").fullmatch


def trace_context(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the W3C trace context of headers: ``traceparent`` and ``tracestate``, if they are well-formed.

    What is not of its form is left out: a header of this name could hold anything.
    """
    parent, state = headers.get("traceparent"), headers.get("tracestate")
    if parent is None or not _is_traceparent(parent):
        return {}
    found = {"traceparent": parent}
    if state is not None and _is_tracestate(state):
        found["tracestate"] = state
    return found


def _headers(value: Headers | Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]) -> Headers:
    return value if isinstance(value, Headers) else Headers(value)


def _raw(value: bytes | bytearray | memoryview) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise TypeError(
        f"body is the raw bytes of the request, not {type(value).__name__}: "
        "a signature covers the bytes, and parsing or re-encoding changes them"
    )


@frozen
class Delivery:
    """One webhook request, exactly as it came off the wire.

    Args:
        source: Which configured `Source` it came to.
        headers: A mapping, or pairs where a name may repeat; ``str`` or ``bytes``.
        body: The raw bytes. A string, or JSON that was parsed and written again, cannot be verified.
        received_at: When it arrived, with a time zone. Without it, nothing that depends on time (a signed
            timestamp, a secret's validity) can be verified: such checks refuse the delivery.
        path: The request's path, for schemes and routes that need it.
        remote: The address of the peer that sent it.

    Raises:
        TypeError: ``body`` is not bytes, a header is neither str nor bytes, or another argument is of the
            wrong type.
        ValueError: ``received_at`` has no time zone.

    The repr shows neither body nor header values.
    """

    source: str
    headers: Headers = field(converter=_headers)
    body: bytes = field(converter=_raw, repr=lambda body: f"<{len(body)} bytes>")
    received_at: datetime | None = None
    path: str | None = field(default=None, repr=False)  # it may hold a secret
    remote: str | None = None

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.source, str):
            raise TypeError(f"source is a name, not {type(self.source).__name__}")
        if self.received_at is None:
            return
        if not isinstance(self.received_at, datetime):
            raise TypeError(f"received_at is a datetime, not {type(self.received_at).__name__}")
        if self.received_at.tzinfo is None:
            raise ValueError("received_at needs a time zone: datetime.now(timezone.utc)")


@frozen
class Acknowledgement:
    """What the provider gets as an answer.

    Args:
        status: The HTTP status.
        body: The exact bytes.
        content_type: Its media type; ``None`` for an empty body.
        headers: Further headers.
    """

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
