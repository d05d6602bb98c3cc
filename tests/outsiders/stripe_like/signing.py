"""Tollhouse's side: bodies and signatures, made with nothing but the standard library.

``python tests/outsiders/stripe_like/signing.py`` writes ``cases/*.http``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

SECRET, OLD_SECRET = "whsec_tollhouse_new", "whsec_tollhouse_old"
# 2026-01-31T12:00:05Z
NOW = 1769860805


def v1(body: bytes, secret: str = SECRET, at: int = NOW) -> str:
    return hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()


def header(body: bytes, secret: str = SECRET, at: int = NOW) -> str:
    return f"t={at},v1={v1(body, secret, at)},v0={'6f' * 32}"


def event(identifier: str, type_: str, document: dict[str, Any], *, livemode: bool = True) -> bytes:
    return json.dumps(
        {
            "id": f"evt_{identifier}",
            "type": type_,
            "created": 1769860800,
            "livemode": livemode,
            "data": {"object": document},
        },
        indent=2,
    ).encode()


def intent(status: str, amount: int, currency: str, received: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": "pi_3Kx",
        "object": "payment_intent",
        "status": status,
        "amount": amount,
        "amount_received": received,
        "currency": currency,
        "last_payment_error": None,
        "metadata": {"order": "2048"},
        **more,
    }


def charge(refunded: int, amount: int, currency: str) -> dict[str, Any]:
    return {
        "id": "ch_3Kx",
        "object": "charge",
        "payment_intent": "pi_3Kx",
        "status": "succeeded",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": refunded,
        "refunded": refunded == amount,
        "currency": currency,
        "metadata": {},
    }


DECLINED = {"code": "card_declined", "message": "Your card was declined."}
BODIES = {
    "created": event("01", "payment_intent.created", intent("requires_payment_method", 4990, "eur")),
    "unconfirmed": event("02", "payment_intent.created", intent("requires_confirmation", 4990, "eur")),
    "requires_action": event("03", "payment_intent.requires_action", intent("requires_action", 4990, "eur")),
    "processing": event("04", "payment_intent.processing", intent("processing", 4990, "eur")),
    "authorized": event("05", "payment_intent.capturable", intent("requires_capture", 4990, "eur")),
    "canceled": event("06", "payment_intent.canceled", intent("canceled", 4990, "eur")),
    "declined": event(
        "07",
        "payment_intent.payment_failed",
        intent("requires_payment_method", 4990, "eur", last_payment_error=DECLINED),
    ),
    "succeeded_eur": event("08", "payment_intent.succeeded", intent("succeeded", 4990, "eur", 4990)),
    "succeeded_jpy": event("09", "payment_intent.succeeded", intent("succeeded", 1099, "jpy", 1099)),
    "succeeded_kwd": event("10", "payment_intent.succeeded", intent("succeeded", 1250, "kwd", 1250)),
    "succeeded_unknown_scale": event("11", "payment_intent.succeeded", intent("succeeded", 5, "xts", 5)),
    "test_mode": event(
        "12", "payment_intent.succeeded", intent("succeeded", 4990, "eur", 4990), livemode=False
    ),
    "refunded_partly": event("13", "charge.refunded", charge(1000, 4990, "eur")),
    "refunded_fully": event("14", "charge.refunded", charge(4990, 4990, "eur")),
    "dispute": event("15", "charge.dispute.created", {"id": "dp_1", "object": "dispute", "amount": 4990}),
}
# The other ways to sign one body.
SUCCEEDED = BODIES["succeeded_eur"]
HEADERS = {
    **{name: (body, header(body)) for name, body in BODIES.items()},
    "rolled_second_fits": (
        SUCCEEDED,
        f"t={NOW},v1={v1(SUCCEEDED, 'of somebody else')},v1={v1(SUCCEEDED, OLD_SECRET)}",
    ),
    "malformed_first": (SUCCEEDED, f"t={NOW},v1=no hex,v1=,nonsense,v1={v1(SUCCEEDED)}"),
    "too_old": (SUCCEEDED, header(SUCCEEDED, at=NOW - 301)),
    "only_v0": (SUCCEEDED, f"t={NOW},v0={v1(SUCCEEDED)}"),
}
REQUESTS = {
    name: (
        f"POST /webhooks/shop\nContent-Type: application/json\nTollhouse-Signature: {signature}\n\n".encode()
        + body
    )
    for name, (body, signature) in HEADERS.items()
}

if __name__ == "__main__":
    for name, request in REQUESTS.items():
        (Path(__file__).parent / "cases" / f"{name}.http").write_bytes(request)
