"""CoinsPaid (CryptoProcessing) callbacks, and those of its sister brand AlphaPo.

Documentation: https://docs.cryptoprocessing.com/api-reference/callbacks
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from attrs import frozen

from cambist import Context, EventDraft, Kind, Payment, Provider, Secret, Secrets, Status, fault, hookimpl
from cambist.errors import ConfigurationError
from cambist.verification import AllOf, ApiKey, HmacSignature, Scheme
from cambist_coinspaid.callbacks import KINDS, callback_event, created_invoice_event
from cambist_coinspaid.payloads import Callback, InvoiceAnswer, PaymentRequest, Unknown
from cambist_coinspaid.payment_requests import payment_request_event
from cambist_coinspaid.samples import SAMPLES
from cambist_coinspaid.statuses import STATUSES

__all__ = ["COINSPAID", "Settings"]


@frozen
class Settings:
    """The settings of a source.

    Args:
        secrets: The API secrets of the account; several while one is being rotated.
        api_key: The account's public key. If given, ``X-Processing-Key`` must be this.
    """

    secrets: Secrets
    api_key: str | None = None


def verification(settings: Settings) -> Scheme:
    """Return HMAC-SHA512 over the raw body, in lower-case hex, and the account's key if it is configured."""
    signature = HmacSignature(secrets=settings.secrets, hash="sha512", header="X-Processing-Signature")
    if settings.api_key is None:
        return signature
    if not settings.api_key.strip():
        raise ConfigurationError("api_key: is empty; leave it out, or give the account's public key")
    key = ApiKey(secrets=(Secret(settings.api_key, "api_key"),), header="X-Processing-Key", public=True)
    return AllOf(key, signature)


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    """Return the one event of a callback, or of the answer of a create-invoice call."""
    if not isinstance(payload, dict):
        raise fault("", "is not an object")
    kind = payload.get("type")
    if kind == "payment_request":
        return (payment_request_event(context.read(PaymentRequest, payload), context),)
    if kind is None and "data" in payload:
        return (created_invoice_event(context.read(InvoiceAnswer, payload)["data"], context),)
    if isinstance(kind, str) and kind not in KINDS:
        return (_unknown(kind, payload, context),)
    return (callback_event(context.read(Callback, payload), context),)


def _unknown(kind: str, payload: dict[str, Any], context: Context) -> EventDraft:
    """Keep a callback of a type that this release does not know: it can be read again by a later one."""
    context.anomaly("type", "an unknown type (its word is in provider_type)")
    known = context.read(Unknown, {key: payload.get(key) for key in Unknown.__annotations__})
    return EventDraft(
        kind=Kind.UNKNOWN,
        status=Status.UNKNOWN,
        identity=(kind, hashlib.sha256(context.delivery.body).hexdigest()),
        provider_type=kind,
        provider_status=known.get("status"),
        payment=Payment(known.get("id"), known.get("foreign_id"), known.get("end_user_reference")),
    )


RETRIES = tuple(60 * minutes for minutes in (1, 5, 15, 30, 60, 90, 120, 180, 240, 240, 240, 240))

COINSPAID = Provider(
    name="coinspaid",
    title="CoinsPaid (CryptoProcessing)",
    documentation="https://docs.cryptoprocessing.com/api-reference/callbacks",
    settings=Settings,
    verification=verification,
    statuses=STATUSES,
    parse=parse,
    samples=SAMPLES,
    retries=RETRIES,
)


@hookimpl
def cambist_register_providers() -> list[Provider]:
    """Register the provider."""
    return [COINSPAID]
