"""A source that is not set up right stops the start, and says which key and why."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from cambist import Delivery, Pipeline, Registry, Source
from cambist.errors import ConfigurationError, PluginError, VerificationError

from .conftest import ARRIVAL, SECRET, address

KEY = address("signing")
WALLET = {"signing_key": KEY, "callback_host": "wallet.example"}

WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no auth": ("stellar-anchor", {}, "auth: is missing"),
    "an auth that nobody has": ("stellar-anchor", {"auth": "basic"}, "auth: is none of: none, api_key, jwt"),
    "auth null": ("stellar-anchor", {"auth": None}, "auth: is none of"),
    "no key": ("stellar-anchor", {"auth": "api_key"}, "secrets: auth api_key needs at least one"),
    "no shared secret": ("stellar-anchor", {"auth": "jwt"}, "secrets: auth jwt needs at least one"),
    "an empty list": ("stellar-anchor", {"auth": "jwt", "secrets": []}, "secrets: is empty"),
    "an empty secret": ("stellar-anchor", {"auth": "jwt", "secrets": [" "]}, "secrets: entry 0 is empty"),
    "none with a secret": ("stellar-anchor", {"auth": "none", "secrets": [SECRET]}, "auth is none, and yet"),
    "none with a header": ("stellar-anchor", {"auth": "none", "header": "X-Key"}, "auth is none, and yet"),
    "another network": (
        "stellar-anchor",
        {"auth": "none", "network": "mainnet"},
        "network: is none of: pubnet, testnet",
    ),
    "an unknown key": ("stellar-anchor", {"auth": "none", "secret": SECRET}, "secret: is not known here"),
    "no signing key": ("stellar-wallet", {"callback_host": "wallet.example"}, "signing_key: is missing"),
    "no host": ("stellar-wallet", {"signing_key": KEY}, "callback_host: is missing"),
    "an empty signing key": ("stellar-wallet", {**WALLET, "signing_key": ""}, "'signing_key' is not 56"),
    "a mistyped signing key": (
        "stellar-wallet",
        {**WALLET, "signing_key": KEY[:-1] + ("A" if KEY[-1] != "A" else "B")},
        "the signing key labelled 'signing_key' has a checksum that is not its own",
    ),
    "a secret seed": (
        "stellar-wallet",
        {**WALLET, "signing_key": "SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR"},
        "'signing_key' is not an account's public key",
    ),
    "another mistyped key": (
        "stellar-wallet",
        {**WALLET, "other_signing_keys": [{"value": KEY.lower(), "label": "next"}]},
        "the signing key labelled 'next' is not 56",
    ),
    "a URL for the host": (
        "stellar-wallet",
        {**WALLET, "callback_host": "https://wallet.example/callback"},
        "callback_host: is a host",
    ),
    "a template for the host": ("stellar-wallet", {**WALLET, "callback_host": "{body}"}, "callback_host"),
    "an empty host": ("stellar-wallet", {**WALLET, "callback_host": ""}, "callback_host: is a host"),
    "a host with a line break": ("stellar-wallet", {**WALLET, "callback_host": "a\n"}, "callback_host"),
    "no tolerance": ("stellar-wallet", {**WALLET, "tolerance_s": 0}, "tolerance_s: is between"),
    "a tolerance below zero": ("stellar-wallet", {**WALLET, "tolerance_s": -1}, "tolerance_s: is between"),
    "an endless tolerance": ("stellar-wallet", {**WALLET, "tolerance_s": 10**30}, "tolerance_s: is between"),
    "a tolerance in words": ("stellar-wallet", {**WALLET, "tolerance_s": "120"}, "tolerance_s: is not an"),
}


def pipeline(provider: str, settings: dict[str, Any], registry: Registry) -> Pipeline:
    return Pipeline([Source("here", provider, settings)], registry=registry)


@pytest.mark.parametrize(("provider", "settings", "reason"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_told(
    provider: str, settings: dict[str, Any], reason: str, registry: Registry
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        pipeline(provider, settings, registry)
    assert not isinstance(caught.value, PluginError)
    assert reason in str(caught.value)
    assert (caught.value.source, caught.value.provider) == ("here", provider)
    for secret in (SECRET, str(settings.get("signing_key") or SECRET)):
        assert secret not in str(caught.value)


def test_that_nothing_is_checked_is_said_at_the_start(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        pipeline("stellar-anchor", {"auth": "none"}, registry)
    assert "'here' accepts unverified deliveries" in caplog.text


def test_an_unverified_event_says_so(registry: Registry) -> None:
    delivery = Delivery("here", {}, b'{"id":"1","type":"customer_updated","payload":{"customer":{"id":"c"}}}')
    (event,) = pipeline("stellar-anchor", {"auth": "none"}, registry).process(delivery).events
    assert event.verification is not None
    assert event.verification.scheme == "none"


@pytest.mark.parametrize("auth", ["api_key", "jwt"])
@pytest.mark.parametrize("header", [None, "X-Business-Key"])
def test_the_header_can_be_chosen(auth: str, header: str | None, registry: Registry) -> None:
    settings = {"auth": auth, "secrets": [SECRET], **({"header": header} if header else {})}
    one = pipeline("stellar-anchor", settings, registry)
    (route,) = one.routes
    body = b'{"id":"1","type":"customer_updated","payload":{"customer":{"id":"c"}}}'
    ((name, value),) = route.provider.signature(route.settings, Delivery("here", {}, body, ARRIVAL))
    assert name == (header or {"api_key": "X-Api-Key", "jwt": "Authorization"}[auth])
    assert one.process(Delivery("here", {name: value}, body, ARRIVAL)).events
    with pytest.raises(VerificationError):
        one.process(Delivery("here", {"X-Other": value}, body, ARRIVAL))


def test_settings_do_not_show_their_secrets(registry: Registry) -> None:
    for provider, settings in (
        ("stellar-anchor", {"auth": "jwt", "secrets": [SECRET]}),
        ("stellar-wallet", {**WALLET, "other_signing_keys": [address("other-signing")]}),
    ):
        (route,) = pipeline(provider, settings, registry).routes
        for shown in (repr(route.settings), repr(route), repr(route.scheme)):
            assert SECRET not in shown
            assert address("other-signing") not in shown
