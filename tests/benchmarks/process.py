"""How much `Pipeline.process` costs beside hand-written code that does the same work without its guarantees.

The floor verifies with a prepared key, decodes once, and builds the very same frozen event (exact decimals,
SHA-256 identity and digest) by direct subscripts: no settings, no checks of any type, no path in any error,
no note of an unknown field or status. Its one decode keeps every digit of a JSON number, as a handler of this
vendor has to: `json` with ``parse_float=Decimal``. A second floor shows what orjson would save a handler that
could trust all amounts to be strings; the budget is not held against that one.

Run: ``python tests/benchmarks/process.py``. Prints medians and their ratio.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import statistics
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import orjson

from cambist import (
    Amounts,
    Asset,
    Delivery,
    Fee,
    Kind,
    Money,
    Party,
    Payment,
    PaymentEvent,
    Pipeline,
    Source,
    Status,
    Transaction,
    Verification,
)
from cambist_coinspaid import COINSPAID

SECRET = "s3cret"
ROUNDS, CALLS = 601, 50
BUDGET = 1.5

KEY = hmac.new(SECRET.encode(), digestmod="sha512")
PLUGIN = f"cambist-coinspaid {version('cambist-coinspaid')}"
BTC, EUR = Asset("BTC"), Asset("EUR", id="iso4217:EUR")
DECODE = json.JSONDecoder(parse_float=Decimal).decode
ASSETS = {"BTC": BTC, "EUR": EUR}
STATUSES = {"not_confirmed": Status.PROCESSING, "confirmed": Status.COMPLETED, "cancelled": Status.CANCELLED}


def floor(delivery: Delivery) -> PaymentEvent:
    """Do the same by hand."""
    return by_hand(delivery, exact_json)


def inexact_floor(delivery: Delivery) -> PaymentEvent:
    """Do the same by hand, for bodies without numbers that a float could change."""
    return by_hand(delivery, orjson.loads)


def exact_json(body: bytes) -> Any:
    """Decode with every digit."""
    return DECODE(body.decode())


def by_hand(delivery: Delivery, decode: Callable[[bytes], Any]) -> PaymentEvent:
    """Verify, decode, build."""
    body = delivery.body
    mac = KEY.copy()
    mac.update(body)
    if not hmac.compare_digest(mac.hexdigest(), delivery.headers["X-Processing-Signature"]):
        raise PermissionError
    payload = decode(body)
    sent, received, address = (
        payload["currency_sent"],
        payload["currency_received"],
        payload["crypto_address"],
    )
    target = ASSETS[received["currency"]]
    transactions = tuple(
        [
            Transaction(
                id=str(item["id"]),
                type=item["type"],
                hash=item.get("txid"),
                to=item.get("address"),
                memo=item.get("tag"),
                money=Money(Decimal(item["amount"]), ASSETS[item["currency"]]),
                converted=(
                    Money(Decimal(item["amount_to"]), ASSETS[item["currency_to"]])
                    if "amount_to" in item
                    else None
                ),
                confirmations=int(item["confirmations"]) if "confirmations" in item else None,
                risk_score=Decimal(item["riskscore"]) if "riskscore" in item else None,
            )
            for item in payload["transactions"]
        ]
    )
    number = str(payload["id"])
    identity = orjson.dumps(
        [
            *("coinspaid", delivery.source, payload["type"], number, payload["status"]),
            *[f"{item.id}:{item.confirmations}" for item in transactions],
        ]
    )
    return PaymentEvent(
        id=f"evt_{hashlib.sha256(identity).hexdigest()[:32]}",
        provider="coinspaid",
        source=delivery.source,
        kind=Kind.DEPOSIT,
        status=STATUSES[payload["status"]],
        provider_type=payload["type"],
        provider_status=payload["status"],
        payment=Payment(number, address["foreign_id"], payload["end_user_reference"]),
        amounts=Amounts(
            sent=Money(Decimal(sent["amount"]), ASSETS[sent["currency"]]),
            received=Money(Decimal(received["amount"]), target),
            net=Money(Decimal(received["amount_minus_fee"]), target),
        ),
        fees=tuple(
            [
                Fee(item["type"], Money(Decimal(item["amount"]), ASSETS[item["currency"]]))
                for item in payload["fees"]
            ]
        ),
        transactions=transactions,
        parties=(Party("receiver", str(address["id"]), address["address"], address["tag"]),),
        received_at=delivery.received_at,
        verification=Verification("hmac-sha512", "1"),
        raw_digest=hashlib.sha256(body).hexdigest(),
        plugin_version=PLUGIN,
    )


def main() -> None:
    """Measure both in turn, so that a change of the machine's speed meets both alike."""
    pipeline = Pipeline([Source("shop", "coinspaid", {"secrets": [SECRET]})])
    body = next(sample.body for sample in COINSPAID.samples if sample.name == "deposit_exchange")
    signature = hmac.new(SECRET.encode(), body, "sha512").hexdigest()
    delivery = Delivery("shop", {"X-Processing-Signature": signature}, body, datetime(2026, 1, 1, tzinfo=UTC))
    if pipeline.process(delivery).events != (floor(delivery),):
        raise SystemExit("the floor does not do the same work")

    def timed(call: Callable[[Delivery], object]) -> float:
        return timeit.timeit(lambda: call(delivery), number=CALLS) / CALLS * 1e6

    calls = (floor, inexact_floor, pipeline.process)
    times: list[list[float]] = [[], [], []]
    for _ in range(ROUNDS):
        for call, found in zip(calls, times, strict=True):
            found.append(timed(call))
    floors, inexact, ours = times
    ratios = sorted(mine / base for mine, base in zip(ours, floors, strict=True))
    middle, quarter = len(ratios) // 2, len(ratios) // 4
    print(f"Pipeline.process {statistics.median(ours):.1f} us, floor {statistics.median(floors):.1f} us")
    print(f"ratio {ratios[middle]:.2f} (half of the rounds {ratios[quarter]:.2f} to {ratios[-quarter]:.2f})")
    print(f"budget {BUDGET}")
    other = statistics.median(mine / base for mine, base in zip(ours, inexact, strict=True))
    print(f"beside a floor that decodes inexactly: {other:.2f}")


if __name__ == "__main__":
    main()
