"""HMAC signatures (RFC 2104)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from hmac import compare_digest
from typing import Any, Literal

from attrs import frozen

from cambist.errors import ConfigurationError
from cambist.verification._signed import SignedMessage

_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


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

    def __attrs_post_init__(self) -> None:
        if self.hash not in {"sha1", "sha256", "sha384", "sha512"}:
            raise ConfigurationError("the hash of an HMAC is sha1, sha256, sha384 or sha512")
        super().__attrs_post_init__()

    @property
    def name(self) -> str:
        """``hmac-`` and the hash."""
        return f"hmac-{self.hash}"

    def _prepare(self, key: bytes) -> Any:
        # RFC 2104 by its definition: the two states that every message begins with. A copy of both costs
        # a fifth less than one of the standard library's HMAC objects does.
        if not key:
            return None
        new = getattr(hashlib, self.hash)
        size: int = new().block_size
        block = (new(key).digest() if len(key) > size else key).ljust(size, b"\0")
        return new(block.translate(_INNER)), new(block.translate(_OUTER))

    def _sign(self, key: Any, message: bytes) -> str:
        inner, outer = key[0].copy(), key[1].copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.hexdigest() if self.encoding == "hex" else base64.b64encode(outer.digest()).decode()

    def _matches(self, key: Any, message: bytes, signatures: Sequence[str]) -> bool:
        expected = self._sign(key, message)
        matched = False
        for given in signatures:  # all are compared, whichever it is
            matched |= compare_digest(expected, given)
        return matched

    def _signature(self, text: str) -> str | None:
        if not text.isascii() or not text.startswith(self.prefix):  # compare_digest takes ASCII only
            return None
        given = text[len(self.prefix) :]
        return given.lower() if self.encoding == "hex" else given
