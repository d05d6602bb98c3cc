"""What a verification scheme asks of a request, as OpenAPI says it."""

from __future__ import annotations

import re
from itertools import product
from typing import TypeAlias

from cambist.verification import AllOf, AnyOf, ApiKey, BasicAuth, JwtHs256, SignedMessage

Needed: TypeAlias = dict[str, dict[str, str]]
"""Name → security scheme, all of which a request has to satisfy."""


def alternatives(scheme: object) -> list[Needed]:
    """Return what a request can satisfy, one of these; nothing in one of them means that no header helps."""
    if isinstance(scheme, AllOf):
        every = product(*map(alternatives, scheme.schemes))
        return _each_once([{k: v for each in needed for k, v in each.items()} for needed in every])
    if isinstance(scheme, AnyOf):
        return _each_once([needed for each in scheme.schemes for needed in alternatives(each)])
    described = _described(scheme)
    if described is None:
        return [{}]
    name = re.sub(r"[^A-Za-z0-9._-]", "-", f"{getattr(scheme, 'name', '')}.{described.get('name', 'http')}")
    return [{name: described}]


def _described(scheme: object) -> dict[str, str] | None:
    match scheme:
        case BasicAuth():
            return {"type": "http", "scheme": "basic"}
        case JwtHs256(header="Authorization", prefix="Bearer "):
            return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        case ApiKey(header=header) | JwtHs256(header=header):
            return {"type": "apiKey", "in": "header", "name": header}
        case SignedMessage(header=header, timestamp=timestamp):
            told = f" The signed time is in {timestamp.header}." if timestamp and timestamp.header else ""
            description = f"A signature over the raw body.{told}"
            return {"type": "apiKey", "in": "header", "name": header, "description": description}
    return None


def _each_once(needed: list[Needed]) -> list[Needed]:
    found: list[Needed] = []
    for each in needed:
        if each not in found:
            found.append(each)
    return found
