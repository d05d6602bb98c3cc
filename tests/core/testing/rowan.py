"""Rowan, a fictional provider that sends batches, tells the type in a header, and numbers its statuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from attrs import frozen

from cambist import (
    Amounts,
    Asset,
    BaseUnits,
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
    fault,
    scaled,
)
from cambist.verification import AnyOf, ApiKey, HmacSignature, Scheme

STATUSES = {"order": {"1": Status.AWAITING_PAYMENT, "2": Status.COMPLETED}}
TYPE = (("X-Rowan-Type", "orders"),)


@frozen
class Settings:
    """The settings of a source.

    Args:
        secrets: The secrets of the signature.
        keys: The keys of the way before it, while there are two.
        names: What is of no concern here: a table.
    """

    secrets: Secrets
    keys: Secrets | None = None
    names: Mapping[str, Any] | None = None


class Order(TypedDict):
    id: Identifier
    state: Identifier
    cents: BaseUnits
    data: Soft[Mapping[str, Any]]


def verification(settings: Settings) -> Scheme:
    signature = HmacSignature(secrets=settings.secrets, header="X-Rowan-Signature", encoding="base64")
    if settings.keys is None:
        return signature
    return AnyOf(signature, ApiKey(secrets=settings.keys, header="X-Rowan-Key"))


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    if not isinstance(payload, list) or not payload:
        raise fault("", "is not a list of orders, or is empty")
    type_ = context.delivery.headers.get("X-Rowan-Type")
    known = type_ == "orders"
    if not known:
        context.anomaly("", "is of an unknown type (its word is in provider_type)")
    drafts: dict[tuple[str, ...], EventDraft] = {}
    for index, item in enumerate(payload):
        order = context.read(Order, item, f"[{index}]")
        status = context.status("order", order["state"], f"[{index}].state")
        identity = (order["id"], order["state"])
        drafts[identity] = EventDraft(
            kind=Kind.PAYMENT if known else Kind.UNKNOWN,
            status=status,
            identity=identity,
            provider_type=type_,
            provider_status=order["state"],
            payment=Payment(order["id"]),
            amounts=Amounts(requested=Money(scaled(order["cents"], 2), Asset("EUR"))),
            metadata=order.get("data") or {},
        )
    return drafts.values()


ROWAN = Provider(
    name="rowan",
    title="Rowan",
    documentation="https://rowan.example/docs",
    settings=Settings,
    verification=verification,
    statuses=STATUSES,
    parse=parse,
    samples=(
        Sample("one", b'[{"id": 1, "state": 1, "cents": 1990}]', TYPE),
        Sample(
            "two",
            b'[{"id": "2", "state": "1", "cents": "50"},'
            b' {"id": 2, "state": 2, "cents": 50, "data": {"price": 0.10, "tags": ["a", {"b": null}]}}]',
            TYPE,
        ),
    ),
    headers=("X-Rowan-Type",),
)
