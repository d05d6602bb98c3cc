"""What is kept in clear and what is not: AES-256-GCM with key identifiers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cambist import Secret
from cambist.errors import CambistError, ConfigurationError

_NONCE = 12


class Sealed(NamedTuple):
    """Bytes as they are stored.

    Attributes:
        data: The nonce and the ciphertext; the plain bytes where ``key_id`` is ``None``.
        key_id: Which key opens it.
    """

    data: bytes
    key_id: str | None


class SealError(CambistError):
    """What is stored cannot be opened: its key is missing, or it was changed."""


class Vault:
    """Seals bytes with the first key, and opens them with whichever key they were sealed with.

    A key's identifier is made of the key, not of its label: one that is renamed, or moves in the list,
    still opens what it sealed.

    Args:
        keys: 32 random bytes each, in base64. Without any, bytes are stored as they are.

    Attributes:
        key_id: Which key seals; ``None`` for none.
        labels: What each key is called, by its identifier.

    Raises:
        ConfigurationError: A key is not 32 bytes in base64.
    """

    def __init__(self, keys: Sequence[Secret] = ()) -> None:
        decoded = [_decoded(key) for key in keys]
        self._ciphers = {_identifier(key): AESGCM(key) for key in decoded}
        self.key_id = _identifier(decoded[0]) if decoded else None
        self.labels = {_identifier(key): secret.label for key, secret in zip(decoded, keys, strict=True)}

    def seal(self, data: bytes, context: str) -> Sealed:
        """Return the bytes sealed. ``context`` says what they are, and must be the same to open them."""
        if self.key_id is None:
            return Sealed(data, None)
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[self.key_id].encrypt(nonce, data, _associated(self.key_id, context))
        return Sealed(nonce + sealed, self.key_id)

    def open(self, data: bytes, key_id: str | None, context: str) -> bytes:
        """Return the plain bytes.

        Raises:
            SealError: The key is not among ours, or the bytes or what they are said to be were changed.
        """
        if key_id is None:
            return data
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealError(f"the key {key_id!r} that this was encrypted with is not configured")
        try:
            return cipher.decrypt(data[:_NONCE], data[_NONCE:], _associated(key_id, context))
        except (InvalidTag, ValueError):
            pass
        raise SealError(f"what is stored for {context} was changed, or is not of the key {key_id!r}")


def _identifier(key: bytes) -> str:
    # 16 random-looking digits of a key of 256 random bits tell nothing of it.
    return hashlib.sha256(b"cambist-inbox/1|key|" + key).hexdigest()[:16]


def _associated(key_id: str, context: str) -> bytes:
    return f"cambist-inbox/1|{key_id}|{context}".encode()


def _decoded(key: Secret) -> bytes:
    try:
        data = base64.b64decode(key.reveal().strip(), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) == 32:
        return data
    raise ConfigurationError(
        f"keys: {key.label!r} is not 32 bytes in base64; make one with: openssl rand -base64 32"
    )
