"""Elm, a fictional provider: form fields instead of JSON, a secret in the URL instead of a signature."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypedDict
from urllib.parse import parse_qsl

from attrs import frozen

from cambist import (
    Amounts,
    Asset,
    Context,
    EventDraft,
    Identifier,
    Kind,
    Money,
    Payment,
    Provider,
    Sample,
    Secrets,
    Status,
)
from cambist.verification import PathSecret, Scheme

STATUSES = {"bill": {"settled": Status.COMPLETED}}


@frozen
class Settings:
    """The settings of a source."""

    tokens: Secrets


class Bill(TypedDict):
    bill: Identifier
    state: str
    sum: Decimal


def verification(settings: Settings) -> Scheme:
    return PathSecret(secrets=settings.tokens)


def decode(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=50))
    except ValueError:
        problem = "is no form"
    raise ValueError(problem)


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    bill = context.read(Bill, payload)
    return (
        EventDraft(
            kind=Kind.INVOICE,
            status=context.status("bill", bill["state"], "state"),
            identity=(bill["bill"], bill["state"]),
            provider_status=bill["state"],
            payment=Payment(bill["bill"]),
            amounts=Amounts(received=Money(bill["sum"], Asset("EUR"))),
        ),
    )


ELM = Provider(
    name="elm",
    title="Elm",
    documentation="https://elm.example/docs",
    settings=Settings,
    verification=verification,
    statuses=STATUSES,
    parse=parse,
    samples=(Sample("settled", b"bill=77&state=settled&sum=19.90"),),
    decode=decode,
    media_types=("application/x-www-form-urlencoded",),
)
