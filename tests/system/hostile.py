"""Requests that nobody sends who means well, drawn from tables. The same seed gives the same ones."""

from __future__ import annotations

import random
from collections.abc import Callable

SECRET = "k3y-that-must-not-leak"
CARD = "4111111111111111"

METHODS = [b"POST"] * 12 + [b"GET", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"post", b"P\x00ST", b"", b"PRI"]
TARGETS = [b"/webhooks/shop"] * 12 + [
    b"/webhooks/shop/" + SECRET.encode(),
    b"/webhooks/n0where",
    b"/webhooks/",
    b"/",
    b"*",
    b"/webhooks/shop?x=" + b"y" * 300,
    b"/webhooks/../webhooks/shop",
    b"/webhooks//shop",
    b"/webhooks/%73hop",
    b"/webhooks/%ff%00%0a",
    b"/webhooks/" + "ж".encode(),
    b"http://other.example/webhooks/shop",
    b"//other.example/webhooks/shop",
    b"/" + b"a" * 9000,
    b"",
]
VERSIONS = [b"HTTP/1.1"] * 14 + [
    b"HTTP/1.0",
    b"HTTP/0.9",
    b"HTTP/2.0",
    b"HTTP/9.9",
    b"http/1.1",
    b"",
    b"XTTP/1.1",
]
ENDS = [b"\r\n"] * 20 + [b"\n", b"\r", b"\r\n ", b"\r\r\n", b""]
HEADERS = [
    b"Content-Type: application/json",
    b"Content-Type: text/html; charset=" + b"q" * 50,
    b"Content-Encoding: gzip",
    b"X-Processing-Signature: " + b"00" * 64,
    b"X-Processing-Signature: " + b"\xff\xfe\x00",
    b"X-Processing-Key: account",
    b"X-Forwarded-For: 127.0.0.1, 10.0.0.1:99, [::1]:1, garbage",
    b'Forwarded: for="[::1]";by=";, for=unknown',
    b"traceparent: 00-00000000000000000000000000000000-0000000000000000-00",
    b"Expect: 100-continue",
    b"Upgrade: websocket",
    b"Connection: upgrade",
    b"Connection: close",
    b"Host: a\r\nHost: b",
    b"Cookie: " + b"c" * 7000,
    b"Cookie: " + b"c" * 9000,
    b"X: " + b"\x00",
    b"No colon at all",
    b": no name",
    b" folded: line",
    b"Authorization: Basic " + b"=" * 40,
    b"X-Many: 1\r\n" * 200 + b"X-Last: 1",
]
BODIES = [
    b"",
    b"{}",
    b"null",
    b"[" * 5000,
    b'{"id":1,"type":"deposit","status":"confirmed","card":"' + CARD.encode() + b'"}',
    b'{"id":"\xff"}',
    b"\x1f\x8b\x08\x00\x00",
    b"9" * 6000,
    b"POST /webhooks/shop HTTP/1.1\r\nContent-Length: 0\r\n\r\n",  # one request hidden in another
    bytes(range(256)),
    b"x" * 70_000,
]


def _exact(body: bytes) -> tuple[list[bytes], bytes]:
    return [b"Content-Length: %d" % len(body)], body


def _chunked(body: bytes) -> tuple[list[bytes], bytes]:
    return [b"Transfer-Encoding: chunked"], b"%x\r\n%b\r\n0\r\n\r\n" % (
        len(body),
        body,
    ) if body else b"0\r\n\r\n"


# How a body is told to be there, rightly or not.
FRAMES: list[Callable[[bytes], tuple[list[bytes], bytes]]] = [
    *[_exact] * 12,
    *[_chunked] * 3,
    lambda body: ([], body),
    lambda body: ([b"Content-Length: %d" % (len(body) + 3)], body),
    lambda body: ([b"Content-Length: %d" % max(0, len(body) - 3)], body),
    lambda body: ([b"Content-Length: -1"], body),
    lambda body: ([b"Content-Length: 1e3"], body),
    lambda body: ([b"Content-Length: " + b"9" * 400], body),
    lambda body: ([b"Content-Length: 1073741824"], body),
    lambda body: ([b"Content-Length: 1", b"Content-Length: 2"], body),
    lambda body: ([b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked"], body),
    lambda body: ([b"Transfer-Encoding: chunked"], b"zz\r\n" + body),
    lambda body: ([b"Transfer-Encoding: chunked"], b"-1\r\n" + body),
    lambda body: ([b"Transfer-Encoding: chunked"], b"1;" + b"e" * 3000 + b"\r\nx\r\n0\r\n\r\n"),
    lambda body: ([b"Transfer-Encoding: xchunked"], body),
    lambda body: ([b"Transfer-Encoding: identity, chunked"], body),
]


# What has a beginning and an end that a server can find, so that it looks at the next one, too.
_SOUND_TARGETS = [t for t in TARGETS if t.startswith(b"/") and len(t) < 4000 and t.isascii()]
_SOUND_HEADERS = [
    header
    for header in HEADERS
    if len(header) < 4000
    and b"\x00" not in header
    and not header.startswith((b"Connection", b"Upgrade", b"Host", b"X-Many", b"No colon", b":", b" "))
]


def framed(draw: random.Random) -> bytes:
    """Return a request after which a server reads on."""
    head, rest = draw.choice((_exact, _exact, _exact, _chunked))(draw.choice(BODIES[:-1]))
    method = draw.choice((b"POST", b"POST", b"POST", b"PUT", b"GET"))
    line = b"%b %b HTTP/1.1" % (method, draw.choice(_SOUND_TARGETS))
    # No name twice: there are headers for which that is malformed.
    drawn = {header.partition(b":")[0]: header for header in draw.choices(_SOUND_HEADERS, k=3)}
    headers = [b"Host: shop.example", *drawn.values(), *head]
    return b"\r\n".join((line, *headers, b"", rest))


def request(draw: random.Random) -> bytes:
    """Return a request, or what somebody might take for one. A server may close after it."""
    frame, rest = draw.choice(FRAMES)(draw.choice(BODIES))
    headers = [b"Host: shop.example", *draw.choices(HEADERS, k=draw.choice((0, 1, 1, 2, 4))), *frame]
    line = b" ".join((draw.choice(METHODS), draw.choice(TARGETS), draw.choice(VERSIONS)))
    text = b"".join(part + draw.choice(ENDS) for part in (line, *headers)) + b"\r\n" + rest
    fate = draw.random()
    if fate < 0.1:  # some bytes are others
        changed = bytearray(text)
        for _ in range(draw.randint(1, 8)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        return bytes(changed)
    if fate < 0.15:  # it ends somewhere
        return text[: draw.randrange(len(text))]
    if fate < 0.17:  # it is no HTTP at all
        return draw.randbytes(draw.randint(1, 200))
    return text
