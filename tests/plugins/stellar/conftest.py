"""What these tests share: the cases, and a source of either provider that a callback can be sent to."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cambist import Delivery, PaymentEvent, Pipeline, Processed, Registry, Source
from cambist.testing import Case, load_cases
from cambist_stellar.strkey import encode_account

CASES = {case.name: case for case in load_cases(Path(__file__).parent / "cases")}
# Whole callbacks of every form, whose fields are changed one at a time.
WHOLE = (
    "document_example",
    "sep24_deposit_completed",
    "sep24_withdrawal_refunded",
    "sep6_deposit_exchange_incomplete",
    "sep31_receive_completed",
    "quote_created",
    "customer_updated",
    "legacy_2_2_1",
    "record_bare",
    "wallet_deposit_completed",
    "wallet_withdrawal_refunded",
    "wallet_withdrawal_pending_user_transfer_start",
    "wallet_sep31_pending_sender",
    "wallet_customer_accepted",
)
# A test that takes one of these arguments runs once for each of the cases.
ARGUMENTS = {
    "event_case": [case for case in CASES.values() if "events" in case.expected],
    "whole": [CASES[name] for name in WHOLE],
}

ARRIVAL = datetime(2026, 1, 15, 12, tzinfo=UTC)
HOST = "wallet.example"
SECRET = "a-shared-secret-of-32-bytes-here"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, cases in ARGUMENTS.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, cases, ids=[case.name for case in cases])


def private_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"cambist:{name}".encode()).digest())


def address(name: str) -> str:
    """Return the account of someone, as the cases have it."""
    return encode_account(private_key(name).public_key().public_bytes_raw())


def signature(body: bytes, *, at: datetime = ARRIVAL, host: str = HOST, who: str = "signing") -> str:
    """Return the header's value that the anchor would send along."""
    time = str(int(at.timestamp()))
    made = private_key(who).sign(f"{time}.{host}.".encode() + body)
    return f"t={time}, s={base64.b64encode(made).decode()}"


@frozen
class Sender:
    """A source, and whoever sends genuine callbacks to it."""

    pipeline: Pipeline
    headers: Callable[[bytes], Iterable[tuple[str, str]]]
    name: str

    def send(self, body: bytes, headers: Any = None, received_at: datetime | None = ARRIVAL) -> Processed:
        """Process a body, genuine unless headers are given."""
        headers = self.headers(body) if headers is None else headers
        return self.pipeline.process(Delivery(self.name, headers, body, received_at))

    def event(self, body: bytes) -> PaymentEvent:
        """Return the one event of a body."""
        (event,) = self.send(body).events
        return event


def _sender(registry: Registry, provider: str, settings: Mapping[str, Any]) -> Sender:
    pipeline = Pipeline([Source("here", provider, settings)], registry=registry)
    (route,) = pipeline.routes
    if provider == "stellar-wallet":
        return Sender(pipeline, lambda body: [("Signature", signature(body))], "here")

    def headers(body: bytes) -> tuple[tuple[str, str], ...]:
        return route.provider.signature(route.settings, Delivery("here", {}, body, ARRIVAL))

    return Sender(pipeline, headers, "here")


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.load(["stellar"])


@pytest.fixture(scope="session")
def senders(registry: Registry) -> dict[str, Sender]:
    """One sender for each way to prove a callback genuine, and one for none."""
    wallet = {"signing_key": address("signing"), "callback_host": HOST, "network": "pubnet"}
    return {
        "none": _sender(registry, "stellar-anchor", {"auth": "none", "network": "pubnet"}),
        "api_key": _sender(registry, "stellar-anchor", {"auth": "api_key", "secrets": [SECRET]}),
        "jwt": _sender(registry, "stellar-anchor", {"auth": "jwt", "secrets": [SECRET]}),
        "wallet": _sender(registry, "stellar-wallet", wallet),
    }


@pytest.fixture
def anchor(senders: dict[str, Sender]) -> Sender:
    return senders["none"]


@pytest.fixture
def wallet(senders: dict[str, Sender]) -> Sender:
    return senders["wallet"]


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    return CASES
