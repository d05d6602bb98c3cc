"""Where a request came from: its peer, unless that is a proxy of ours."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Literal

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from cambist import Acknowledgement, Delivery, Receiver
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification import TrustedProxies
from cambist_aiohttp import Edge, serving

from .conftest import signed

HEADERS: list[Literal["X-Forwarded-For", "Forwarded"]] = ["X-Forwarded-For", "Forwarded"]
OURS = ("10.0.0.0/8", "fd00::/8")
BODY = b'{"id": 7}'

clients = st.ip_addresses().filter(
    lambda address: (
        not any(address in network for network in TrustedProxies(OURS).networks)
        and (address.version == 4 or address.ipv4_mapped is None)
    )
)
proxies = st.sampled_from(["10.0.0.1", "10.9.8.7", "fd00::1", "::ffff:10.0.0.2"])
# Whatever may stand in a header; some of it looks like what a proxy writes.
claims = st.lists(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
    | st.sampled_from(
        ["for=1.2.3.4", '"', 'for="', "\\", ";", ",", "=", "[::1]", "1.2.3.4", "10.0.0.1", ":80", "unknown"]
    ),
    max_size=6,
).map("".join)
ports = st.sampled_from(["", ":443", ":65535"])


def written(header: str, address: str, port: str) -> str:
    """What a proxy writes of its peer."""
    host = f"[{address}]" if ":" in address else address
    if header == "Forwarded":
        return f'proto=https;for="{host}{port}"'
    return f"{host}{port}" if port else address


@given(
    st.sampled_from(HEADERS),
    clients,
    st.lists(proxies, min_size=1, max_size=3),
    st.lists(claims, max_size=2),
    ports,
    st.booleans(),
)
def test_a_client_never_chooses_its_address(
    header: Literal["X-Forwarded-For", "Forwarded"],
    client: object,
    chain: Sequence[str],
    lines: Sequence[str],
    port: str,
    is_appended: bool,
) -> None:
    """Each proxy adds its peer, on the last line or on one of its own; what stands before is the client's."""
    lines = list(lines)
    for peer in [str(client), *chain[:-1]]:
        hop = written(header, peer, port)
        if is_appended and lines:
            lines[-1] = f"{lines[-1]}, {hop}"
        else:
            lines.append(hop)
    found: object
    try:
        found = TrustedProxies(OURS, header).client(chain[-1], lines)
    except VerificationError:
        # A client can garble its own line, and then it has no address at all.
        assert header == "Forwarded"
        assert is_appended
        assert lines[:-1] or "," in lines[0]
    else:
        assert found == client


@given(st.sampled_from(HEADERS), clients, st.lists(claims | st.text(max_size=20), max_size=3))
def test_who_is_behind_no_proxy_is_who_it_is(
    header: Literal["X-Forwarded-For", "Forwarded"], client: object, lines: list[str]
) -> None:
    assert TrustedProxies(OURS, header).client(str(client), lines) == client


@given(st.sampled_from(HEADERS), proxies, st.lists(st.text(max_size=20), max_size=3))
def test_whatever_a_proxy_says_is_an_address_or_refused(
    header: Literal["X-Forwarded-For", "Forwarded"], proxy: str, lines: list[str]
) -> None:
    refusal = ""
    try:
        assert TrustedProxies(OURS, header).client(proxy, lines).version in (4, 6)
    except VerificationError as error:
        refusal = str(error)
    assert not any(line in refusal for line in lines if len(line) > 3)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("hidden", ["unknown", "_hidden", "_SEVKISEK", ""])
def test_who_hides_has_no_address(header: Literal["X-Forwarded-For", "Forwarded"], hidden: str) -> None:
    line = f"for={hidden}" if header == "Forwarded" else hidden
    with pytest.raises(VerificationError):
        TrustedProxies(OURS, header).client("10.0.0.1", [line])


def test_a_long_header_takes_no_time() -> None:
    """Every header here fits into a request; a regular expression that backtracks would take for ever."""
    for text in (
        'for="' + "\\" * 8000,
        "for=" + "a" * 8000,
        ";" * 8000,
        "a=b;" * 2000,
        '"' * 8000,
        "," * 8000,
    ):
        for header in HEADERS:
            with pytest.raises(VerificationError):
                TrustedProxies(OURS, header).client("10.0.0.1", [text])


def test_proxies_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        TrustedProxies(["10.0.0.0/33"])
    with pytest.raises(ConfigurationError):
        TrustedProxies(["10.0.0.1"], "X-Real-IP")  # type: ignore[arg-type]


class Remotes:
    """Keeps where deliveries came from."""

    def __init__(self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str | None] = []
        monkeypatch.setattr(receiver, "receive", self.receive)

    async def receive(self, delivery: Delivery) -> Acknowledgement:
        self.seen.append(delivery.remote)
        return Acknowledgement()


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        (None, "127.0.0.1"),
        (TrustedProxies(), "127.0.0.1"),
        (TrustedProxies(["10.0.0.1"]), "127.0.0.1"),
        (TrustedProxies(["127.0.0.1"]), "192.0.2.2"),
        (TrustedProxies(["127.0.0.1", "192.0.2.2"]), "2001:db8::1"),
        (TrustedProxies(["127.0.0.1"], "Forwarded"), None),
    ],
)
async def test_a_delivery_knows_where_it_came_from(
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    proxies: TrustedProxies | None,
    expected: str | None,
) -> None:
    remotes = Remotes(receiver, monkeypatch)
    headers = [
        *signed(receiver, BODY).items(),
        ("X-Forwarded-For", "203.0.113.9, [2001:db8::1]:4711"),
        ("X-Forwarded-For", "192.0.2.2:80"),
        ("Forwarded", "for=_hidden"),
    ]
    async with (
        serving(receiver, edge=Edge(proxies=proxies)) as address,
        ClientSession(address) as session,
        session.post("/webhooks/shop", data=BODY, headers=headers) as answer,
    ):
        assert answer.status == 200
    assert remotes.seen == [expected]
    assert expected is None or ip_address(expected)
