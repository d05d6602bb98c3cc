"""Farthing's side: bodies and signatures, made with nothing but the standard library.

``python tests/outsiders/standard_webhooks/signing.py`` writes ``cases/*.http``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

KEY, OLD_KEY = b"farthing's new key, 32 bytes  ..", b"farthing's old key, 32 bytes  .."
SECRET, OLD_SECRET = (f"whsec_{base64.b64encode(key).decode()}" for key in (KEY, OLD_KEY))
# 2026-01-31T12:00:05Z
NOW = 1769860805
# Of the right form; nobody checks it.
V1A = f"v1a,{base64.b64encode(bytes(range(64))).decode()}"


def v1(identifier: str, body: bytes, key: bytes = KEY, at: int = NOW) -> str:
    digest = hmac.new(key, f"{identifier}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def message(type_: str, data: dict[str, str]) -> bytes:
    document = {"type": type_, "timestamp": "2026-01-31T12:00:00Z", "data": data}
    return json.dumps(document, separators=(",", ":")).encode()


def of(status: str, amount: str, currency: str, identifier: str = "pay_1") -> dict[str, str]:
    return {
        "id": identifier,
        "status": status,
        "amount": amount,
        "currency": currency,
        "reference": "order-2048",
    }


BODIES = {
    "pending": message("payment.updated", of("pending", "49.90", "EUR")),
    "paid": message("payment.updated", of("paid", "49.90", "EUR")),
    "paid_jpy": message("payment.updated", of("paid", "1099", "JPY")),
    "paid_kwd": message("payment.updated", of("paid", "1.250", "KWD")),
    "declined": message("payment.updated", of("declined", "49.90", "EUR")),
    "lapsed": message("payment.updated", of("lapsed", "49.90", "EUR")),
    "refunded": message("payment.updated", of("refunded", "49.90", "EUR")),
    "payout_sent": message("payout.updated", of("sent", "12.00", "GBP", "out_1")),
    "payout_arrived": message("payout.updated", of("arrived", "12.00", "GBP", "out_1")),
    "payout_returned": message("payout.updated", of("returned", "12.00", "GBP", "out_1")),
    "endpoint_test": message("endpoint.test", {}),
    "dispute": message("dispute.opened", {"id": "dis_1", "amount": "49.90"}),
}
PAID = BODIES["paid"]


def request(identifier: str, body: bytes, signatures: str, at: int = NOW) -> bytes:
    head = (
        "POST /webhooks/shop",
        "Content-Type: application/json",
        f"webhook-id: {identifier}",
        f"webhook-timestamp: {at}",
        f"webhook-signature: {signatures}",
    )
    return "\n".join((*head, "", "")).encode() + body


REQUESTS = {
    **{name: request(f"msg_{name}", body, v1(f"msg_{name}", body)) for name, body in BODIES.items()},
    "rotated_second_fits": request(
        "msg_paid", PAID, f"{v1('msg_paid', PAID, b'of somebody else')} {v1('msg_paid', PAID, OLD_KEY)}"
    ),
    "v1a_first": request("msg_paid", PAID, f"{V1A} {v1('msg_paid', PAID)}"),
    "malformed_first": request("msg_paid", PAID, f"v1,??? v1, v1 nonsense {v1('msg_paid', PAID)}"),
    "only_v1a": request("msg_paid", PAID, V1A),
    "too_old": request("msg_paid", PAID, v1("msg_paid", PAID, at=NOW - 301), NOW - 301),
    "another_id": request("msg_other", PAID, v1("msg_paid", PAID)),
}

if __name__ == "__main__":
    for name, content in REQUESTS.items():
        (Path(__file__).parent / "cases" / f"{name}.http").write_bytes(content)
