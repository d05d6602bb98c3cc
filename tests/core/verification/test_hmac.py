"""HMAC signatures in the forms that providers send them."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from cambist import Delivery, Secret
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification import HmacSignature, Timestamp

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRETS = (Secret("s3cret", "1"),)
BODY = b'{"id": 1}'


def mac(message: bytes, key: bytes = b"s3cret", hash_: str = "sha256") -> str:
    return hmac.new(key, message, hash_).hexdigest()


def label(scheme: HmacSignature, delivery: Delivery) -> str | None:
    return scheme.verify(delivery).label


def refusal(scheme: HmacSignature, delivery: Delivery) -> str:
    with pytest.raises(VerificationError) as caught:
        scheme.verify(delivery)
    return caught.value.reason


JEFE = b"what do ya want for nothing?"
LONG = b"Test Using Larger Than Block-Size Key - Hash Key First"
# RFC 4231, test cases 1, 2 and 6; RFC 2202, test case 2 for SHA-1; the last is CoinsPaid's own example.
VECTORS = [
    ("sha256", b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    ("sha384", b"\x0b" * 20, b"Hi There", "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
                                          "faea9ea9076ede7f4af152e8b2fa9cb6"),
    ("sha512", b"\x0b" * 20, b"Hi There", "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
                                          "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"),
    ("sha1", b"Jefe", JEFE, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    ("sha256", b"Jefe", JEFE, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    ("sha256", b"\xaa" * 131, LONG, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ("sha512", b"AbCdEfG123456", b'{"currency":"BTC","foreign_id":"123456"}',
     "03c25fcf7cd35e7d995e402cd5d51edd72d48e1471e865907967809a0c189ba5"
     "5b90815f20e2bb10f82c7a9e9d865546fda58989c2ae9e8e2ff7bc29195fa1ec"),
]  # fmt: skip


@pytest.mark.parametrize(("hash_", "key", "message", "signature"), VECTORS)
def test_published_vectors(hash_: Any, key: bytes, message: bytes, signature: str) -> None:
    scheme = HmacSignature(
        secrets=(Secret(key.hex(), "1"),), hash=hash_, header="X-Sign", decode_key=bytes.fromhex
    )
    delivery = Delivery("shop", {"X-Sign": signature}, message)
    assert scheme.sign(delivery) == (("X-Sign", signature),)
    assert scheme.verify(delivery).scheme == f"hmac-{hash_}"
    assert label(scheme, evolve(delivery, headers={"x-sign": signature.upper()})) == "1"


def test_standard_webhooks_published_vector() -> None:
    scheme = HmacSignature(
        secrets=(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "1"),),
        header="webhook-signature",
        encoding="base64",
        separator=" ",
        key="v1",
        assign=",",
        template="{header:webhook-id}.{timestamp}.{body}",
        timestamp=Timestamp(header="webhook-timestamp"),
        decode_key=lambda text: base64.b64decode(text.removeprefix("whsec_")),
    )
    genuine = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    unsigned = Delivery(
        "shop",
        {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"},
        b'{"test": 2432232314}',
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert scheme.sign(unsigned) == (("webhook-timestamp", "1614265330"), ("webhook-signature", genuine))

    def given(value: str) -> Delivery:
        return evolve(unsigned, headers={**unsigned.headers, "webhook-signature": value})

    for value in (genuine, f"v1,AAAA {genuine}", f"v1a,xyz {genuine} junk", f"{genuine}  v2,é"):
        assert label(scheme, given(value)) == "1"
    for value in (
        genuine[3:],
        f"v2{genuine[2:]}",
        genuine.replace(",", "="),
        genuine.rstrip("="),
        genuine + "=",
    ):
        refusal(scheme, given(value))
    assert "header webhook-id is missing" in refusal(
        scheme,
        evolve(given(genuine), headers={"webhook-timestamp": "1614265330", "webhook-signature": genuine}),
    )


TIMED = HmacSignature(
    secrets=SECRETS,
    header="Stripe-Signature",
    separator=",",
    key="v1",
    template="{timestamp}.{body}",
    timestamp=Timestamp(key="t"),
)
T = str(int(NOW.timestamp()))
V1 = mac(f"{T}.".encode() + BODY)


def timed(*values: str, at: datetime | None = NOW) -> Delivery:
    return Delivery("shop", [("Stripe-Signature", value) for value in values], BODY, at)


@pytest.mark.parametrize(
    "values",
    [
        (f"t={T},v1={V1}",),
        (f"v1={V1},t={T}",),
        (f" t={T} , v1={V1} ",),
        (f"t={T},v1=garbage,v1={V1}",),
        (f"t={T},v1=é,v1=,v1,=,{V1},v1={V1}",),
        (f"t={T},v0={'0' * 64},v1={'0' * 64},v1={V1}",),
        (f"t={T},v1={V1.upper()}",),
        (f"t={T},t={T},v1={V1}",),
        (f"t={T}", f"v1={V1}"),
        ("garbage", f"t={T},v1={V1}"),
    ],
)
def test_a_valid_signature_is_found_among_others(values: tuple[str, ...]) -> None:
    assert label(TIMED, timed(*values)) == "1"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (f"t={T}", "no well-formed signature"),
        (f"t={T},v0={V1}", "no well-formed signature"),
        (f"t={T},{V1}", "no well-formed signature"),
        (f"v1={V1}", "signed time is missing or repeated"),
        (f"T={T},v1={V1}", "signed time is missing or repeated"),
        (f"t={T},t={int(T) + 1},v1={V1}", "signed time is missing or repeated"),
        (f"t=,v1={V1}", "signed time is malformed"),
        (f"t=+{T},v1={V1}", "signed time is malformed"),
        (f"t={T}.0,v1={V1}", "signed time is malformed"),
        (f"t=１７６７２６８８００,v1={V1}", "signed time is malformed"),  # noqa: RUF001
        (f"t={'9' * 16},v1={V1}", "signed time is malformed"),
        (f"t={'9' * 5000},v1={V1}", "signed time is malformed"),
        (f"t={int(T) + 1},v1={V1}", "not of this body"),
    ],
)
def test_a_time_that_is_not_the_signed_one_is_refused(value: str, reason: str) -> None:
    assert reason in refusal(TIMED, timed(value))


def test_a_signed_time_needs_a_time_of_arrival() -> None:
    assert "received_at" in refusal(TIMED, timed(f"t={T},v1={V1}", at=None))
    with pytest.raises(ConfigurationError, match="received_at"):
        TIMED.sign(timed(at=None))


def test_a_prefix_belongs_to_each_signature() -> None:
    scheme = HmacSignature(secrets=SECRETS, header="X-Sign", prefix="sha256=")
    assert scheme.sign(Delivery("shop", {}, BODY)) == (("X-Sign", f"sha256={mac(BODY)}"),)
    for value in (mac(BODY), f"SHA256={mac(BODY)}", f"sha1={mac(BODY)}", f"sha256= {mac(BODY)}"):
        refusal(scheme, Delivery("shop", {"X-Sign": value}, BODY))


def test_a_path_may_be_signed() -> None:
    scheme = HmacSignature(secrets=SECRETS, header="X-Sign", template="POST {path}\n{body}")
    delivery = Delivery("shop", {"X-Sign": mac(b"POST /a/\xff\n" + BODY)}, BODY, path="/a/\udcff")
    assert label(scheme, delivery) == "1"
    refusal(scheme, evolve(delivery, path="/b"))
    assert "the path is signed" in refusal(scheme, evolve(delivery, path=None))


def test_another_form_of_the_body_may_be_signed() -> None:
    scheme = HmacSignature(secrets=SECRETS, header="X-Sign", canonical=bytes.upper)
    delivery = Delivery("shop", {"X-Sign": mac(BODY.upper())}, BODY)
    assert label(scheme, delivery) == "1"
    refusal(scheme, evolve(delivery, headers={"X-Sign": mac(BODY)}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"template": "{timestamp}.{body}"},
        {"timestamp": Timestamp(header="X-Time")},
        {"template": "{timestamp}"},
        {"template": ""},
        {"template": "{body}{bodies}"},
        {"template": "{body}}"},
        {"key": "v1"},
        {"template": "{timestamp}{body}", "timestamp": Timestamp(key="t")},
        {"decode_key": bytes.fromhex},
        {"decode_key": lambda text: b""},
        {"decode_key": lambda text: None},
    ],
)
def test_what_cannot_work_is_refused_at_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HmacSignature(**{"secrets": SECRETS, "header": "X-Sign", **wrong})
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("wrong", [{}, {"header": "a", "key": "b"}, {"key": "t", "tolerance": timedelta(0)}])
def test_a_timestamp_that_cannot_work_is_refused_at_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Timestamp(**wrong)
