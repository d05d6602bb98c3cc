"""The JSON Schema of the canonical event, made from the model itself."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs

from cambist._describe import KEY
from cambist._event import SCHEMA, PaymentEvent
from cambist._money import BaseUnits, Money

_LEAVES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    Decimal: {"type": "string", "pattern": r"^-?[0-9]{1,128}(\.[0-9]{1,255})?$"},
    BaseUnits: {"type": "string", "pattern": "^-?[0-9]{1,128}$"},
    datetime: {"type": "string", "format": "date-time"},
}
_PATTERNS = {
    "id": "^evt_[0-9a-f]{32}$",
    "raw_digest": "^[0-9a-f]{64}$",
}


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what `to_json` writes.

    It is closed: within ``cambist.event/1`` no member is added, so one that is unknown is a fault.
    """
    definitions: dict[str, Any] = {}
    root = _object(PaymentEvent, definitions)
    for name, pattern in _PATTERNS.items():
        root["properties"][name]["pattern"] = pattern
    root["properties"]["schema"]["const"] = SCHEMA
    root["properties"]["final"] = {
        "type": "boolean",
        "description": "Whether the payment normally ends here. Late money and refunds can still follow.",
    }
    root["required"] = list(root["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':').replace('.', ':')}",
        "title": "PaymentEvent",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _object(cls: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    top = cls is PaymentEvent
    properties, required = {}, []
    for attribute in attrs.fields(cls):
        name = attribute.name.rstrip("_")
        shape = _shape(hints[attribute.name], definitions, nullable=top)
        properties[name] = {**shape, "description": attribute.metadata[KEY]}
        if attribute.default is attrs.NOTHING:
            required.append(name)
    schema: dict[str, Any] = {
        "type": "object",
        "description": (cls.__doc__ or "").strip().partition("\n")[0],
        "properties": properties,
        "additionalProperties": False,
    }
    if required:
        schema["required"] = required
    if cls is Money:
        schema["oneOf"] = [{"required": ["amount"]}, {"required": ["base_units"]}]
    return schema


def _shape(hint: Any, definitions: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    """Return the schema of a type. Inside the parts of an event, absent is left out rather than null."""
    if hint in _LEAVES:
        return dict(_LEAVES[hint])
    if get_origin(hint) in (Union, types.UnionType):
        (option,) = (each for each in get_args(hint) if each is not type(None))
        shape = _shape(option, definitions, nullable=nullable)
        return {"anyOf": [shape, {"type": "null"}]} if nullable else shape
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _shape(get_args(hint)[0], definitions, nullable=False)}
    if get_origin(hint) is Mapping:
        return {"type": "object"}
    if issubclass(hint, Enum):
        return {"type": "string", "enum": [member.value for member in hint]}
    if hint.__name__ not in definitions:
        definitions[hint.__name__] = {}  # holds the place while its parts are made
        definitions[hint.__name__] = _object(hint, definitions)
    return {"$ref": f"#/$defs/{hint.__name__}"}
