"""A delivery is the request as it came off the wire, and shows nothing of what it carries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from cambist import Acknowledgement, Delivery, Headers, trace_context
from cambist._delivery import raw

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("asked", ["X-Signature", "x-signature", "X-SIGNATURE"])
@pytest.mark.parametrize("given_", ["X-Signature", "x-signature", "X-SiGnAtUrE"])
def test_the_names_of_headers_have_no_case(given_: str, asked: str) -> None:
    headers = Headers({given_: "v"})
    assert headers[asked] == "v"
    assert headers.get(asked) == "v"
    assert headers.get_all(asked) == ("v",)
    assert asked in headers


def test_a_header_may_have_several_values_in_their_order() -> None:
    headers = Headers([("A", "1"), ("B", "2"), ("a", "0"), ("A", "1")])
    assert headers["a"] == "1"
    assert headers.get_all("A") == ("1", "0", "1")
    assert list(headers) == ["a", "b"]
    assert len(headers) == 2
    assert list(headers.items_all()) == [("a", "1"), ("a", "0"), ("a", "1"), ("b", "2")]


def test_a_header_that_is_not_there_has_no_value() -> None:
    headers = Headers()
    assert headers.get_all("a") == ()
    assert headers.get("a") is None
    with pytest.raises(KeyError):
        headers["a"]


@pytest.mark.parametrize("value", [b"plain", "Zoë €".encode(), b"latin-1: \xe9", bytes(range(256)), b""])
def test_bytes_are_kept_and_can_be_had_again(value: bytes) -> None:
    assert raw(Headers([(b"X-Name", value)])["x-name"]) == value


@given(st.lists(st.tuples(st.sampled_from(["a", "A", "b", "B", "c"]), st.text(max_size=5))))
def test_headers_made_of_headers_are_the_same(pairs: list[tuple[str, str]]) -> None:
    headers = Headers(pairs)
    again = Headers(headers.items_all())
    assert again == headers
    assert hash(again) == hash(headers)
    for name in "abc":
        assert headers.get_all(name) == tuple(value for key, value in pairs if key.lower() == name)


def test_headers_are_equal_to_headers_only() -> None:
    assert Headers({"A": "1"}) == Headers({"a": "1"})
    assert Headers({"A": "1"}) != Headers({"a": "2"})
    assert Headers({"a": "1"}) != {"a": "1"}


@pytest.mark.parametrize("pair", [(1, "v"), ("n", 1), ("n", None), (None, "v"), ("n", ["v"])])
def test_a_header_is_text_or_bytes(pair: Any) -> None:
    with pytest.raises(TypeError, match=r"^a header's (name|value) is str or bytes, not \w+$"):
        Headers([pair])


@pytest.mark.parametrize("body", [b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")])
def test_a_body_is_the_raw_bytes(body: Any) -> None:
    delivery = Delivery("shop", {}, body)
    assert type(delivery.body) is bytes
    assert delivery.body == b"\x00\xff"


@pytest.mark.parametrize("body", ["{}", {"a": 1}, None, 5, [1]])
def test_a_body_that_was_parsed_or_decoded_is_refused(body: Any) -> None:
    with pytest.raises(TypeError, match="raw bytes of the request"):
        Delivery("shop", {}, body)


def test_a_time_of_arrival_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Delivery("shop", {}, b"", datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, lambda it: f"{[it]}"])
def test_nothing_shows_a_body_a_header_or_a_path(show: Callable[[object], str]) -> None:
    delivery = Delivery(
        "shop", {"Authorization": "s3cret-key"}, b'{"card": 4111}', NOW, "/webhooks/shop/s3cret-path", "::1"
    )
    shown = show(delivery)
    assert "shop" in shown
    assert "authorization" in shown
    assert "<14 bytes>" in shown
    assert not any(word in shown for word in ("s3cret", "4111", "/webhooks"))


def test_headers_show_their_names_only() -> None:
    assert repr(Headers([("A", "x"), ("b", "y"), ("a", "z")])) == "<Headers a, b>"
    assert repr(Headers()) == "<Headers none>"


def test_a_delivery_does_not_change() -> None:
    delivery = Delivery("shop", {}, b"")
    with pytest.raises(FrozenInstanceError):
        delivery.body = b"other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        delivery.headers["a"] = "b"  # type: ignore[index]


def test_an_acknowledgement_is_an_empty_200_unless_said_otherwise() -> None:
    assert Acknowledgement() == Acknowledgement(200, b"", None, ())


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, {}),
        ({"Traceparent": TRACEPARENT}, {"traceparent": TRACEPARENT}),
        (
            {"traceparent": TRACEPARENT, "tracestate": "a=b"},
            {"traceparent": TRACEPARENT, "tracestate": "a=b"},
        ),
        ({"tracestate": "a=b"}, {}),
        ({"traceparent": "Bearer the-s3cret"}, {}),
        ({"traceparent": TRACEPARENT.upper()}, {}),
        ({"traceparent": TRACEPARENT + "\n"}, {}),
        ({"traceparent": TRACEPARENT, "tracestate": "x" * 513}, {"traceparent": TRACEPARENT}),
        ({"traceparent": TRACEPARENT, "tracestate": "a=\u00e9"}, {"traceparent": TRACEPARENT}),
    ],
)
def test_a_trace_context_is_taken_if_it_is_one(headers: dict[str, str], expected: dict[str, str]) -> None:
    assert trace_context(Headers(headers)) == expected
