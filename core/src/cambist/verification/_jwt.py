"""JSON Web Tokens with HMAC-SHA256 (RFC 7515, RFC 7519), and no other algorithm."""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from attrs import frozen

from cambist._event import Verification
from cambist._json import decode
from cambist._secrets import valid
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification._base import Replay, no_secret_holds, only_value, require_secrets

if TYPE_CHECKING:
    from cambist._delivery import Delivery
    from cambist._secrets import Secrets

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen(kw_only=True)
class JwtHs256:
    """A bearer token signed with HMAC-SHA256 that names its end (``exp``). It says nothing of the body.

    Args:
        secrets: The shared secrets; their UTF-8 bytes are the key.
        header: The header's name.
        prefix: What stands before the token, compared without regard to case.
        leeway: How far the two clocks may be apart.
    """

    secrets: Secrets
    header: str = "Authorization"
    prefix: str = "Bearer "
    leeway: timedelta = timedelta(seconds=10)

    def __attrs_post_init__(self) -> None:
        require_secrets(self.secrets)

    @property
    def name(self) -> str:
        """``jwt-hs256``."""
        return "jwt-hs256"

    @property
    def replay(self) -> Replay:
        """A token ends, but until then it fits any body."""
        return Replay.FRESHNESS

    def verify(self, delivery: Delivery) -> Verification:
        """Check signature, then times. See `Scheme.verify`."""
        text = only_value(delivery, self.header)
        if not text.isascii() or text[: len(self.prefix)].lower() != self.prefix.lower():
            raise VerificationError(f"header {self.header} is not of the expected form")
        pieces = text[len(self.prefix) :].encode().split(b".")
        if len(pieces) != 3:
            raise VerificationError("the token does not have three parts")
        label = self._signer(b".".join(pieces[:2]), pieces[2], delivery)
        # Only now, when the token is known to be of a holder of the secret, is it looked into.
        head, claims = _object(pieces[0]), _object(pieces[1])
        if head is None or claims is None or head.get("alg") != "HS256" or "crit" in head:
            raise VerificationError("the token is not a plain HS256 one")
        self._check_times(claims, delivery.received_at)
        return Verification(self.name, label)

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return a token of 30 seconds. See `Scheme.sign`."""
        if delivery.received_at is None:
            raise ConfigurationError("a token needs received_at")
        secret = next(valid(self.secrets, delivery.received_at), None)
        if secret is None:
            raise ConfigurationError("no secret holds at this time")
        now = (delivery.received_at - _EPOCH) // timedelta(seconds=1)
        head, claims = {"alg": "HS256", "typ": "JWT"}, {"iat": now, "exp": now + 30}
        message = b".".join(_base64url(orjson.dumps(part)) for part in (head, claims))
        mac = _base64url(hmac.digest(secret.reveal().encode(), message, "sha256"))
        return ((self.header, self.prefix + b".".join((message, mac)).decode()),)

    def _signer(self, message: bytes, given: bytes, delivery: Delivery) -> str:
        tried, label = False, None
        for secret in valid(self.secrets, delivery.received_at):
            tried = True
            expected = _base64url(hmac.digest(secret.reveal().encode(), message, "sha256"))
            if hmac.compare_digest(expected, given) and label is None:
                label = secret.label
        if not tried:
            raise no_secret_holds(delivery)
        if label is None:
            raise VerificationError("the token is not signed with any of the secrets")
        return label

    def _check_times(self, claims: dict[str, Any], now: datetime | None) -> None:
        if now is None:
            raise VerificationError("the token's end cannot be checked: the delivery has no received_at")
        if "exp" not in claims:
            raise VerificationError("the token has no exp")
        for claim in ("exp", "nbf", "iat"):
            if claim not in claims:
                continue
            at = _time(claims[claim])
            if at is None:
                raise VerificationError(f"the token's {claim} is no time")
            past = now - at  # no sum of a claim and the leeway: a token may end with the last second there is
            if past >= self.leeway if claim == "exp" else past < -self.leeway:
                raise VerificationError(f"the token's {claim} does not fit the time of arrival")


def _time(value: object) -> datetime | None:
    if type(value) is not int and type(value) is not Decimal:
        return None
    try:
        return _EPOCH + timedelta(seconds=int(value))
    except (OverflowError, ValueError):
        return None


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _object(part: bytes) -> dict[str, Any] | None:
    try:
        value = decode(base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        return None
    return value if isinstance(value, dict) else None
