"""StrKey, the form in which Stellar writes keys (SEP-23): here the public keys of accounts, ``G…``.

Source: https://github.com/stellar/stellar-protocol/blob/master/ecosystem/sep-0023.md
"""

from __future__ import annotations

import base64
import binascii

# 280 bits: a version, 32 bytes of key, a checksum. In base32 that is 56 characters and nothing to spare.
_LENGTH = 56
_ACCOUNT = 6 << 3


def decode_account(text: str) -> bytes:
    """Return the 32 bytes of an account's ed25519 key.

    Raises:
        ValueError: It is no account's key. The message holds nothing of it.
    """
    try:
        raw = base64.b32decode(text.encode("ascii")) if len(text) == _LENGTH else b""
    except ValueError:
        raw = b""
    if not raw:
        raise ValueError("is not 56 characters of base32")
    if raw[0] != _ACCOUNT:
        raise ValueError("is not an account's public key, which begins with G")
    if _checksum(raw[:-2]) != raw[-2:]:
        raise ValueError("has a checksum that is not its own: a character is mistyped")
    return raw[1:-2]


def encode_account(key: bytes) -> str:
    """Return the 32 bytes of an account's ed25519 key as ``G…``."""
    payload = bytes([_ACCOUNT]) + key
    return base64.b32encode(payload + _checksum(payload)).decode()


def _checksum(payload: bytes) -> bytes:
    """Return the CRC16-XModem, little-endian."""
    return binascii.crc_hqx(payload, 0).to_bytes(2, "little")
