"""What the webhooks share: the card, the customer, sums in fiat money."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cambist import Asset, BaseUnits, Card, Context, Failure, Money, Party, Status, scaled
from cambist_alchemypay.currencies import DECIMALS

CARD_TYPES = {"1": "virtual", "2": "physical"}
# Under these a reason is not one for a failure.
GOES_WELL = {Status.CREATED, Status.PROCESSING, Status.COMPLETED}
_last_four = re.compile(r"[0-9]{4}$").search
_gap = re.compile(r"[^0-9A-Za-z*]")


def card(payload: Mapping[str, Any], context: Context) -> Card | None:
    """Return the card that a webhook is about; absent if it tells nothing of one."""
    number, type_ = payload.get("cardNumber"), payload.get("cardType")
    found = _last_four(_gap.sub("", number)) if number else None
    if number and not found:
        context.anomaly("cardNumber", "does not end in four digits")
    if type_ and type_ not in CARD_TYPES:
        context.anomaly("cardType", "is an unknown type (its word is in card.type)")
    result = Card(payload.get("cardId"), found[0] if found else None, CARD_TYPES.get(type_ or "", type_))
    return None if result == Card() else result


def customer(email: str | None, id_: str | None = None) -> tuple[Party, ...]:
    """Return whose card it is."""
    return (Party("customer", id_, email=email),) if email or id_ else ()


def failure(reason: str | None, status: Status, path: str, context: Context) -> Failure | None:
    """Return why it did not succeed. A reason that comes with another status is noted, and left out."""
    if reason and status in GOES_WELL:
        context.anomaly(path, "is left out: the status tells of no failure")
        return None
    return Failure(message=reason) if reason else None


def fiat(amount: Decimal | None, code: str | None, path: str, setting: str, context: Context) -> Money | None:
    """Return a sum in the unit that a setting tells, which is noted: the documents contradict each other."""
    if amount is None:
        return None
    decimals = DECIMALS.get(code or "")
    asset = Asset(code, id=None if decimals is None else f"iso4217:{code}")
    unit = getattr(context.settings, setting)
    context.anomaly(path, f"is taken to be in {unit} units (setting {setting})")
    if unit == "major":
        return Money(amount, asset)
    if "." in format(amount, "f"):
        context.anomaly(
            path, f"has decimals, as minor units have not: it is left out (see setting {setting})"
        )
        return None
    if decimals is None:
        context.anomaly(path, "is in a currency of unknown scale: it is left in base units")
        return Money(base_units=BaseUnits(int(amount)), asset=asset)
    return Money(scaled(int(amount), decimals), asset)
