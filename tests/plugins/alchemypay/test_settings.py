"""Which settings go together, what an error says of the others, and that no secret is shown."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from cambist import Delivery, Pipeline, Registry, Source
from cambist.errors import ConfigurationError
from cambist.verification import Replay
from cambist_alchemypay import ALCHEMYPAY_CARD, Settings

SECRET = "s3cret-value"
GOOD: dict[str, dict[str, Any]] = {
    "none": {},
    "path": {"secrets": [SECRET]},
    "ip": {"networks": ["203.0.113.0/24"]},
    "basic": {"secrets": [SECRET], "username": "alchemy"},
    "header": {"secrets": [SECRET], "header": "X-Key"},
    "signed": {"secrets": [SECRET]},
}
OPTIONAL: dict[str, dict[str, Any]] = {
    "ip": {"trusted_proxies": ["10.0.0.0/8"], "forwarded_header": "Forwarded"},
    "signed": {"access_key": "app-1", "tolerance_s": 60},
}
ALL = {key: value for settings in (*GOOD.values(), *OPTIONAL.values()) for key, value in settings.items()}


@pytest.fixture
def start(registry: Registry) -> Any:
    def pipeline(**settings: Any) -> Pipeline:
        return Pipeline([Source("cards", "alchemypay-card", settings)], registry=registry)

    return pipeline


def refusal(start: Any, **settings: Any) -> str:
    with pytest.raises(ConfigurationError) as error:
        start(**settings)
    assert error.value.source == "cards"
    assert error.value.provider == "alchemypay-card"
    assert SECRET not in str(error.value)
    return error.value.reason


@pytest.mark.parametrize(("auth", "settings"), GOOD.items(), ids=GOOD)
def test_each_auth_starts_with_what_it_needs_and_with_all_that_it_takes(
    auth: str, settings: dict[str, Any], start: Any
) -> None:
    for given in (settings, settings | OPTIONAL.get(auth, {})):
        scheme = start(auth=auth, **given).routes[0].scheme
        assert (scheme.name == "none") is (auth == "none")
        assert scheme.replay is (Replay.FRESHNESS if auth == "signed" else Replay.NONE)


@pytest.mark.parametrize(("auth", "key"), [(auth, key) for auth, given in GOOD.items() for key in given])
def test_what_is_missing_is_named(auth: str, key: str, start: Any) -> None:
    given = {name: value for name, value in GOOD[auth].items() if name != key}
    assert refusal(start, auth=auth, **given) == f"{key}: is missing: auth = {auth!r} needs it"


@pytest.mark.parametrize(
    ("auth", "key"),
    [(auth, key) for auth, given in GOOD.items() for key in ALL if key not in given | OPTIONAL.get(auth, {})],
)
def test_what_is_of_no_use_is_named(auth: str, key: str, start: Any) -> None:
    reason = refusal(start, auth=auth, **GOOD[auth], **{key: ALL[key]})
    assert reason == f"{key}: is of no use with auth = {auth!r}: leave it out, or choose another auth"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, "auth"),
        ({"auth": None}, "auth"),
        ({"auth": "hmac"}, "auth"),
        ({"auth": "none", "unit": "minor"}, "unit"),
        ({"auth": "none", "card_amount_unit": "cents"}, "card_amount_unit"),
        ({"auth": "none", "transaction_amount_unit": 2}, "transaction_amount_unit"),
        ({"auth": "none", "refunding_status": "in progress"}, "refunding_status"),
        ({"auth": "none", "timezone": "Mars/Olympus"}, "timezone"),
        ({"auth": "none", "timezone": ""}, "timezone"),
        ({"auth": "none", "timezone": "../../etc/passwd"}, "timezone"),
        ({"auth": "none", "timezone": "Europe"}, "timezone"),
        ({"auth": "none", "timezone": 8}, "timezone"),
        ({"auth": "path", "secrets": []}, "secrets"),
        ({"auth": "path", "secrets": [""]}, "secrets"),
        ({"auth": "ip", "networks": []}, "networks"),
        ({"auth": "ip", "networks": "203.0.113.7"}, "networks"),
        ({"auth": "ip", "networks": ["203.0.113.7/24"]}, "networks"),
        ({"auth": "ip", "networks": ["203.0.113.7"], "trusted_proxies": ["proxy"]}, "trusted_proxies"),
        ({"auth": "ip", "networks": ["203.0.113.7"], "forwarded_header": "X-Real-IP"}, "forwarded_header"),
        ({"auth": "basic", "secrets": [SECRET], "username": ""}, "username"),
        ({"auth": "header", "secrets": [SECRET], "header": ""}, "header"),
        ({"auth": "signed", "secrets": [SECRET], "access_key": ""}, "access_key"),
        ({"auth": "signed", "secrets": [SECRET], "tolerance_s": 0}, "tolerance_s"),
        ({"auth": "signed", "secrets": [SECRET], "tolerance_s": "60"}, "tolerance_s"),
        ({"auth": "signed", "secrets": [SECRET], "tolerance_s": 10**18}, "tolerance_s"),
    ],
    ids=str,
)
def test_a_faulty_setting_is_named(settings: dict[str, Any], key: str, start: Any) -> None:
    assert refusal(start, **settings).startswith(f"{key}")


def test_all_that_is_wrong_is_told_at_once(start: Any) -> None:
    reason = refusal(start, auth="basic", header="X-Key", timezone="nowhere")
    assert [part.partition(":")[0] for part in reason.split("; ")] == [
        *("secrets", "username", "header", "timezone")
    ]


def test_accepting_without_proof_is_told_at_start_and_in_each_event(
    start: Any, order: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        pipeline = start(auth="none")
    assert "accepts unverified deliveries" in caplog.text
    (event,) = pipeline.process(Delivery("cards", {}, json.dumps(order).encode())).events
    assert event.verification.scheme == "none"


@pytest.mark.parametrize("auth", [auth for auth in GOOD if auth not in ("none", "ip", "path")])
def test_what_sign_makes_is_accepted(auth: str, start: Any, cases: Any) -> None:
    pipeline = start(auth=auth, **GOOD[auth], **OPTIONAL.get(auth, {}))
    route = pipeline.routes[0]
    case = cases["order_document"]
    headers = ALCHEMYPAY_CARD.signature(route.settings, case.delivery)
    delivery = Delivery("cards", headers, case.delivery.body, case.delivery.received_at, case.delivery.path)
    assert pipeline.process(delivery).events


def test_a_secret_is_not_shown(start: Any) -> None:
    for auth, settings in GOOD.items():
        route = start(auth=auth, **settings).routes[0]
        assert SECRET not in f"{route!r} {route.settings!r} {route.scheme!r}"


def test_where_documents_disagree_the_order_webhooks_own_counts_unless_told() -> None:
    assert Settings(auth="none").timezone == "UTC"
    assert Settings(auth="none").card_amount_unit == "minor"
    assert Settings(auth="none").transaction_amount_unit == "minor"
    assert Settings(auth="none").refunding_status == "refunding"
