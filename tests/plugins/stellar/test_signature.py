"""A wallet's callback is genuine if the anchor signed time, host and body, and just now."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cambist import Delivery, Pipeline, Registry, Source
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification import Replay

from .conftest import ARRIVAL, HOST, Sender, address, private_key, signature

BODY = b'{"transaction": {"id": "w-1", "kind": "deposit", "status": "completed"}}'
GOOD = signature(BODY)
TIME, _, MADE = GOOD.removeprefix("t=").partition(", s=")

FORGED: dict[str, list[tuple[str | bytes, str | bytes]]] = {
    "missing": [],
    "under another name": [("X-Signature", GOOD)],
    "empty": [("Signature", "")],
    "garbage": [("Signature", "garbage")],
    "not ASCII": [("Signature", f"t={TIME}, s=é{MADE[1:]}")],
    "not ASCII, as bytes": [("Signature", b"t=1, s=\xff\xfe")],
    "a look-alike letter": [("Signature", GOOD.replace("s=", "\N{CYRILLIC SMALL LETTER DZE}="))],
    "only the signature": [("Signature", MADE)],
    "only the time": [("Signature", f"t={TIME}")],
    "no time": [("Signature", f"s={MADE}")],
    "an empty time": [("Signature", f"t=, s={MADE}")],
    "an empty signature": [("Signature", f"t={TIME}, s=")],
    "two times": [("Signature", f"t={TIME}, t=1, s={MADE}")],
    "a time in milliseconds": [("Signature", f"t={TIME}000, s={MADE}")],
    "a time with a fraction": [("Signature", f"t={TIME}.0, s={MADE}")],
    "a negative time": [("Signature", f"t=-{TIME}, s={MADE}")],
    "a time with a sign": [("Signature", f"t=+{TIME}, s={MADE}")],
    "a time with a zero before it": [("Signature", f"t=0{TIME}, s={MADE}")],
    "a time in other digits": [
        ("Signature", f"t={TIME.replace('1', chr(0x661))}, s={MADE}"),
    ],
    "an endless time": [("Signature", f"t={'9' * 5_000}, s={MADE}")],
    "another time": [("Signature", f"t={int(TIME) + 1}, s={MADE}")],
    "no padding": [("Signature", GOOD.rstrip("="))],
    "padding twice": [("Signature", GOOD + "==")],
    "base64 for URLs": [("Signature", f"t={TIME}, s={MADE.replace('+', '-').replace('/', '_')}=")],
    "in hex": [("Signature", f"t={TIME}, s={base64.b64decode(MADE).hex()}")],
    "a byte short": [("Signature", f"t={TIME}, s={base64.b64encode(base64.b64decode(MADE)[:-1]).decode()}")],
    "all zeros": [("Signature", f"t={TIME}, s={base64.b64encode(bytes(64)).decode()}")],
    "of another body": [("Signature", signature(BODY + b" "))],
    "of the empty body": [("Signature", signature(b""))],
    "of another host": [("Signature", signature(BODY, host="other.example"))],
    "of a host in capitals": [("Signature", signature(BODY, host=HOST.upper()))],
    "of a host with a port": [("Signature", signature(BODY, host=f"{HOST}:443"))],
    "of a whole URL": [("Signature", signature(BODY, host=f"https://{HOST}/callback"))],
    "of another key": [("Signature", signature(BODY, who="other-signing"))],
    "of 1 MiB": [("Signature", f"t={TIME}, s={'A' * 2**20}")],
    "of the body alone": [
        ("Signature", f"t={TIME}, s={base64.b64encode(private_key('signing').sign(BODY)).decode()}")
    ],
}
FOUND: dict[str, list[tuple[str | bytes, str | bytes]]] = {
    "as sent": [("Signature", GOOD)],
    "under the older name": [("X-Stellar-Signature", GOOD)],
    "in another case": [("sIGNATURE", GOOD)],
    "as bytes": [(b"Signature", GOOD.encode())],
    "without a space": [("Signature", GOOD.replace(", ", ","))],
    "with spaces": [("Signature", f"  {GOOD.replace(', ', ' ,   ')} ")],
    "the other way round": [("Signature", f"s={MADE}, t={TIME}")],
    "with an item that nobody knows": [("Signature", f"v=2, {GOOD}, x")],
    "after a malformed one": [("Signature", f"t={TIME}, s=AAAA, s={MADE}")],
    "after one of another key": [("Signature", f"{signature(BODY, who='other-signing')}, s={MADE}")],
    "beside a malformed older one": [("X-Stellar-Signature", "garbage"), ("Signature", GOOD)],
    "beside a malformed newer one": [("X-Stellar-Signature", GOOD), ("Signature", "garbage")],
    "twice": [("Signature", GOOD), ("Signature", GOOD)],
}

table = pytest.mark.parametrize
draws = settings(max_examples=300, phases=[Phase.generate], deadline=None, database=None)


@table("headers", FOUND.values(), ids=FOUND)
def test_a_genuine_signature_is_found(headers: Any, wallet: Sender) -> None:
    verification = wallet.send(BODY, headers).verification
    assert verification is not None
    assert (verification.scheme, verification.label) == ("ed25519", "signing_key")


@table("headers", FORGED.values(), ids=FORGED)
def test_any_other_signature_is_refused(headers: Any, wallet: Sender) -> None:
    with pytest.raises(VerificationError) as caught:
        wallet.send(BODY, headers)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@draws
@given(bit=st.integers(0, 8 * len(BODY) - 1))
def test_a_body_with_one_bit_flipped_is_refused(bit: int, senders: dict[str, Sender]) -> None:
    other = bytearray(BODY)
    other[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VerificationError):
        senders["wallet"].send(bytes(other), [("Signature", GOOD)])


@draws
@given(bit=st.integers(0, 8 * 64 - 1))
def test_a_signature_with_one_bit_flipped_is_refused(bit: int, senders: dict[str, Sender]) -> None:
    made = bytearray(base64.b64decode(MADE))
    made[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VerificationError):
        senders["wallet"].send(BODY, [("Signature", f"t={TIME}, s={base64.b64encode(bytes(made)).decode()}")])


@draws
@given(bit=st.integers(0, 8 * len(GOOD) - 1))
def test_a_header_with_one_bit_flipped_is_refused_unless_it_says_the_same(
    bit: int, senders: dict[str, Sender]
) -> None:
    other = bytearray(GOOD.encode())
    other[bit // 8] ^= 1 << bit % 8
    items = [item.strip() for item in other.decode(errors="replace").split(",")]
    if {f"t={TIME}", f"s={MADE}"} <= set(items):
        return
    with pytest.raises(VerificationError):
        senders["wallet"].send(BODY, [("Signature", bytes(other))])


@draws
@given(body=st.binary(max_size=200), seconds=st.integers(-120, 120))
def test_whatever_the_anchor_signs_in_time_is_not_refused(
    body: bytes, seconds: int, senders: dict[str, Sender]
) -> None:
    signed = signature(body, at=ARRIVAL + timedelta(seconds=seconds))
    scheme = senders["wallet"].pipeline.routes[0].scheme
    assert scheme.verify(Delivery("here", {"Signature": signed}, body, ARRIVAL)).scheme == "ed25519"


# --- Freshness


@table("seconds", [-120, -119, 0, 119, 120])
def test_within_two_minutes_either_way_it_is_fresh(seconds: int, wallet: Sender) -> None:
    at = ARRIVAL + timedelta(seconds=seconds)
    assert wallet.send(BODY, [("Signature", signature(BODY, at=at))]).events


@table("seconds", [-3600, -121, 121, 3600, 10**9])
def test_beyond_two_minutes_it_is_refused(seconds: int, wallet: Sender) -> None:
    at = ARRIVAL + timedelta(seconds=seconds)
    with pytest.raises(VerificationError, match="too far"):
        wallet.send(BODY, [("Signature", signature(BODY, at=at))])


def test_without_a_time_of_arrival_nothing_can_be_fresh(wallet: Sender) -> None:
    with pytest.raises(VerificationError, match="received_at"):
        wallet.send(BODY, received_at=None)


def test_a_stored_callback_is_read_again_whatever_its_age(wallet: Sender) -> None:
    delivery = Delivery("here", {"Signature": GOOD}, BODY, ARRIVAL + timedelta(days=400))
    with pytest.raises(VerificationError):
        wallet.pipeline.process(delivery)
    assert wallet.pipeline.parse(delivery).events[0].id == wallet.event(BODY).id


def test_freshness_is_what_stands_against_replays(senders: dict[str, Sender]) -> None:
    found = {name: sender.pipeline.routes[0].scheme.replay for name, sender in senders.items()}
    assert found == {
        "none": Replay.NONE,
        "api_key": Replay.NONE,
        "jwt": Replay.FRESHNESS,
        "wallet": Replay.FRESHNESS,
    }


# --- The host is that of the registered URL


@table("host", [HOST, f"{HOST}:8443", "[2001:db8::1]:8443", "192.0.2.7", "localhost", "wallet_1.internal"])
def test_the_configured_host_is_the_one_that_counts(host: str, registry: Registry) -> None:
    settings = {"signing_key": address("signing"), "callback_host": host}
    pipeline = Pipeline([Source("here", "stellar-wallet", settings)], registry=registry)
    for signed_for in {host, HOST, "other.example"}:
        headers = {"Host": signed_for, "Signature": signature(BODY, host=signed_for)}
        delivery = Delivery("here", headers, BODY, ARRIVAL)
        if signed_for == host:
            assert pipeline.process(delivery).events
        else:
            with pytest.raises(VerificationError):
                pipeline.process(delivery)


def test_nobody_but_the_anchor_can_sign(wallet: Sender) -> None:
    (route,) = wallet.pipeline.routes
    with pytest.raises(ConfigurationError, match="only the sender"):
        route.provider.signature(route.settings, Delivery("here", {}, BODY, ARRIVAL))
