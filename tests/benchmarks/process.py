"""How much `Pipeline.process` costs beside hand-written code that does the same work without its guarantees.

The floor verifies with a prepared key, decodes once, and builds the very same frozen event (exact decimals,
SHA-256 identity and digest) by direct subscripts: no settings, no checks of any type, no path in any error,
no note of an unknown field or status, and its decoder would turn a JSON number into a binary float.

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
    body = delivery.body
    mac = KEY.copy()
    mac.update(body)
    if not hmac.compare_digest(mac.hexdigest(), delivery.headers["X-Processing-Signature"]):
        raise PermissionError
    payload = DECODE(body.decode())
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

    ours, floors = [], []
    for _ in range(ROUNDS):
        floors.append(timed(floor))
        ours.append(timed(pipeline.process))
    ratio = statistics.median(mine / base for mine, base in zip(ours, floors, strict=True))
    print(f"Pipeline.process {statistics.median(ours):.1f} us, floor {statistics.median(floors):.1f} us")
    print(f"ratio {ratio:.2f} (budget {BUDGET})")


if __name__ == "__main__":
    main()
