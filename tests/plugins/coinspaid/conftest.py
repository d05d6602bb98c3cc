"""What these tests share: the cases, and a shop that a callback can be sent to."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import frozen

from cambist import Delivery, PaymentEvent, Pipeline, Processed, Registry, Source
from cambist.testing import Case, load_cases

# Every body that the vendor's document shows, in its order.
DOCUMENTED = (
    "deposit_btc",
    "deposit_eth",
    "deposit_erc20",
    "deposit_exchange_btc_eur",
    "withdrawal_btc",
    "withdrawal_eth",
    "withdrawal_erc20",
    "withdrawal_exchange_eur_btc",
    "exchange_eur_btc",
    "exchange_btc_usd",
    "create_invoice_created",
    "create_invoice_pending",
    "create_invoice_pending_in_btc",
    "invoice_confirmed_with_remainder",
    "invoice_processing",
    "invoice_paid_in_two_parts",
    "invoice_expired_unpaid",
    "invoice_failed_processing_timeout",
    "invoice_failed_underpaid",
    "deposit_not_confirmed",
    "withdrawal_cancelled",
)
# Bodies of other forms, after the vendor's current and older pages.
OTHER_FORMS = (
    "payment_request_rate_fixed",
    "payment_request_with_tag",
    "payment_request_paid",
    "withdrawal_confirmed_without_sums",
    "withdrawal_exchange_chain_leg_first",
    "deposit_exchange_futures",
    "invoice_pending_part_paid",
    "create_invoice_older_api",
)
CASES = {case.name: case for case in load_cases(Path(__file__).parent / "cases")}
# A test that takes one of these arguments runs once for each of the cases.
ARGUMENTS = {
    "event_case": [case for case in CASES.values() if "events" in case.expected],
    "documented": [CASES[name] for name in DOCUMENTED],
    "shown": [CASES[name] for name in DOCUMENTED + OTHER_FORMS],
}

SECRET = "AbCdEfG123456"  # the vendor's own, in its example
SIGNATURE = "X-Processing-Signature"
ARRIVAL = datetime(2026, 1, 15, 12, tzinfo=UTC)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, cases in ARGUMENTS.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, cases, ids=[case.name for case in cases])


@frozen
class Shop:
    """A source that callbacks can be sent to. It signs by itself, not with what is tested."""

    pipeline: Pipeline
    name: str = "shop"

    def signature(self, body: bytes) -> str:
        """Return the vendor's signature of this body."""
        return hmac.new(SECRET.encode(), body, "sha512").hexdigest()

    def signed(self, body: bytes, received_at: datetime | None = ARRIVAL) -> Delivery:
        """Return a genuine delivery of this body."""
        return Delivery(self.name, {SIGNATURE: self.signature(body)}, body, received_at)

    def send(
        self, body: bytes, headers: Iterable[tuple[str | bytes, str | bytes]] | None = None
    ) -> Processed:
        """Process a body, signed unless headers are given."""
        delivery = self.signed(body) if headers is None else Delivery(self.name, headers, body, ARRIVAL)
        return self.pipeline.process(delivery)

    def event(self, body: bytes) -> PaymentEvent:
        """Return the one event of a body."""
        (event,) = self.send(body).events
        return event


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.load(["coinspaid"])


@pytest.fixture(scope="session")
def shop(registry: Registry) -> Shop:
    return Shop(Pipeline([Source("shop", "coinspaid", {"secrets": [SECRET]})], registry=registry))


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    return CASES


@pytest.fixture(scope="session")
def documents() -> list[bytes]:
    """The bodies that the vendor's document shows."""
    return [CASES[name].delivery.body for name in DOCUMENTED]
