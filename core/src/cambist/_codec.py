"""Events to JSON and back, losing nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import orjson
from cattrs import Converter
from cattrs.gen import override

from cambist._convert import faults, member, strict_converter, structure_function
from cambist._dump import dumper
from cambist._event import SCHEMA, Kind, PaymentEvent
from cambist._json import decode
from cambist._leaves import Misfit
from cambist._lifecycle import Status
from cambist._money import BaseUnits, exact
from cambist.errors import Fault, PayloadError

_whole = re.compile(r"-?[0-9]{1,128}", re.ASCII).fullmatch


def to_json(event: PaymentEvent) -> bytes:
    """Return an event as one compact JSON document in UTF-8; the same bytes for the same event.

    Members of the event are always there, null or empty where nothing is known. Members of its parts are
    left out where nothing is known. Amounts are strings; times are RFC 3339 in UTC.
    """
    return orjson.dumps(to_plain(event))


def to_plain(event: PaymentEvent) -> dict[str, Any]:
    """Return an event as plain data for orjson, as `to_json` has it.

    Numbers in ``metadata`` are fragments of orjson, so that they keep their digits.
    """
    document = _dump(event)
    document["final"] = event.status.final
    return document


def from_json(data: bytes | str) -> PaymentEvent:
    """Return the event of which `to_json` made this document.

    Raises:
        PayloadError: It is not such a document; each faulty path is named.
    """
    try:
        document = decode(data.encode() if isinstance(data, str) else data)
    except ValueError as error:
        found: tuple[Fault, ...] = (Fault("", str(error)),)
    else:
        found = _of_another_form(document)
        if not found:
            final = document.pop("final", None)
            try:
                event: PaymentEvent = _load(document, PaymentEvent)
            except Exception as error:  # noqa: BLE001  # cattrs' own errors show the values
                found = tuple(faults(error))
            else:
                if final is event.final:
                    return event
                found = (Fault("final", "does not agree with the status"),)
    raise PayloadError(found)


def _of_another_form(document: object) -> tuple[Fault, ...]:
    if not isinstance(document, dict):
        return (Fault("", "is not an object"),)
    if document.get("schema") != SCHEMA:
        return (Fault("schema", f"is not {SCHEMA}: another release made it"),)
    missing = [a.name for a in attrs.fields(PaymentEvent) if a.name not in document]
    return tuple(Fault(name, "is missing") for name in missing)


def _read_time(value: Any, _: Any) -> datetime:
    try:
        when = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        when = None
    if when is None or when.tzinfo is None:
        raise Misfit("is not a time with a zone")
    return when.astimezone(UTC)


def _amount(value: Any, _: Any) -> Decimal:
    if value.__class__ is not str:
        raise Misfit("is not a string of digits")
    try:
        return exact(value)
    except ValueError as error:
        problem = str(error)
    raise Misfit(problem)


def _units(value: Any, _: Any) -> BaseUnits:
    if value.__class__ is str and _whole(value):
        return BaseUnits(int(value))
    raise Misfit("is not a string of digits")


def _loader() -> Converter:
    converter = strict_converter()
    converter.register_structure_hook(datetime, _read_time)
    converter.register_structure_hook(Decimal, _amount)
    for enum in (Kind, Status):  # each by itself: they are strings, and cattrs' dispatch would say so first
        converter.register_structure_hook(enum, member)
    converter.register_structure_hook_func(lambda cls: cls is BaseUnits, _units)
    converter.register_structure_hook_factory(lambda cls: attrs.has(cls) and bool(_renamed(cls)))(
        lambda cls: structure_function(cls, converter, **_renamed(cls))
    )
    return converter


def _renamed(cls: type) -> dict[str, Any]:
    """Return the names that are Python keywords as JSON has them: ``from_`` is ``from``."""
    return {a.name: override(rename=a.name[:-1]) for a in attrs.fields(cls) if a.name.endswith("_")}


_dump = dumper(PaymentEvent, sparse=False)
_load = _loader().get_structure_hook(PaymentEvent)
