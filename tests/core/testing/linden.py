"""Linden Cards, a fictional provider that sends card numbers: a key in a header, and a `redact`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypedDict

from attrs import frozen

from cambist import (
    Amounts,
    Asset,
    Card,
    Context,
    EventDraft,
    Identifier,
    Kind,
    Money,
    Payment,
    Provider,
    Sample,
    Secrets,
    Soft,
    Status,
    decode_json,
    fault,
)
from cambist.verification import ApiKey, Scheme

STATUSES = {"charge": {"approved": Status.COMPLETED, "declined": Status.FAILED}}

# Digits with at most a space or a dash between two of them.
_run = re.compile(rb"[0-9](?:[ -]?+[0-9])*+")


@frozen
class Settings:
    """The settings of a source."""

    keys: Secrets


def verification(settings: Settings) -> Scheme:
    return ApiKey(secrets=settings.keys, header="X-Linden-Key")


class Charge(TypedDict):
    charge: Identifier
    status: str
    amount: Decimal
    currency: str
    card: Soft[str]
    note: Soft[str]


def redact(body: bytes) -> bytes:
    return _run.sub(_masked, body)


def _masked(run: re.Match[bytes]) -> bytes:
    """Return a run without all but the last four of its digits if it may be a card's number."""
    digits = re.sub(rb"[^0-9]", b"", run[0])
    return b"*" * (len(digits) - 4) + digits[-4:] if 13 <= len(digits) <= 19 else run[0]


def decode(body: bytes) -> Any:
    return decode_json(redact(body))


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    if not isinstance(payload, dict):
        raise fault("", "is not an object")
    charge = context.read(Charge, payload)
    card = charge.get("card")
    return (
        EventDraft(
            kind=Kind.CARD_TRANSACTION,
            status=context.status("charge", charge["status"]),
            identity=(charge["charge"], charge["status"]),
            provider_status=charge["status"],
            payment=Payment(charge["charge"], charge.get("note")),
            amounts=Amounts(sent=Money(charge["amount"], Asset(charge["currency"]))),
            card=Card(last_four=card[-4:]) if card else None,
        ),
    )


LINDEN = Provider(
    name="linden",
    title="Linden Cards",
    documentation="https://linden.example/webhooks",
    settings=Settings,
    verification=verification,
    statuses=STATUSES,
    parse=parse,
    samples=(
        Sample(
            "approved",
            b'{"charge": "ch_1", "status": "approved", "amount": "9.90", "currency": "EUR",'
            b' "card": "5555555555554444", "note": "two acorns"}',
        ),
    ),
    redact=redact,
    decode=decode,
)
