"""HMAC signatures (RFC 2104)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hmac import compare_digest
from typing import Any, Literal

from attrs import frozen

from cambist.verification._signed import SignedMessage


@frozen(kw_only=True)
class HmacSignature(SignedMessage):
    """An HMAC in a header, over the body or a template with it.

    Args:
        hash: The hash function.

    The other arguments are those of `SignedMessage`. Signatures are compared as text: base64 that decodes
    to the same bytes but is spelt otherwise is refused, so that one delivery has one signature.

    Example:
        >>> HmacSignature(secrets=secrets, hash="sha512", header="X-Processing-Signature")
    """

    hash: Literal["sha1", "sha256", "sha384", "sha512"] = "sha256"

    @property
    def name(self) -> str:
        """``hmac-`` and the hash."""
        return f"hmac-{self.hash}"

    def _prepare(self, key: bytes) -> Any:
        # Imported here, since it takes a while and a program that only reads events needs none of it.
        from cryptography.hazmat.primitives import hashes, hmac

        return hmac.HMAC(key, getattr(hashes, self.hash.upper())()) if key else None

    def _sign(self, key: Any, message: bytes) -> str:
        mac = key.copy()
        mac.update(message)
        digest: bytes = mac.finalize()
        return digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode()

    def _matches(self, key: Any, message: bytes, signatures: Sequence[str]) -> bool:
        expected = self._sign(key, message)
        # A list, not a generator: all are compared, whichever it is.
        return any([compare_digest(expected, given) for given in signatures])  # noqa: C419

    def _signature(self, text: str) -> str | None:
        if not text.isascii() or not text.startswith(self.prefix):  # compare_digest takes ASCII only
            return None
        given = text[len(self.prefix) :]
        return given.lower() if self.encoding == "hex" else given
