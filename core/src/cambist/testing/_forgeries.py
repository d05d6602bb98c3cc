"""What a forger changes: bodies, headers, places."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Final

import orjson
from attrs import evolve

from cambist._delivery import Delivery
from cambist.testing._schemes import parts
from cambist.verification import IpAllowList, PathSecret, Scheme

Pair = tuple[str | bytes, str | bytes]

MOST_CHANGES: Final = 1_000
"""How many bytes of a body, or characters of a header, are changed one at a time, evenly spread."""

GARBAGE: Final[Mapping[str, str | bytes]] = {
    "empty": "",
    "a blank": " ",
    "garbage": "cambist-canary",
    "a separator": ",",
    "separators": ",=,=;.,",
    "zero": "0",
    "not ASCII": "é" * 64,
    "not ASCII, as bytes": b"\xff" * 64,
    "digits of another script": "\N{ARABIC-INDIC DIGIT ONE}" * 64,
    "a NUL": "\0",
    "10,000 characters": "0" * 10_000,
}
# Addresses for documentation, and some that a proxy might be thought to have.
STRANGERS: Final = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "::1", "10.255.255.254")

_is_hex = re.compile(r"[0-9A-Fa-f]{32,}").fullmatch
_scheme_word = re.compile(r"(?:Basic|Bearer|Token) ", re.I).match


def _spread(length: int) -> range:
    return range(0, length, max(1, length // MOST_CHANGES))


def changed_bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Return a body with one bit flipped, cut off, longer, or written again."""
    for index in _spread(len(body)):
        flipped = bytes([body[index] ^ (1 << index % 8)])
        yield f"byte {index} with one bit flipped", body[:index] + flipped + body[index + 1 :]
        yield f"cut off at byte {index}", body[:index]
    for more in (b"\n", b" ", b"\0", b"{}"):
        yield f"followed by {more!r}", body + more
        yield f"preceded by {more!r}", more + body
    try:
        yield "written again by a JSON library", orjson.dumps(orjson.loads(body))
        yield "written again with white space", orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
    except orjson.JSONDecodeError:
        return


def malformed(value: str) -> Iterator[tuple[str, str | bytes]]:
    """Return what stands in place of a header's value."""
    yield from GARBAGE.items()
    for index in _spread(len(value)):
        if value[:index].rstrip(" ") != value:
            yield f"cut off at character {index}", value[:index]
    yield "one character more", value + "0"
    yield "one character before", "0" + value
    yield "a character that is not ASCII more", value + "é"
    yield "another value of its length", "".join("1" if letter == "0" else "0" for letter in value)


def flipped(value: str) -> Iterator[tuple[int, str]]:
    """Return a header's value with one bit flipped, where that makes it another one."""
    for index in _spread(len(value)):
        for bit in range(7):
            other = chr(ord(value[index]) ^ (1 << bit))
            if bit == 5 and other.isalpha() and _is_caseless(value, index):
                continue
            whole = value[:index] + other + value[index + 1 :]
            if not _same_credentials(value, whole):
                yield index, whole


def _same_credentials(value: str, other: str) -> bool:
    """Whether two values of HTTP Basic are of one user and password: base64 may have spare bits."""
    if not (value.lower().startswith("basic ") and other.lower().startswith("basic ")):
        return False
    try:
        return base64.b64decode(value[6:], validate=True) == base64.b64decode(other[6:], validate=True)
    except ValueError:
        return False


def _is_caseless(value: str, index: int) -> bool:
    """Whether a letter stands in a hexadecimal number or in the word for a scheme of authentication."""
    word = _scheme_word(value)
    if word and index < word.end():
        return True
    around = [
        match for match in re.finditer(r"[0-9A-Za-z+/_-]+", value) if match.start() <= index < match.end()
    ]
    return any(_is_hex(match[0]) for match in around)


def other_places(delivery: Delivery, scheme: Scheme) -> Iterator[tuple[str, Delivery]]:
    """Return a delivery from elsewhere, where the path or the address of the sender is the proof."""
    if "|" in scheme.name:
        return  # another way may be open
    for part in parts(scheme):
        if isinstance(part, PathSecret):
            yield from _other_paths(delivery)
        if isinstance(part, IpAllowList):
            yield from _other_addresses(delivery, part)


def _other_paths(delivery: Delivery) -> Iterator[tuple[str, Delivery]]:
    path = delivery.path or "/"
    for other in (None, "", "/", path[:-1], path + "0", f"{path}/", "/é", "/\udcff"):
        yield "another path", evolve(delivery, path=other)


def _other_addresses(delivery: Delivery, allowed: IpAllowList) -> Iterator[tuple[str, Delivery]]:
    known = (*allowed.networks, *allowed.trusted_proxies)
    strangers = [text for text in STRANGERS if not any(ip_address(text) in network for network in known)]
    named = (allowed.header, str(allowed.networks[0].network_address))
    for remote in (None, "", "cambist-canary", "é", *strangers):
        yield "another address", evolve(delivery, remote=remote)
    for remote in strangers:
        headers = [*delivery.headers.items_all(), named]
        yield "another address that names a known one", evolve(delivery, remote=remote, headers=headers)
    if allowed.header.lower() in delivery.headers:
        for what, value in GARBAGE.items():
            yield f"the header of a proxy, {what}", evolve(delivery, headers=[(allowed.header, value)])
