"""Ed25519 signatures (RFC 8032)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from attrs import frozen

from cambist.errors import ConfigurationError
from cambist.verification._signed import SignedMessage

_SIZE = 64


@frozen(kw_only=True)
class Ed25519Signature(SignedMessage):
    """An ed25519 signature in a header. The ``secrets`` are public keys, in hex by default.

    The other arguments are those of `SignedMessage`. It cannot sign: the private key is the sender's.
    """

    decode_key: Callable[[str], bytes] = bytes.fromhex

    @property
    def name(self) -> str:
        """``ed25519``."""
        return "ed25519"

    def _prepare(self, key: bytes) -> Any:
        # Imported here, since most programs never need it and it takes a while.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return Ed25519PublicKey.from_public_bytes(key)

    def _matches(self, key: Any, message: bytes, signatures: Sequence[bytes]) -> bool:
        from cryptography.exceptions import InvalidSignature

        for signature in signatures:
            try:
                key.verify(signature, message)
            except InvalidSignature:
                continue
            return True
        return False

    def _signature(self, text: str) -> bytes | None:
        if not text.isascii() or not text.startswith(self.prefix):
            return None
        given = text[len(self.prefix) :].encode()
        try:
            signature = (
                binascii.unhexlify(given)
                if self.encoding == "hex"
                else binascii.a2b_base64(given, strict_mode=True)
            )
        except binascii.Error:
            return None
        # Spare bits of the last base64 character must be zero: one delivery has one signature.
        same = self.encoding == "hex" or base64.b64encode(signature) == given
        return signature if same and len(signature) == _SIZE else None

    def _sign(self, key: Any, message: bytes) -> NoReturn:
        raise ConfigurationError("only the sender, who has the private key, can sign with ed25519")
