"""Whatever comes in over HTTP gets one answer of ours, and the next genuine callback is served.

The real plugin of CoinsPaid, a real server, and raw sockets: a client library would be too polite.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, ClientTimeout

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist_aiohttp import serving

SECRET = "k3y-that-must-not-leak"
GOOD = (
    b'{"id":1,"type":"deposit","status":"confirmed","error":"","fees":[],"transactions":[],'
    b'"currency_sent":{"currency":"BTC","amount":"0.10882300"}}'
)


def sign(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha512).hexdigest()


def deposit(**changes: bytes) -> bytes:
    """Return a genuine body with some values replaced by raw JSON."""
    parts = {
        "id": b"1",
        "type": b'"deposit"',
        "status": b'"confirmed"',
        "transactions": b"[]",
        "currency_sent": b'{"currency":"BTC","amount":"1"}',
    } | changes
    return b"{" + b",".join(b'"%s":%s' % (key.encode(), value) for key, value in parts.items()) + b"}"


BAD_HEADERS = {
    "missing": None,
    "empty": b"",
    "garbage": b"garbage, v1=, t=;;=",
    "not ASCII": "подпись".encode(),
    "a byte that is no UTF-8": b"\xff\xfe",
    "of another length": b"ab" * 10,
    "of another body": sign(b"{}").encode(),
    "very long": b"a" * 4000,
}
BAD_BODIES = {
    "not UTF-8": b'{"id":"\xff\xfe"}',
    "not JSON": b"id=1&type=deposit",
    "empty": b"",
    "a list": b"[]",
    "null": b"null",
    "a bare string": b'"deposit"',
    "a bare number": b"1",
    "100,000 nested arrays": b"[" * 100_000 + b"]" * 100_000,
    "100,000 nested arrays in a field": deposit(extra=b"[" * 100_000 + b"]" * 100_000),
    "NaN": deposit(currency_sent=b'{"currency":"BTC","amount":NaN}'),
    "Infinity": deposit(currency_sent=b'{"currency":"BTC","amount":-Infinity}'),
    "no type": b'{"id":1,"status":"confirmed"}',
    "an amount that is no number": deposit(currency_sent=b'{"currency":"BTC","amount":"a lot"}'),
    "an exponent that would fill the disk": deposit(
        currency_sent=b'{"currency":"BTC","amount":"1e999999999"}'
    ),
    "a lone surrogate": deposit(error=b'"\\ud800"'),
}
EITHER = {
    "duplicate keys": b'{"id":1,"id":2,"type":"deposit","status":"confirmed"}',
    "a 5,000-digit integer as amount": deposit(
        currency_sent=b'{"currency":"BTC","amount":' + b"9" * 5000 + b"}"
    ),
    "a 5,000-digit integer as id": deposit(id=b"9" * 5000),
    "a 5,000-digit integer nobody reads": deposit(extra=b"9" * 5000),
    "a 10 MiB string": deposit(error=b'"' + b"x" * 10 * 1024 * 1024 + b'"'),
}


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async def on_event(_event: PaymentEvent) -> None:
        pass

    pipeline = Pipeline([Source("shop", "coinspaid", {"secrets": [SECRET]})])
    async with (
        serving(Receiver(pipeline, on_event), max_body=16 * 1024 * 1024) as address,
        ClientSession(address, timeout=ClientTimeout(30)) as session,
    ):
        yield session


async def answer(client: ClientSession, body: bytes, signature: bytes | None) -> tuple[int, str]:
    """Send a request as raw bytes: a client library would refuse or repair some of these headers."""
    assert client._base_url is not None
    reader, writer = await asyncio.open_connection(client._base_url.host, client._base_url.port)
    head = b"POST /webhooks/shop HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
    head += b"Content-Type: application/json\r\n"
    if signature is not None:
        head += b"X-Processing-Signature: " + signature + b"\r\n"
    writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    raw = await reader.read()
    writer.close()
    head, _, content = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), content.decode()


async def assert_still_serving(client: ClientSession) -> None:
    assert (await answer(client, GOOD, sign(GOOD).encode()))[0] == 200


@pytest.mark.parametrize("signature", BAD_HEADERS.values(), ids=list(BAD_HEADERS))
async def test_a_bad_signature_header_is_401(
    signature: bytes | None, client: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    status, text = await answer(client, GOOD, signature)
    # Bytes that HTTP itself does not allow in a header are refused before us, with 400.
    assert status == 401 or (status == 400 and signature and not signature.isascii())
    assert SECRET not in text + caplog.text
    assert "Traceback" not in caplog.text
    await assert_still_serving(client)


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=list(BAD_BODIES))
async def test_a_bad_body_is_401_unsigned_and_400_correctly_signed(
    body: bytes, client: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await answer(client, body, b"00" * 64))[0] == 401
    status, text = await answer(client, body, sign(body).encode())
    assert status == 400
    assert SECRET not in text + caplog.text
    assert "a lot" not in text + caplog.text
    assert "Traceback" not in caplog.text
    await assert_still_serving(client)


@pytest.mark.parametrize("body", EITHER.values(), ids=list(EITHER))
async def test_an_odd_body_is_taken_or_400_and_never_a_fault_of_ours(
    body: bytes, client: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    status, text = await answer(client, body, sign(body).encode())
    assert status in {200, 400}
    assert len(text) < 1000
    assert "Traceback" not in caplog.text
    await assert_still_serving(client)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\x00\x01\x02\x03\r\n\r\n", id="no HTTP"),
        pytest.param(
            b"POST /webhooks/shop HTTP/1.1\r\nContent-Length: 100\r\n\r\n{", id="cut off in the body"
        ),
        pytest.param(b"POST /webhooks/shop HTTP/1.1\r\nHost: te", id="cut off in the head"),
        pytest.param(b"POST /webhooks/shop HTTP/1.1\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
        pytest.param(
            b"POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            id="no chunk",
        ),
    ],
)
async def test_a_broken_connection_leaves_it_serving(raw: bytes, client: ClientSession) -> None:
    assert client._base_url is not None
    _, writer = await asyncio.open_connection(client._base_url.host, client._base_url.port)
    writer.write(raw)
    await writer.drain()
    writer.close()
    await assert_still_serving(client)
