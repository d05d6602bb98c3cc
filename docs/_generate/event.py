"""The reference of the event: its fields, words and parts, and an example."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs

import cambist
from _generate.markdown import table
from cambist import BaseUnits, Delivery, Kind, PaymentEvent, Pipeline, Source, Status, Verdict
from cambist._describe import KEY

KINDS = {
    Kind.DEPOSIT: "Money comes in to an account or address of the merchant.",
    Kind.WITHDRAWAL: "Money goes out to an address or account.",
    Kind.EXCHANGE: "One asset is turned into another inside the provider.",
    Kind.INVOICE: "A sum that somebody was asked to pay, with a time limit.",
    Kind.PAYMENT: "A payment without a narrower kind.",
    Kind.CHECKOUT: "A visit to a payment page.",
    Kind.TRANSFER: "A payment from one party to another through the provider.",
    Kind.CARD_ISSUANCE: "A card is made.",
    Kind.CARD_TOPUP: "A card is loaded.",
    Kind.CARD_TRANSACTION: "A card is used.",
    Kind.QUOTE: "A firm price was given.",
    Kind.CUSTOMER: "What the provider knows of a customer has changed.",
    Kind.TEST: "The provider tries the endpoint out; no money moves.",
    Kind.UNKNOWN: "A type that the installed release does not know.",
}
STATUSES = {
    Status.CREATED: "It exists, and nothing has happened yet.",
    Status.AWAITING_PAYMENT: "The payer has to pay.",
    Status.ACTION_REQUIRED: "Somebody has to do something else first.",
    Status.PROCESSING: "It is under way.",
    Status.ON_HOLD: "It was stopped for a review or for lack of funds, and may go on.",
    Status.PARTIALLY_PAID: "Something came, and not all of it.",
    Status.COMPLETED: "It succeeded.",
    Status.FAILED: "It did not succeed. `failure` says why; `amounts.received` says what came nevertheless.",
    Status.CANCELLED: "It was called off.",
    Status.EXPIRED: "Its time ran out unpaid.",
    Status.REFUNDING: "Money is on its way back to the payer.",
    Status.PARTIALLY_REFUNDED: "A part of the money went back.",
    Status.REFUNDED: "The money went back.",
    Status.UNKNOWN: "The provider's word is not known to the installed release. It is in `provider_status`.",
}
VERDICTS = {
    Verdict.APPLIED: "The event moved the status, or was the first of its payment.",
    Verdict.UNCHANGED: "The event repeated what is known.",
    Verdict.STALE: "A newer event came first, or one of higher rank if a time is missing. The status stays.",
    Verdict.CONFLICTING: (
        "The event contradicts money that has arrived, and no time shows it to be older. The status stays; "
        "a person should look at it."
    ),
}
LEAVES = {
    str: "`str`",
    int: "`int`",
    Decimal: "`Decimal`",
    BaseUnits: "`int`, as a string",
    datetime: "`datetime`",
}

EVENT = """\
# The event

<!-- Made by docs/generate.py from the code. Change the code, then run it. -->

Every delivery of every provider becomes at least one {py:class}`cambist.PaymentEvent`. This page states the
form `SCHEMA`. The same as JSON Schema (draft 2020-12) is in {download}`event.schema.json`, and
`cambist schema event` prints it. The form is closed: a member is never added to it under this name.

| In Python | In JSON |
| --- | --- |
| `str`, `int` | string, integer |
| `Decimal` | string in decimal notation, trailing zeros included: `"0.10882300"` |
| `datetime` | string as in RFC 3339, in UTC: `"2026-01-31T12:00:00Z"` |
| `tuple` | array |

What is not known is absent, and absence is written like this:

- In Python it is `None`, or an empty tuple for a list.
- In JSON, each member of the event itself is always there: `null`, `[]` or `{}` where nothing is known.
- In JSON, a member of a part of the event is left out where nothing is known.

The column *Absent* gives the form in JSON.

