"""What HMAC and ed25519 share: a signature in a header, over a template of the delivery."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from attrs import Factory, field, frozen

from cambist._delivery import raw
from cambist._event import Verification
from cambist._secrets import valid
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification._base import Replay, no_secret_holds, only_value, require_secrets

if TYPE_CHECKING:
    from cambist._delivery import Delivery
    from cambist._secrets import Secret, Secrets

_placeholder = re.compile(r"\{(body|timestamp|path|header:[A-Za-z0-9-]+)\}")
_whole_number = re.compile(r"[0-9]{1,16}", re.ASCII).fullmatch


@frozen(kw_only=True)
class Timestamp:
    """Where the signed time stands, and how far it may be from the time of arrival, either way.

    Args:
        header: The header that holds it; or
        key: the key of its item in the signature's own header (``t`` in ``t=…,v1=…``).
        unit: Unix seconds, Unix milliseconds, or ISO 8601 with a zone.
        tolerance: The largest distance from ``received_at`` that is accepted.
    """

    header: str | None = None
    key: str | None = None
    unit: Literal["s", "ms", "iso8601"] = "s"
    tolerance: timedelta = timedelta(minutes=5)

    def __attrs_post_init__(self) -> None:
        if (self.header is None) == (self.key is None):
            raise ConfigurationError("a signed timestamp stands either in a header or under a key")
        if self.tolerance <= timedelta(0):
            raise ConfigurationError("the tolerance of a signed timestamp is more than zero")

    def check(self, text: str, received_at: datetime | None) -> None:
        """Refuse a time that is malformed, too old, or too far ahead."""
        if received_at is None:
            raise VerificationError("the signed time cannot be checked: the delivery has no received_at")
        try:
            signed_at = self._read(text) if text.isascii() else None
        except (ValueError, OverflowError):
            signed_at = None
        if signed_at is None:
            raise VerificationError("the signed time is malformed")
        if abs(received_at - signed_at) > self.tolerance:
            raise VerificationError("the signed time is too far from the time of arrival")

    def write(self, when: datetime) -> str:
        """Return a time in this form."""
        if self.unit == "iso8601":
            return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
        since = when - datetime(1970, 1, 1, tzinfo=UTC)
        return str(since // timedelta(seconds=1) if self.unit == "s" else since // timedelta(milliseconds=1))

    def _read(self, text: str) -> datetime | None:
        if self.unit == "iso8601":
            when = datetime.fromisoformat(text)
            return when if when.tzinfo else None
        if not _whole_number(text):
            return None
        step = timedelta(seconds=1) if self.unit == "s" else timedelta(milliseconds=1)
        return datetime(1970, 1, 1, tzinfo=UTC) + int(text) * step


@frozen(kw_only=True)
class SignedMessage:
    """A signature over a template of the delivery. Use `HmacSignature` or `Ed25519Signature`.

    Args:
        secrets: The keys; each that holds at the time of arrival is tried.
        header: The header with the signature or signatures.
        encoding: ``hex`` (either case) or ``base64`` (standard alphabet, padded).
        prefix: What stands before each signature: ``sha256=``.
        separator: What parts several items in the header: ``,``. ``None``: the value is one signature.
        key: Only items under this key are signatures: ``v1`` in ``t=…,v1=…``.
        assign: What stands between an item's key and its value.
        template: What is signed, of ``{body}``, ``{timestamp}``, ``{path}``, ``{header:NAME}`` and text.
        timestamp: Where ``{timestamp}`` comes from.
        decode_key: Turns a secret's text into key bytes; UTF-8 for HMAC, hex for ed25519.
        canonical: Turns the body into what ``{body}`` stands for, for senders that sign another form.
    """

    secrets: Secrets
    header: str
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    separator: str | None = None
    key: str | None = None
    assign: str = "="
    template: str = "{body}"
    timestamp: Timestamp | None = None
    decode_key: Callable[[str], bytes] = str.encode
    canonical: Callable[[bytes], bytes] | None = None
    _parts: tuple[str, ...] = field(
        init=False, repr=False, eq=False, default=Factory(lambda self: _parse(self.template), takes_self=True)
    )
    # Keys are expanded once, at start: a bad one stops it, and a delivery costs less.
    _prepared: list[tuple[Secret, Any, Verification]] = field(init=False, repr=False, eq=False, factory=list)
    _bare: bool = field(
        init=False,
        repr=False,
        eq=False,
        default=Factory(lambda self: self.template == "{body}" and self.canonical is None, takes_self=True),
    )

    def __attrs_post_init__(self) -> None:
        require_secrets(self.secrets)
        if self.encoding not in {"hex", "base64"}:
            raise ConfigurationError("the encoding of a signature is hex or base64")
        if ("timestamp" in self._parts[1::2]) != (self.timestamp is not None):
            raise ConfigurationError("{timestamp} in the template and a Timestamp belong together")
        keyed = self.key is not None or (self.timestamp is not None and self.timestamp.key is not None)
        if keyed and self.separator is None:
            raise ConfigurationError("items with keys need a separator")
        for secret in self.secrets:
            try:
                prepared = self._prepare(self.decode_key(secret.reveal()))
            except Exception:  # noqa: BLE001  # whatever a decoder raises may hold the key
                prepared = None
            if prepared is None:
                raise ConfigurationError(f"the secret labelled {secret.label!r} is not a usable key")
            self._prepared.append((secret, prepared, Verification(self.name, secret.label)))

    @property
    def name(self) -> str:
        """What events report."""
        raise NotImplementedError

    @property
    def replay(self) -> Replay:
        """A signed time makes a replay stale; without one nothing does."""
        return Replay.FRESHNESS if self.timestamp else Replay.NONE

    def verify(self, delivery: Delivery) -> Verification:
        """Return the label of the secret that made one of the signatures. See `Scheme.verify`."""
        values = delivery.headers.get_all(self.header)
        if not values:
            raise VerificationError(f"header {self.header} is missing")
        candidates, time = self._items(values) if self.separator else (values, None)
        signatures = [found for text in candidates if (found := self._signature(text))]
        if not signatures:
            raise VerificationError(f"header {self.header} holds no well-formed signature")
        if self.timestamp:
            time = only_value(delivery, self.timestamp.header) if self.timestamp.header else time
            if time is None:
                raise VerificationError("the signed time is missing or repeated")
            self.timestamp.check(time, delivery.received_at)
        message = delivery.body if self._bare else self._message(delivery, time)
        verified = None
        for secret, key, verification in self._prepared:
            # No break: the time taken does not tell which secret it was.
            if secret.holds_at(delivery.received_at) and self._matches(key, message, signatures):
                verified = verified or verification
        if verified is not None:
            return verified
        if not any(valid(self.secrets, delivery.received_at)):
            raise no_secret_holds(delivery)
        raise VerificationError(
            f"the signature in header {self.header} is not of this body and any of the secrets "
            "(compare the account's secret, and see that nothing on the way changes the body)"
        )

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return the signature's headers. See `Scheme.sign`."""
        key = next((key for secret, key, _ in self._prepared if secret.holds_at(delivery.received_at)), None)
        if key is None:
            raise ConfigurationError("no secret holds at this time")
        time, extra = None, []
        if self.timestamp:
            if delivery.received_at is None:
                raise ConfigurationError("signing with a timestamp needs received_at")
            time = self.timestamp.write(delivery.received_at)
            if self.timestamp.header:
                extra.append((self.timestamp.header, time))
        value = self.prefix + self._sign(key, self._message(delivery, time))
        if self.key:
            value = f"{self.key}{self.assign}{value}"
        if self.timestamp and self.timestamp.key:
            value = f"{self.timestamp.key}{self.assign}{time}{self.separator}{value}"
        return (*extra, (self.header, value))

    def _items(self, values: Sequence[str]) -> tuple[list[str], str | None]:
        """Return the texts of the signatures, and the one time if there is exactly one."""
        signatures, times = [], set()
        time_key = self.timestamp.key if self.timestamp else None
        for item in (item.strip() for value in values for item in value.split(self.separator)):
            key, assign, text = item.partition(self.assign)
            if time_key is not None and assign and key == time_key:
                times.add(text)
            elif self.key is None:
                signatures.append(item)
            elif assign and key == self.key:
                signatures.append(text)
        return signatures, times.pop() if len(times) == 1 else None

    def _message(self, delivery: Delivery, time: str | None) -> bytes:
        body = self.canonical(delivery.body) if self.canonical else delivery.body
        pieces = []
        for index, part in enumerate(self._parts):
            if index % 2 == 0:
                pieces.append(part.encode())
            elif part == "body":
                pieces.append(body)
            elif part == "timestamp":
                pieces.append((time or "").encode("ascii"))
            elif part == "path":
                if delivery.path is None:
                    raise VerificationError("the path is signed, and the delivery has none")
                pieces.append(raw(delivery.path))
            else:
                pieces.append(raw(only_value(delivery, part.removeprefix("header:"))))
        return b"".join(pieces)

    def _signature(self, text: str) -> Any:
        """Return the signature in the form that is compared, or nothing if it is malformed."""
        raise NotImplementedError

    def _prepare(self, key: bytes) -> Any:
        """Return the key in the form that `_matches` and `_sign` take, or nothing if it is unusable."""
        raise NotImplementedError

    def _matches(self, key: Any, message: bytes, signatures: Sequence[Any]) -> bool:
        """Whether one of the signatures is of this message and key."""
        raise NotImplementedError

    def _sign(self, key: Any, message: bytes) -> str:
        """Return the signature as it stands in the header."""
        raise NotImplementedError


def _parse(template: str) -> tuple[str, ...]:
    """Return text and placeholder names in turn."""
    parts = tuple(_placeholder.split(template))
    if any(brace in text for text in parts[::2] for brace in "{}"):
        raise ConfigurationError("the template knows {body}, {timestamp}, {path} and {header:NAME}")
    if "body" not in parts[1::2]:
        raise ConfigurationError("the template must cover the {body}")
    return parts
