"""Tokens with HMAC-SHA256: a plain one that names its end, and nothing else."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist import Delivery, Secret
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification import JwtHs256

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
SCHEME = JwtHs256(secrets=(Secret("s3cret", "1"),))
PLAIN = {"alg": "HS256", "typ": "JWT"}


def part(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def signature(message: str, key: str = "s3cret", hash_: str = "sha256") -> str:
    mac = hmac.digest(key.encode(), message.encode(), hash_)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def token(claims: object, head: object = PLAIN, **how: str) -> str:
    message = f"{part(head)}.{part(claims)}"
    return f"{message}.{signature(message, **how)}"


def bearing(text: str, at: datetime | None = NOW) -> Delivery:
    return Delivery("shop", {"Authorization": f"Bearer {text}"}, b"{}", at)


def refusal(delivery: Delivery, scheme: JwtHs256 = SCHEME) -> str:
    with pytest.raises(VerificationError) as caught:
        scheme.verify(delivery)
    return caught.value.reason


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", "BEARER "])
def test_a_plain_token_passes(prefix: str) -> None:
    delivery = Delivery("shop", {"Authorization": prefix + token({"exp": AT + 60})}, b"", NOW)
    verification = SCHEME.verify(delivery)
    assert (verification.scheme, verification.label) == ("jwt-hs256", "1")


def test_it_signs_a_token_of_30_seconds() -> None:
    ((header, value),) = SCHEME.sign(bearing(""))
    head, claims, _ = (base64.urlsafe_b64decode(f"{piece}===") for piece in value[7:].split("."))
    assert header == "Authorization"
    assert json.loads(head) == PLAIN
    assert json.loads(claims) == {"iat": AT, "exp": AT + 30}
    with pytest.raises(ConfigurationError, match="received_at"):
        SCHEME.sign(bearing("", at=None))


# jwt.io's well-known example. That its end is missed, and not its signature, shows the two to be told apart.
PUBLISHED = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
    ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)


def test_a_published_token_has_a_good_signature_and_no_end() -> None:
    scheme = JwtHs256(secrets=(Secret("your-256-bit-secret", "1"),))
    assert refusal(bearing(PUBLISHED), scheme) == "the token has no exp"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": AT + 1}, None),
        ({"exp": AT - 9}, None),
        ({"exp": AT + 0.5}, None),
        ({"exp": AT + 60, "iat": AT, "nbf": AT}, None),
        ({"exp": AT + 60, "iat": AT + 10, "nbf": AT + 10}, None),
        ({"exp": AT + 60, "iat": AT - 10**6, "nbf": AT - 10**6}, None),
        ({"exp": 253402300799}, None),  # the last second there is: a token that never ends
        ({"exp": AT + 60, "nbf": -62135596800}, None),
        ({"exp": AT - 10}, "exp does not fit"),
        ({"exp": AT - 3600}, "exp does not fit"),
        ({"exp": 0}, "exp does not fit"),
        ({"exp": -(10**12)}, "exp is no time"),
        ({"exp": AT + 3600, "iat": AT + 11}, "iat does not fit"),
        ({"exp": AT + 3600, "nbf": AT + 11}, "nbf does not fit"),
        ({"exp": AT + 7200, "nbf": AT + 3600}, "nbf does not fit"),
        ({}, "has no exp"),
        ({"iat": AT, "expires": AT + 60}, "has no exp"),
        ({"exp": None}, "exp is no time"),
        ({"exp": True}, "exp is no time"),
        ({"exp": str(AT + 60)}, "exp is no time"),
        ({"exp": [AT + 60]}, "exp is no time"),
        ({"exp": 10**20}, "exp is no time"),
        ({"exp": 1e300}, "exp is no time"),
        ({"exp": AT + 60, "nbf": "now"}, "nbf is no time"),
        ({"exp": AT + 60, "iat": None}, "iat is no time"),
        ([{"exp": AT + 60}], "not a plain HS256 one"),
        ("null", "not a plain HS256 one"),
        ('{"exp": NaN}', "not a plain HS256 one"),
        ("", "not a plain HS256 one"),
    ],
    ids=str,
)
def test_its_times_have_to_fit_the_time_of_arrival(claims: object, reason: str | None) -> None:
    delivery = bearing(token(claims))
    if reason is None:
        assert SCHEME.verify(delivery).label == "1"
    else:
        assert reason in refusal(delivery)


def test_without_a_time_of_arrival_it_is_refused() -> None:
    assert "received_at" in refusal(bearing(token({"exp": AT + 60}), at=None))


@pytest.mark.parametrize(
    "head",
    [
        *(
            {"alg": alg}
            for alg in ("none", "None", "HS512", "HS384", "RS256", "hs256", "", None, ["HS256"], 1)
        ),
        {},
        {"typ": "JWT"},
        {**PLAIN, "crit": ["exp"]},
        {**PLAIN, "crit": []},
        [PLAIN],
        "null",
        "HS256",
        "",
    ],
    ids=str,
)
def test_any_other_head_is_refused_though_its_signature_is_good(head: object) -> None:
    assert "not a plain HS256 one" in refusal(bearing(token({"exp": AT + 60}, head)))


GOOD = token({"exp": AT + 60})
HEAD, CLAIMS, MAC = GOOD.split(".")


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "..", "...", "a.b.c", HEAD, f"{HEAD}.{CLAIMS}", f"{HEAD}.{CLAIMS}.", f".{CLAIMS}.{MAC}"),
        *(f"{GOOD}.", f"{GOOD}.x", f".{GOOD}", f"{GOOD}=", f"{GOOD} ", f" {GOOD}", f"{GOOD}\n", f"{GOOD}é"),
        f"{part({'alg': 'none'})}.{CLAIMS}.",
        f"{part({'alg': 'none'})}.{CLAIMS}.{MAC}",
        f"{HEAD}.{part({'exp': AT + 61})}.{MAC}",
        f"{CLAIMS}.{HEAD}.{MAC}",
        f"{HEAD}.{CLAIMS}.{MAC.swapcase()}",
        f"{HEAD}.{CLAIMS}.{base64.b64encode(b'0' * 32).decode()}",
        token({"exp": AT + 60}, key="other"),
        token({"exp": AT + 60}, {"alg": "HS512"}, hash_="sha512"),
        token({"exp": AT + 60}, hash_="sha512"),
    ],
)
def test_a_token_that_was_touched_is_refused(text: str) -> None:
    refusal(bearing(text))


@pytest.mark.parametrize("value", [GOOD, f"Basic {GOOD}", f"Bearer{GOOD}", f"Token {GOOD}", f"é{GOOD}"])
def test_it_is_a_bearer_token(value: str) -> None:
    assert "not of the expected form" in refusal(Delivery("shop", {"Authorization": value}, b"", NOW))


def test_header_prefix_and_leeway_are_settings() -> None:
    scheme = JwtHs256(
        secrets=(Secret("s3cret", "1"),), header="X-Token", prefix="", leeway=timedelta(minutes=2)
    )
    for late, taken in ((119, True), (120, False)):
        delivery = Delivery("shop", {"X-Token": token({"exp": AT - late})}, b"", NOW)
        if taken:
            assert scheme.verify(delivery).label == "1"
        else:
            refusal(delivery, scheme)


anything: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.text(max_size=3) | st.floats(allow_nan=False) | st.integers()
)
times = anything | st.integers(-62135596900, -62135596700) | st.integers(253402300700, 253402300900)


@given(st.fixed_dictionaries({"exp": times}, optional={"nbf": times, "iat": times, "crit": anything}))
def test_whatever_is_claimed_it_is_taken_or_refused(claims: dict[str, Any]) -> None:
    try:
        SCHEME.verify(bearing(token(claims)))
    except VerificationError:
        return
    assert claims["exp"] > AT - 10