"""


def event_page() -> str:
    """Return the reference of the event."""
    parts = [EVENT.replace("SCHEMA", cambist.SCHEMA), *_section(PaymentEvent, "Fields", "")]
    parts += ["## Kinds\n\n", _words(KINDS, Kind), "## Statuses\n\n"]
    parts.append(
        "A final status is where a payment normally ends. Late money and refunds can still follow one, and\n"
        "{py:func}`cambist.advance` takes them into account.\n\n"
    )
    rows = [(f"`{word}`", "yes" if word.final else "no", STATUSES[word]) for word in Status]
    parts += [table(("Status", "Final", "Meaning"), rows), "## Verdicts\n\n"]
    parts.append(
        "What {py:func}`cambist.advance` says that an event did to the state of its payment. It is not a\n"
        "part of the event.\n\n"
    )
    parts += [_words(VERDICTS, Verdict), "## Parts\n\n"]
    for cls in _parts(PaymentEvent):
        parts += _section(cls, cls.__name__, "#")
    parts += ["## An example\n\n", "A deposit in bitcoin, credited in euros, as JSON:\n\n", _example()]
    return "".join(parts)


def _section(cls: Any, title: str, deeper: str) -> Iterable[str]:
    top = cls is PaymentEvent
    hints = get_type_hints(cls)
    rows = [
        (
            _name(attribute.name),
            _type(hints[attribute.name]),
            "never"
            if attribute.default is attrs.NOTHING
            else _absent(attribute, hints[attribute.name], top=top),
            attribute.metadata[KEY],
        )
        for attribute in attrs.fields(cls)
    ]
    if top:
        rows.append(("`final`", "`bool`", "never", "Whether the status is final; a property in Python."))
    yield f"##{deeper} {title}\n\n"
    yield "" if top else f"{(cls.__doc__ or '').strip()}\n\n"
    yield table(("Field", "Type", "Absent", "Meaning"), rows)


def _name(name: str) -> str:
    return f"`{name}`, in JSON `{name[:-1]}`" if name.endswith("_") else f"`{name}`"


def _absent(attribute: attrs.Attribute[Any], hint: Any, *, top: bool) -> str:
    if isinstance(attribute.default, str):
        return "never"
    if not top:
        return "left out"
    if type(None) in get_args(hint):
        return "`null`"
    return "`[]`" if get_origin(hint) is tuple else "`{}`"


def _type(hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        return _type(next(each for each in get_args(hint) if each is not type(None)))
    if get_origin(hint) is tuple:
        return f"`tuple` of {_type(get_args(hint)[0])}"
    if get_origin(hint) is Mapping:
        return "`Mapping`"
    if hint in LEAVES:
        return LEAVES[hint]
    anchor = {Kind: "kinds", Status: "statuses"}.get(hint, hint.__name__.lower())
    return f"[{hint.__name__}](#{anchor})"


def _parts(cls: Any) -> list[Any]:
    """Return the classes that a class is made of, each once, in the order of the fields."""
    found: list[Any] = []
    for hint in get_type_hints(cls).values():
        for each in (hint, *get_args(hint)):
            if isinstance(each, type) and attrs.has(each):
                found += [part for part in (each, *_parts(each)) if part not in found]
    return found


def _words(meanings: Mapping[Any, str], words: type[StrEnum]) -> str:
    return table((words.__name__, "Meaning"), [(f"`{word}`", meanings[word]) for word in words])


def _example() -> str:
    pipeline = Pipeline([Source("shop", "coinspaid", {"secrets": [{"value": "s3cret", "label": "2026"}]})])
    route = pipeline.routes[0]
    body = next(sample.body for sample in route.provider.samples if sample.name == "deposit_exchange")
    arrived = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    headers = route.scheme.sign(Delivery("shop", {}, body))
    event = pipeline.process(Delivery("shop", headers, body, arrived)).events[0]
    event = attrs.evolve(
        event, plugin_version="cambist-coinspaid 0.1.0"
    )  # a release does not change the page
    return f"```json\n{json.dumps(json.loads(cambist.to_json(event)), indent=2)}\n```\n"
