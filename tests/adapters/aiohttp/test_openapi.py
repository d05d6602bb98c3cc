"""What the OpenAPI document says. That the server does as it says is in test_schemathesis.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from cambist import Pipeline, Secret, Source
from cambist.verification import (
    AllOf,
    AnyOf,
    ApiKey,
    BasicAuth,
    Ed25519Signature,
    HmacSignature,
    IpAllowList,
    JwtHs256,
    PathSecret,
    Scheme,
    Timestamp,
    Unverified,
)
from cambist_aiohttp import openapi
from cambist_aiohttp._openapi_security import alternatives

KEY = "k3y-that-must-not-be-told"
SECRETS = (Secret(KEY, "1"),)
SOURCES = [
    Source("open", "stellar-anchor", {"auth": "none"}, path="/event"),
    Source("keyed", "anyspend-order", {"api_keys": [KEY]}, path="/v1/internal/anyspend/order-completed"),
    Source("bearer", "stellar-anchor", {"auth": "jwt", "secrets": [KEY]}),
    Source("signed", "coinspaid", {"secrets": [KEY], "api_key": KEY}),
    Source("path", "alchemypay-card", {"auth": "path", "secrets": [KEY]}),
    Source("basic", "alchemypay-card", {"auth": "basic", "username": "user", "secrets": [KEY]}),
]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi(Pipeline(SOURCES), prefix="/hooks")


def test_it_is_valid(document: dict[str, Any]) -> None:
    validate(json.loads(json.dumps(document)))


def test_it_is_valid_whatever_sources_are_called() -> None:
    sources = [
        Source("a", "stellar-anchor", {"auth": "none"}, path="/event"),
        *(Source(name, "stellar-anchor", {"auth": "none"}) for name in ("a-claimed", "a.claimed", "A")),
    ]
    validate(openapi(Pipeline(sources)))


def test_it_has_every_url_and_no_other(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {
        *(f"/hooks/{name}" for name in ("open", "keyed", "bearer", "signed", "basic")),
        *("/hooks/path/{secret}", "/event", "/v1/internal/anyspend/order-completed"),
    }


def test_it_tells_no_secret_and_no_card_number(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert KEY not in text
    assert "5567665457839662" not in text  # of the sample of an order
    assert "************9662" in text


def test_each_operation_names_what_it_asks_for(document: dict[str, Any]) -> None:
    asked = {path: item["post"]["security"] for path, item in document["paths"].items()}
    assert asked["/hooks/signed"] == [
        {"api-key.X-Processing-Key": [], "hmac-sha512.X-Processing-Signature": []}
    ]
    assert asked["/event"] == asked["/hooks/open"] == [{}]
    named = {name for needed in asked.values() for each in needed for name in each}
    assert named == set(document["components"]["securitySchemes"])


def test_the_answers_are_those_that_the_samples_get(document: dict[str, Any]) -> None:
    answers = {
        path: item["post"]["responses"]["200"].get("content") for path, item in document["paths"].items()
    }
    told = answers["/v1/internal/anyspend/order-completed"]["application/json"]["example"]
    assert told.keys() == {"executionId", "runId"}
    assert answers["/event"]["application/json"]["example"] == {}
    assert answers["/hooks/signed"] is None


HMAC = HmacSignature(secrets=SECRETS, hash="sha256", header="X-Signature")
ED25519 = Ed25519Signature(secrets=(Secret("00" * 31 + "01", "1"),), header="Signature")
TIMED = HmacSignature(
    secrets=SECRETS,
    hash="sha256",
    header="X-Signature",
    template="{timestamp}.{body}",
    timestamp=Timestamp(header="X-Time"),
)
API_KEY = ApiKey(secrets=SECRETS, header="X-Key")
SIGNATURE = {"type": "apiKey", "in": "header", "name": "X-Signature"}
SCHEMES: list[tuple[Scheme, list[set[str]]]] = [
    (Unverified(), [set()]),
    (IpAllowList(networks=("10.0.0.0/8",)), [set()]),
    (PathSecret(secrets=SECRETS), [set()]),
    (API_KEY, [{"api-key.X-Key"}]),
    (HMAC, [{"hmac-sha256.X-Signature"}]),
    (ED25519, [{"ed25519.Signature"}]),
    (BasicAuth(secrets=SECRETS, username="user"), [{"basic.http"}]),
    (JwtHs256(secrets=SECRETS), [{"jwt-hs256.http"}]),
    (JwtHs256(secrets=SECRETS, header="X-Token"), [{"jwt-hs256.X-Token"}]),
    (AllOf(API_KEY, HMAC), [{"api-key.X-Key", "hmac-sha256.X-Signature"}]),
    (AnyOf(API_KEY, HMAC), [{"api-key.X-Key"}, {"hmac-sha256.X-Signature"}]),
    (AnyOf(HMAC, HMAC), [{"hmac-sha256.X-Signature"}]),
    (
        AllOf(API_KEY, AnyOf(HMAC, ED25519)),
        [{"api-key.X-Key", name} for name in ("hmac-sha256.X-Signature", "ed25519.Signature")],
    ),
]


@pytest.mark.parametrize(("scheme", "expected"), SCHEMES, ids=[scheme.name for scheme, _ in SCHEMES])
def test_it_says_what_a_request_has_to_bring(scheme: Scheme, expected: list[set[str]]) -> None:
    assert [set(needed) for needed in alternatives(scheme)] == expected


def test_it_says_where_the_signed_time_is() -> None:
    (needed,) = alternatives(TIMED)
    (told,) = needed.values()
    assert told.pop("description") == "A signature over the raw body. The signed time is in X-Time."
    assert told == SIGNATURE
