"""Beech, as small as a provider that keeps everything can be, and two that do not or ask for more."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, TypedDict

from attrs import evolve, frozen

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
    fault,
    hookimpl,
)
from cambist.verification import HmacSignature, Scheme


@frozen
class Settings:
    secrets: Secrets


@frozen
class Chosen:
    unit: Literal["minor", "major"]
    secrets: Secrets = ()


class Payload(TypedDict):
    id: Identifier
    status: str
    sum: Decimal


def verification(settings: Settings) -> Scheme:
    return HmacSignature(secrets=settings.secrets, header="X-Beech-Signature")


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    if not isinstance(payload, dict):
        raise fault("", "is not an object")
    known = context.read(Payload, payload)
    return [
        EventDraft(
            kind=Kind.PAYMENT,
            status=context.status("payment", known["status"]),
            identity=(known["id"], known["status"]),
            provider_status=known["status"],
            payment=Payment(known["id"]),
            amounts=Amounts(received=Money(known["sum"], Asset("EUR"))),
        )
    ]


def careless(payload: Any, context: Context) -> Iterable[EventDraft]:
    payload["status"]
    return parse(payload, context)


BEECH = Provider(
    name="beech",
    title="Beech",
    documentation="https://beech.example/docs",
    settings=Settings,
    verification=verification,
    statuses={"payment": {"paid": Status.COMPLETED}},
    parse=parse,
    samples=(Sample("paid", b'{"id": "b-1", "status": "paid", "sum": "19.90"}'),),
)


@hookimpl
def cambist_register_providers() -> list[Provider]:
    return [
        BEECH,
        evolve(BEECH, name="careless", parse=careless),
        evolve(BEECH, name="chosen", settings=Chosen),
    ]
