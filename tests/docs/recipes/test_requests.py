"""What each recipe answers, and which events come of it: over a socket, with the code of the page."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cambist import Delivery, Pipeline, Source

from .conftest import ASGI, KEY, SECRET, SOURCES, Service

MAX_BODY = 1024 * 1024
# Odd on purpose: no JSON library writes it like this, and a signature covers the bytes.
BODY = (
    b'{ "status":"confirmed" ,\r\n\t"type": "deposit","id":1,"note":"a\\/b \\u00e9",'
    b'"crypto_address":{"foreign_id":"order-2048"},'
    b'"currency_sent":{"currency":"BTC","amount":0.10882300}, "error":""}\n'
)
ORDER = b'{"orderId":"ord_7","status":"executed"}'
LINK = b'{"event":"payment.completed","data":{"id":"txn_1","status":"completed"}}'
ANCHOR = b'{"id":"e-1","type":"quote_created","payload":{"quote":{"id":"q-1"}}}'
CARD = b'{"orderNo":"7","orderType":1,"status":"SUCCESS"}'
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
PROBLEM = "application/problem+json"
Headers = list[tuple[str, str | bytes]]


def signature(body: bytes) -> tuple[str, str]:
    return ("X-Processing-Signature", hmac.new(SECRET.encode(), body, hashlib.sha512).hexdigest())


FORGED = ("X-Processing-Signature", "0" * 128)


def test_the_body_is_one_that_no_parser_and_writer_gives_back() -> None:
    parsed = json.loads(BODY)
    for separators in ((",", ":"), (", ", ": ")):
        for ascii_ in (True, False):
            assert json.dumps(parsed, separators=separators, ensure_ascii=ascii_).encode() != BODY.strip()


def test_a_genuine_delivery_becomes_an_event_with_every_digit(service: Service) -> None:
    before = len(service.events())
    started = datetime.now(UTC)
    answer = service.send("/webhooks/shop", BODY, [JSON, signature(BODY)])
    assert (answer.status, answer.media_type, answer.body) == (200, None, b"")
    (event,) = service.events()[before:]
    assert event["amounts"]["sent"]["amount"] == "0.10882300"
    assert event["payment"]["merchant_reference"] == "order-2048"
    assert event["raw_digest"] == hashlib.sha256(BODY).hexdigest()
    arrived = datetime.fromisoformat(event["received_at"])
    assert started - timedelta(seconds=1) <= arrived <= datetime.now(UTC)


@pytest.mark.parametrize("media_type", [JSON, FORM, ("Content-Type", "multipart/form-data; boundary=x")])
def test_no_parser_of_the_framework_eats_the_body(service: Service, media_type: tuple[str, str]) -> None:
    assert service.send("/webhooks/shop", BODY, [media_type, signature(BODY)]).status == 200


def test_a_header_that_makes_a_test_of_a_payment_gets_through(service: Service) -> None:
    before = len(service.events())
    signed = ("X-AnySpend-Signature", hmac.new(SECRET.encode(), LINK, hashlib.sha256).hexdigest())
    for mark in ([], [("X-AnySpend-Test", "true")]):
        assert service.send("/webhooks/links", LINK, [JSON, signed, *mark]).status == 200
    assert [event["kind"] for event in service.events()[before:]] == ["payment", "test"]


@pytest.mark.parametrize(
    ("source", "body", "key", "expected"),
    [
        pytest.param("anchor", ANCHOR, ("X-Api-Key", KEY.encode()), b"{}", id="an empty object"),
        pytest.param("orders", ORDER, ("x-api-key", SECRET), None, id="two identifiers"),
    ],
)
def test_the_answer_of_the_provider_arrives_byte_for_byte(
    service: Service, source: str, body: bytes, key: tuple[str, str | bytes], expected: bytes | None
) -> None:
    """A key that is not ASCII gets through, too: headers are bytes."""
    (configured,) = (each for each in SOURCES if each["name"] == source)
    delivery = Delivery(source, [key], body)
    told = Pipeline([Source(**configured)]).process(delivery).acknowledgement
    assert expected is None or told.body == expected
    answer = service.send(f"/webhooks/{source}", body, [JSON, key])
    assert (answer.status, answer.media_type, answer.body) == (200, "application/json", told.body)


REFUSED: dict[str, tuple[int, str, bytes, Headers]] = {
    "no signature": (401, "/webhooks/shop", BODY, [JSON]),
    "a forged one": (401, "/webhooks/shop", BODY, [JSON, FORGED]),
    "one of another body": (401, "/webhooks/shop", BODY, [JSON, signature(BODY + b" ")]),
    "one that is not ASCII": (401, "/webhooks/shop", BODY, [JSON, (FORGED[0], "ÿ".encode())]),
    "no body": (401, "/webhooks/shop", b"", [JSON, signature(BODY)]),
    "a secret that has run out": (401, "/webhooks/windowed", BODY, [JSON, signature(BODY)]),
    "a key beside a wrong one": (
        401,
        "/webhooks/orders",
        ORDER,
        [JSON, ("x-api-key", SECRET), ("x-api-key", "another")],
    ),
    "not the documented form": (400, "/webhooks/shop", b"[]", [JSON, signature(b"[]")]),
    "an unknown source": (404, "/webhooks/another", BODY, [JSON, signature(BODY)]),
    "too large": (413, "/webhooks/shop", b"x" * (MAX_BODY + 1), [JSON, FORGED]),
    "a handler that fails": (
        503,
        "/webhooks/shop",
        BODY.replace(b"order-2048", b"fail"),
        [JSON, signature(BODY.replace(b"order-2048", b"fail"))],
    ),
}


@pytest.mark.parametrize(("status", "path", "body", "headers"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_refused_is_told_in_problem_details_and_gives_no_event(
    service: Service, status: int, path: str, body: bytes, headers: Headers
) -> None:
    before = len(service.events())
    answer = service.send(path, body, headers)
    assert (answer.status, answer.media_type) == (status, PROBLEM)
    assert json.loads(answer.body)["status"] == status
    assert (answer.headers["Retry-After"] == "5") == (status == 503)
    assert len(service.events()) == before
    for leak in (SECRET, "10.0.0.7", "order-2048", "Traceback"):
        assert leak not in answer.body.decode() + service.said()
    assert service.send("/webhooks/shop", BODY, [JSON, signature(BODY)]).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_than_post_is_405(service: Service, method: str) -> None:
    answer = service.send("/webhooks/shop", BODY, [JSON, signature(BODY)], method=method)
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"]


def test_a_body_of_exactly_the_limit_is_taken(service: Service) -> None:
    body = BODY.ljust(MAX_BODY)
    assert service.send("/webhooks/shop", body, [JSON, signature(body)]).status == 200


def test_a_body_in_chunks_is_taken_where_the_server_reads_it(service: Service) -> None:
    answer = service.send("/webhooks/shop", BODY, [JSON, signature(BODY)], chunked=True)
    assert answer.status == (401 if service.kind == "django-wsgi" else 200)


def test_chunks_do_not_get_past_the_limit(service: Service) -> None:
    if service.kind == "django-wsgi":
        pytest.skip("wsgiref reads no body without its length")
    body = BODY.ljust(MAX_BODY + 1)
    assert service.send("/webhooks/shop", body, [JSON, signature(body)], chunked=True).status == 413


def test_what_is_beyond_the_limit_is_not_waited_for(service: Service) -> None:
    if service.kind == "django-asgi":
        pytest.skip("Django under ASGI takes in the whole body before the view runs, as the page says")
    answer = service.send("/webhooks/shop", b"x" * (MAX_BODY + 1), [JSON, FORGED], length=2**30)
    assert answer.status == 413


# Under WSGI the server has joined the values, so what is repeated cannot be read, and is refused.
REPEATED: dict[str, tuple[str, bytes, Headers, int, int]] = {
    "a genuine signature after a forged one": (
        "/webhooks/shop",
        BODY,
        [JSON, FORGED, signature(BODY)],
        200,
        401,
    ),
    "a genuine signature before a forged one": (
        "/webhooks/shop",
        BODY,
        [JSON, signature(BODY), FORGED],
        200,
        401,
    ),
    "two forged signatures": ("/webhooks/shop", BODY, [JSON, FORGED, (FORGED[0], "1" * 128)], 401, 401),
    "the same key twice": (
        "/webhooks/orders",
        ORDER,
        [JSON, ("x-api-key", SECRET), ("X-Api-Key", SECRET)],
        200,
        401,
    ),
    "the sender's address as the last proxy wrote it": (
        "/webhooks/listed",
        CARD,
        [JSON, ("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-For", "203.0.113.7")],
        200,
        200,
    ),
    "an address that the sender claims for itself": (
        "/webhooks/listed",
        CARD,
        [JSON, ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-For", "198.51.100.9")],
        401,
        401,
    ),
}


@pytest.mark.parametrize(("path", "body", "headers", "asgi", "wsgi"), REPEATED.values(), ids=list(REPEATED))
def test_every_value_of_a_repeated_header_counts(
    service: Service, path: str, body: bytes, headers: Headers, asgi: int, wsgi: int
) -> None:
    assert service.send(path, body, headers).status == (asgi if service.kind in ASGI else wsgi)


def test_the_address_of_the_peer_is_known(service: Service) -> None:
    assert service.send("/webhooks/local", CARD, [JSON]).status == 200


@pytest.mark.parametrize(("path", "status"), [(f"/webhooks/cards/{SECRET}", 200), ("/webhooks/cards/x", 401)])
def test_a_secret_in_the_path_is_checked_and_told_to_nobody(service: Service, path: str, status: int) -> None:
    answer = service.send(path, CARD, [JSON])
    assert answer.status == status
    assert SECRET not in service.said() + answer.body.decode()


@pytest.mark.parametrize("path", ["/webhooks/signed", "/mounted/webhooks/signed"])
def test_path_and_time_of_a_delivery_are_what_was_signed(service: Service, path: str) -> None:
    (configured,) = (each for each in SOURCES if each["name"] == "signed")
    (route,) = Pipeline([Source(**configured)]).routes

    def headers(**changes: Any) -> Headers:
        delivery = Delivery("signed", [], CARD, **{"received_at": datetime.now(UTC), "path": path, **changes})
        return [JSON, *route.provider.signature(route.settings, delivery)]

    assert service.send(path, CARD, headers()).status == 200
    assert service.send(path, CARD, headers(path="/elsewhere")).status == 401
    for hours in (-1, 1):
        stale = datetime.now(UTC) + timedelta(hours=hours)
        assert service.send(path, CARD, headers(received_at=stale)).status == 401


def test_a_connection_that_ends_in_the_body_leaves_it_serving(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        head = f"POST /webhooks/shop HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(BODY)}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + BODY[:60])
    assert service.send("/webhooks/shop", BODY, [JSON, signature(BODY)]).status == 200
    assert "order-2048" not in service.said()
