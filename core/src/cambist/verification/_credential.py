"""Credentials that come along unsigned: they prove who sent it, and nothing of what."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from attrs import frozen

from cambist._delivery import raw
from cambist._event import Verification
from cambist._secrets import matching, valid
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification._base import Replay, no_secret_holds, only_value, require_secrets

if TYPE_CHECKING:
    from cambist._delivery import Delivery
    from cambist._secrets import Secret, Secrets


@frozen(kw_only=True)
class _Credential:
    secrets: Secrets

    def __attrs_post_init__(self) -> None:
        require_secrets(self.secrets)

    @property
    def replay(self) -> Replay:
        """Nothing in a credential stops a replay."""
        return Replay.NONE

    def _first(self, delivery: Delivery) -> Secret:
        for secret in valid(self.secrets, delivery.received_at):
            return secret
        raise ConfigurationError("no secret holds at this time")

    def _match(self, delivery: Delivery, given: bytes, where: str) -> Secret:
        found = matching(self.secrets, given, delivery.received_at)
        if found is not None:
            return found
        if not any(valid(self.secrets, delivery.received_at)):
            raise no_secret_holds(delivery)
        raise VerificationError(f"{where} is none of the configured ones")


@frozen(kw_only=True)
class ApiKey(_Credential):
    """A static key in a header.

    Args:
        secrets: The accepted keys.
        header: The header's name.
        prefix: What stands before the key: ``"Bearer "``.
        public: The key is an account's name rather than a secret: it is compared, but its label is not
            reported. Combine it with a signature.
    """

    header: str
    prefix: str = ""
    public: bool = False

    @property
    def name(self) -> str:
        """``api-key``."""
        return "api-key"

    def verify(self, delivery: Delivery) -> Verification:
        """Compare the header's value. See `Scheme.verify`."""
        text = only_value(delivery, self.header)
        if not text.startswith(self.prefix):
            raise VerificationError(f"header {self.header} is not of the expected form")
        given = raw(text[len(self.prefix) :])
        secret = self._match(delivery, given, f"the key in header {self.header}")
        return Verification(self.name, None if self.public else secret.label)

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return the header with the key. See `Scheme.sign`."""
        return ((self.header, self.prefix + self._first(delivery).reveal()),)


@frozen(kw_only=True)
class BasicAuth(_Credential):
    """HTTP Basic authentication (RFC 7617).

    Args:
        secrets: The accepted passwords.
        username: The user's name, the same for all of them.
    """

    username: str

    @property
    def name(self) -> str:
        """``basic``."""
        return "basic"

    def verify(self, delivery: Delivery) -> Verification:
        """Compare user and password, as one. See `Scheme.verify`."""
        scheme, _, text = only_value(delivery, "Authorization").partition(" ")
        if scheme.lower() != "basic":
            raise VerificationError("header Authorization is not of the Basic scheme")
        try:
            given = binascii.a2b_base64(text.strip().encode("ascii"), strict_mode=True)
        except ValueError:
            given = None
        if given is None:
            raise VerificationError("header Authorization is malformed")
        user, colon, password = given.partition(b":")
        secret = self._match(delivery, password if colon else b"", "the user and password")
        # After the password, so that the time taken says nothing about either.
        if user != self.username.encode():
            raise VerificationError("the user and password is none of the configured ones")
        return Verification(self.name, secret.label)

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return the Authorization header. See `Scheme.sign`."""
        pair = f"{self.username}:{self._first(delivery).reveal()}".encode()
        return (("Authorization", f"Basic {base64.b64encode(pair).decode()}"),)


@frozen(kw_only=True)
class PathSecret(_Credential):
    """A secret as the last segment of the URL's path: ``/webhooks/cards/SECRET``.

    Keep it out of access logs: a `Delivery` does not show its path.
    """

    @property
    def name(self) -> str:
        """``path-secret``."""
        return "path-secret"

    def verify(self, delivery: Delivery) -> Verification:
        """Compare the last segment. See `Scheme.verify`."""
        if delivery.path is None:
            raise VerificationError("the secret is in the path, and the delivery has none")
        given = raw(delivery.path.rpartition("/")[2])
        secret = self._match(delivery, given, "the last segment of the path")
        return Verification(self.name, secret.label)

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Refuse: the secret goes into the URL, and a URL is not ours to print."""
        raise ConfigurationError("put the secret at the end of the URL: nothing is signed")
