"""Credentials that come along unsigned: an API key, HTTP Basic, a secret in the path."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist import Delivery, Secret
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification import ApiKey, BasicAuth, PathSecret, Replay, Scheme

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRETS = (Secret("first-s3cret", "1"), Secret("pass:wörd €", "2"))


def refusal(scheme: Scheme, delivery: Delivery) -> str:
    with pytest.raises(VerificationError) as caught:
        scheme.verify(delivery)
    return caught.value.reason


def with_header(name: str, value: str | bytes) -> Delivery:
    return Delivery("shop", [(name, value)], b"{}", NOW)


@pytest.mark.parametrize(
    ("prefix", "value", "label"),
    [
        ("", "first-s3cret", "1"),
        ("", "pass:wörd €", "2"),
        ("", "pass:wörd €".encode(), "2"),
        ("Bearer ", "Bearer first-s3cret", "1"),
        ("", "first-s3cret ", None),
        ("", " first-s3cret", None),
        ("", "FIRST-S3CRET", None),
        ("", "first-s3cre", None),
        ("", "first-s3cret\x00", None),
        ("", b"pass:w\xf6rd \x80", None),
        ("", "\udc80", None),
        ("Bearer ", "first-s3cret", None),
        ("Bearer ", "bearer first-s3cret", None),
        ("Bearer ", "Bearer  first-s3cret", None),
        ("Bearer ", "Bearer ", None),
    ],
)
def test_an_api_key_is_the_whole_value_after_its_prefix(
    prefix: str, value: str | bytes, label: str | None
) -> None:
    scheme, delivery = (
        ApiKey(secrets=SECRETS, header="X-Api-Key", prefix=prefix),
        with_header("x-API-key", value),
    )
    if label is None:
        refusal(scheme, delivery)
    else:
        assert scheme.verify(delivery).label == label


def test_a_public_key_is_compared_and_not_reported() -> None:
    scheme = ApiKey(secrets=SECRETS, header="X-Key", public=True)
    verification = scheme.verify(with_header("X-Key", "first-s3cret"))
    assert (verification.scheme, verification.label) == ("api-key", None)
    refusal(scheme, with_header("X-Key", "other"))


def basic(pair: str | bytes) -> str:
    return f"Basic {base64.b64encode(pair.encode() if isinstance(pair, str) else pair).decode()}"


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("Basic c2hvcDpmaXJzdC1zM2NyZXQ=", "1"),
        (basic("shop:first-s3cret"), "1"),
        (basic("shop:pass:wörd €"), "2"),
        (basic("shop:first-s3cret").replace("Basic", "bAsIc"), "1"),
        (basic("shop:first-s3cret").replace(" ", "  ") + " ", "1"),
        (basic("shop:second"), None),
        (basic("shop:"), None),
        (basic("shop"), None),
        (basic(""), None),
        (basic(":first-s3cret"), None),
        (basic("Shop:first-s3cret"), None),
        (basic("shopp:first-s3cret"), None),
        (basic("first-s3cret"), None),
        (basic("first-s3cret:shop"), None),
        (basic("shop:pass"), None),
        (basic("shop:first-s3cret\n"), None),
        (basic("shop:pass:wörd €".encode("cp1252")), None),
        (basic(b"\xff:\xff"), None),
        (basic("shop:first-s3cret").replace("Basic", "Bearer"), None),
        (basic("shop:first-s3cret").removeprefix("Basic "), None),
        (basic("shop:first-s3cret").rstrip("="), None),
        (basic("shop:first-s3cret") + "=", None),
        (basic("shop:first-s3cret").replace("c2hv", "c2h\nv"), None),
        ("Basic shop:first-s3cret", None),
        ("Basic é", None),
        ("Basic", None),
    ],
)
def test_basic_is_one_user_and_one_of_the_passwords(value: str, label: str | None) -> None:
    scheme, delivery = BasicAuth(secrets=SECRETS, username="shop"), with_header("Authorization", value)
    if label is None:
        assert "s3cret" not in refusal(scheme, delivery)
    else:
        assert scheme.verify(delivery).label == label


def test_a_wrong_user_is_told_like_a_wrong_password() -> None:
    scheme = BasicAuth(secrets=SECRETS, username="shop")
    wrong_user = refusal(scheme, with_header("Authorization", basic("pos:first-s3cret")))
    assert wrong_user == refusal(scheme, with_header("Authorization", basic("shop:other")))


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/webhooks/cards/first-s3cret", "1"),
        ("first-s3cret", "1"),
        ("/pass:wörd €", "2"),
        ("/webhooks/cards/first-s3cret/", None),
        ("/webhooks/first-s3cret/cards", None),
        ("/webhooks/cards/first-s3cretx", None),
        ("/webhooks/cards/first-s3cret?x", None),
        ("/webhooks/cards/FIRST-S3CRET", None),
        ("/webhooks/cards/first%2Ds3cret", None),
        ("/webhooks/cards/", None),
        ("/é", None),
        ("/\udc80", None),
        ("/", None),
        ("", None),
        (None, None),
    ],
)
def test_a_path_secret_is_the_last_segment(path: str | None, label: str | None) -> None:
    scheme, delivery = PathSecret(secrets=SECRETS), Delivery("shop", {}, b"", NOW, path=path)
    if label is None:
        assert "s3cret" not in refusal(scheme, delivery)
    else:
        verification = scheme.verify(delivery)
        assert (verification.scheme, verification.label) == ("path-secret", label)


@given(st.integers(0, 8 * len("first-s3cret") - 1))
def test_no_bit_of_a_path_secret_may_change(bit: int) -> None:
    text = bytearray(b"first-s3cret")
    text[bit // 8] ^= 1 << bit % 8
    path = f"/webhooks/{text.decode('latin-1')}"
    refusal(PathSecret(secrets=SECRETS), Delivery("shop", {}, b"", NOW, path=path))


def test_a_path_secret_has_its_window_and_signs_nothing() -> None:
    old = PathSecret(secrets=(Secret("x", "old", not_after=NOW),))
    before = Delivery("shop", {}, b"", NOW - timedelta(seconds=1), path="/x")
    assert old.replay is Replay.NONE
    assert old.verify(before).label == "old"
    assert "no secret is valid" in refusal(old, Delivery("shop", {}, b"", NOW, path="/x"))
    assert "received_at" in refusal(old, Delivery("shop", {}, b"", path="/x"))
    with pytest.raises(ConfigurationError, match="end of the URL"):
        old.sign(before)
    for secrets in ((), (Secret("", "1"),)):
        with pytest.raises(ConfigurationError):
            PathSecret(secrets=secrets)
