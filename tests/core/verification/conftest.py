"""The schemes that look into a header, each with what is particular to it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from attrs import evolve, frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cambist import Delivery, Secret, Secrets
from cambist.errors import VerificationError
from cambist.verification import (
    ApiKey,
    BasicAuth,
    Ed25519Signature,
    HmacSignature,
    JwtHs256,
    Replay,
    Scheme,
    Timestamp,
)

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
BODY = '{"id": 1, "amount": "0.10882300", "name": "Zoë"}'.encode()
DELIVERY = Delivery("shop", {"webhook-id": "msg_1", "Host": "shop.example"}, BODY, NOW, "/webhooks/shop")
KEYS = {
    key.public_key().public_bytes_raw().hex(): key
    for key in map(Ed25519PrivateKey.from_private_bytes, (b"1" * 32, b"2" * 32))
}


def ed25519(scheme: Scheme, delivery: Delivery) -> Sequence[tuple[str, str]]:
    """Sign as the sender does, who has the private key."""
    assert isinstance(scheme, Ed25519Signature)
    private = KEYS[scheme.secrets[0].reveal()]
    return ((scheme.header, private.sign(delivery.body).hex()),)


def no_other(one: str, other: str) -> bool:
    return False


def but_for_case(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def but_for_case_of_digits(one: str, other: str) -> bool:
    start = one.rindex("=") + 1
    return one[:start] == other[:start] and one[start:].lower() == other[start:].lower()


def but_for_case_of_bearer(one: str, other: str) -> bool:
    return one[:7].lower() == other[:7].lower() and one[7:] == other[7:]


def the_same_user_and_password(one: str, other: str) -> bool:
    try:
        pairs = [base64.b64decode(text[6:], validate=True) for text in (one, other)]
    except ValueError:
        return False
    return one[:6].lower() == other[:6].lower() and pairs[0] == pairs[1]


@frozen
class Row:
    """A scheme, and what is particular to it."""

    make: Callable[[Secrets], Scheme]
    header: str
    covers_body: bool = True
    replay: Replay = Replay.NONE
    a_forgery_beside_it_is_harmless: bool = False
    same: Callable[[str, str], bool] = no_other  # another spelling of the same signature
    texts: tuple[str, str] = ("first-s3cret", "second-s3cret")
    sign: Callable[[Scheme, Delivery], Sequence[tuple[str, str]]] = lambda scheme, d: scheme.sign(d)
    delivery: Delivery = DELIVERY

    def secrets(self, index: int = 0, **window: datetime | None) -> Secrets:
        """One secret, the first or the second."""
        return (Secret(self.texts[index], f"key {index + 1}", **window),)

    def signed(self, body: bytes = DELIVERY.body, index: int = 0) -> Delivery:
        """A genuine delivery."""
        delivery = evolve(self.delivery, body=body)
        headers = self.sign(self.make(self.secrets(index)), delivery)
        return evolve(delivery, headers=[*delivery.headers.items_all(), *headers])

    def with_values(self, *values: str) -> Delivery:
        """A genuine delivery, but for these values of the scheme's header."""
        pairs = self.signed().headers.items_all()
        others = [pair for pair in pairs if pair[0] != self.header.lower()]
        return evolve(self.delivery, headers=[*others, *((self.header, value) for value in values)])

    def refusal(self, delivery: Delivery, *secrets: Secret) -> str:
        """The reason why the scheme refuses; anything but a refusal fails the test."""
        with pytest.raises(VerificationError) as caught:
            self.make(secrets or self.secrets()).verify(delivery)
        return str(caught.value)


SCHEMES = {
    "hmac": Row(
        lambda secrets: HmacSignature(secrets=secrets, header="X-Signature", hash="sha512"),
        "X-Signature",
        a_forgery_beside_it_is_harmless=True,
        same=but_for_case,
    ),
    "hmac with a prefix": Row(
        lambda secrets: HmacSignature(secrets=secrets, header="X-Hub-Signature-256", prefix="sha256="),
        "X-Hub-Signature-256",
        a_forgery_beside_it_is_harmless=True,
        same=but_for_case_of_digits,
    ),
    "hmac with a signed time in its header": Row(
        lambda secrets: HmacSignature(
            secrets=secrets,
            header="Signature",
            separator=",",
            key="v1",
            template="{timestamp}.{body}",
            timestamp=Timestamp(key="t"),
        ),
        "Signature",
        replay=Replay.FRESHNESS,
        a_forgery_beside_it_is_harmless=True,
        same=but_for_case_of_digits,
    ),
    "hmac of a template, in base64": Row(
        lambda secrets: HmacSignature(
            secrets=secrets,
            header="webhook-signature",
            encoding="base64",
            separator=" ",
            key="v1",
            assign=",",
            template="{header:webhook-id}.{timestamp}.{path}.{body}",
            timestamp=Timestamp(header="webhook-timestamp"),
        ),
        "webhook-signature",
        replay=Replay.FRESHNESS,
        a_forgery_beside_it_is_harmless=True,
    ),
    "ed25519": Row(
        lambda secrets: Ed25519Signature(secrets=secrets, header="X-Ed25519"),
        "X-Ed25519",
        a_forgery_beside_it_is_harmless=True,
        same=but_for_case,
        texts=tuple(KEYS),  # type: ignore[arg-type]
        sign=ed25519,
    ),
    "api key": Row(lambda secrets: ApiKey(secrets=secrets, header="X-Api-Key"), "X-Api-Key", False),
    "bearer": Row(
        lambda secrets: ApiKey(secrets=secrets, header="Authorization", prefix="Bearer "),
        "Authorization",
        covers_body=False,
    ),
    "basic": Row(
        lambda secrets: BasicAuth(secrets=secrets, username="shop"),
        "Authorization",
        covers_body=False,
        same=the_same_user_and_password,
    ),
    "jwt": Row(
        lambda secrets: JwtHs256(secrets=secrets),
        "Authorization",
        covers_body=False,
        replay=Replay.FRESHNESS,
        same=but_for_case_of_bearer,
    ),
}
SIGNATURES = {name: row for name, row in SCHEMES.items() if row.covers_body}


@pytest.fixture(scope="module", params=SCHEMES.values(), ids=SCHEMES)
def row(request: pytest.FixtureRequest) -> Row:
    """Every scheme in turn."""
    return request.param


@pytest.fixture(scope="module", params=SIGNATURES.values(), ids=SIGNATURES)
def signature(request: pytest.FixtureRequest) -> Row:
    """Every scheme that covers the body."""
    return request.param
