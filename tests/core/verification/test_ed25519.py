"""Ed25519 signatures, verified with public keys."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cambist import Delivery, Secret
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification import Ed25519Signature, Replay, Timestamp

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = PRIVATE.public_key().public_bytes_raw()
SECRETS = (Secret(PUBLIC.hex(), "1"),)
BODY = b'{"id": 1}'
SIGNATURE = PRIVATE.sign(BODY)


def refusal(scheme: Ed25519Signature, delivery: Delivery) -> str:
    with pytest.raises(VerificationError) as caught:
        scheme.verify(delivery)
    return caught.value.reason


def given_(value: str, body: bytes = BODY) -> Delivery:
    return Delivery("shop", {"X-Sign": value}, body, NOW)


# RFC 8032, section 7.1, tests 1 to 3: public key, message, signature.
VECTORS = [
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"),
]  # fmt: skip


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_published_vectors(public: str, message: str, signature: str) -> None:
    scheme = Ed25519Signature(secrets=(Secret(public, "1"),), header="X-Sign")
    delivery = given_(signature, bytes.fromhex(message))
    verification = scheme.verify(delivery)
    assert (verification.scheme, verification.label) == ("ed25519", "1")
    assert scheme.verify(given_(signature.upper(), delivery.body)).label == "1"
    refusal(scheme, evolve(delivery, body=delivery.body + b"\x00"))
    encoded = base64.b64encode(bytes.fromhex(signature)).decode()
    in_base64 = Ed25519Signature(secrets=scheme.secrets, header="X-Sign", encoding="base64")
    assert in_base64.verify(given_(encoded, delivery.body)).label == "1"


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize(
    "signature", [b"", b"x", SIGNATURE[:-1], SIGNATURE + b"\x00", SIGNATURE * 2, PUBLIC, b"\x00" * 64]
)
def test_what_is_no_signature_of_64_bytes_is_refused(encoding: Any, signature: bytes) -> None:
    text = signature.hex() if encoding == "hex" else base64.b64encode(signature).decode()
    refusal(Ed25519Signature(secrets=SECRETS, header="X-Sign", encoding=encoding), given_(text))


def test_base64_has_one_spelling() -> None:
    scheme = Ed25519Signature(secrets=SECRETS, header="X-Sign", encoding="base64")
    text = base64.b64encode(SIGNATURE).decode()
    assert scheme.verify(given_(text)).label == "1"
    bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spare = text[:-3] + bits[bits.index(text[-3]) | 1] + "=="
    assert base64.b64decode(spare) == SIGNATURE
    for other in (
        spare,
        text.rstrip("="),
        text + "=",
        f"{text[:4]}\n{text[4:]}",
        f" {text}",
        SIGNATURE.hex(),
    ):
        refusal(scheme, given_(other))


@settings(max_examples=500)
@given(st.integers(0, 511))
def test_no_bit_of_a_signature_in_base64_may_change(bit: int) -> None:
    scheme = Ed25519Signature(secrets=SECRETS, header="X-Sign", encoding="base64")
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << bit % 8
    refusal(scheme, given_(base64.b64encode(changed).decode()))


def test_a_signature_of_time_and_body_is_found_among_others_and_has_to_be_fresh() -> None:
    scheme = Ed25519Signature(
        secrets=SECRETS,
        header="X-Sign",
        encoding="base64",
        separator=",",
        key="s",
        template="{timestamp}.{body}",
        timestamp=Timestamp(key="t", tolerance=timedelta(seconds=60)),
    )
    time = str(int(NOW.timestamp()))
    good = base64.b64encode(PRIVATE.sign(f"{time}.".encode() + BODY)).decode()
    of_body_alone = base64.b64encode(SIGNATURE).decode()
    delivery = given_(f"t={time}, s=é, s=AAAA, s={of_body_alone}, s={good}")
    assert scheme.replay is Replay.FRESHNESS
    for seconds, fresh in ((0, True), (60, True), (-60, True), (61, False), (-61, False)):
        moved = evolve(delivery, received_at=NOW + timedelta(seconds=seconds))
        if fresh:
            assert scheme.verify(moved).label == "1"
        else:
            refusal(scheme, moved)
    refusal(scheme, given_(f"t={time}, s={of_body_alone}"))
    assert "received_at" in refusal(scheme, evolve(delivery, received_at=None))


@pytest.mark.parametrize("key", ["", "00", "zz" * 32, PUBLIC.hex()[:-2], PUBLIC.hex() + "00", "é"])
def test_a_key_that_is_none_is_refused_at_start(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Ed25519Signature(secrets=(Secret(key, "main"),), header="X-Sign")
    assert caught.value.__context__ is None
    assert not key or ("'main'" in str(caught.value) and key not in str(caught.value))


def test_only_the_holder_of_the_private_key_can_sign() -> None:
    with pytest.raises(ConfigurationError, match="only the sender"):
        Ed25519Signature(secrets=SECRETS, header="X-Sign").sign(given_(""))
