"""An allow list looks at the address of the peer, and believes a header only from a trusted proxy."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist import Delivery
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification import IpAllowList, Replay

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NETWORKS = ("203.0.113.7", "198.51.100.0/24", "2001:db8:1::/48")
PROXIES = ("10.0.0.0/8", "fd00::/8")
GOOD, BAD, PROXY = "203.0.113.7", "192.0.2.9", "10.0.0.1"


def allows(scheme: IpAllowList, remote: str | None, *values: str) -> bool:
    headers = [(scheme.header, value) for value in values]
    delivery = Delivery("shop", headers, b"{}", NOW, remote=remote)
    try:
        verification = scheme.verify(delivery)
    except VerificationError:
        return False
    assert (verification.scheme, verification.label) == ("ip-allow-list", None)
    return True


@pytest.mark.parametrize(
    ("remote", "allowed"),
    [
        ("203.0.113.7", True),
        ("203.0.113.8", False),
        ("198.51.100.0", True),
        ("198.51.100.255", True),
        ("198.51.101.0", False),
        ("2001:db8:1::1", True),
        ("2001:DB8:1:0:0:0:0:1", True),
        ("2001:db8:2::1", False),
        ("::ffff:203.0.113.7", True),
        ("::ffff:cb00:7107", True),
        ("::ffff:203.0.113.8", False),
        ("::203.0.113.7", False),
        ("203.0.113.7:443", False),
        ("203.0.113.007", False),
        ("203.0.113", False),
        ("3405803783", False),
        ("localhost", False),
        ("unix:", False),
        (" 203.0.113.7", False),
        ("203.0.113.7é", False),
        ("", False),
        (None, False),
    ],
)
def test_the_address_of_the_peer_decides(remote: str | None, allowed: bool) -> None:
    assert allows(IpAllowList(networks=NETWORKS), remote) is allowed


@pytest.mark.parametrize("proxies", [(), ("10.0.0.2",)])
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_a_header_is_not_believed_unless_a_proxy_is_trusted(header: Any, proxies: tuple[str, ...]) -> None:
    scheme = IpAllowList(networks=NETWORKS, trusted_proxies=proxies, header=header)
    claim = GOOD if header == "X-Forwarded-For" else f"for={GOOD}"
    assert not allows(scheme, BAD, claim)
    assert not allows(scheme, PROXY, claim)
    assert allows(scheme, GOOD, claim.replace(GOOD, BAD))


@pytest.mark.parametrize(
    ("network", "remote", "allowed"),
    [
        ("::ffff:203.0.113.0/120", "203.0.113.7", True),
        ("::ffff:203.0.113.0/120", "::ffff:203.0.113.7", True),
        ("::ffff:203.0.113.0/120", "203.0.114.7", False),
        ("::ffff:cb00:7107", "203.0.113.7", True),
        ("::ffff:cb00:7107", "203.0.113.8", False),
        ("::/0", "2001:db8::1", True),
        ("::/0", "203.0.113.7", False),
    ],
)
def test_a_network_mapped_into_ipv6_is_one_of_ipv4(network: str, remote: str, allowed: bool) -> None:
    assert allows(IpAllowList(networks=(network,)), remote) is allowed
    behind = IpAllowList(networks=(GOOD,), trusted_proxies=("::ffff:10.0.0.0/104",))
    assert allows(behind, PROXY, GOOD)
    assert not allows(behind, BAD, GOOD)


X_FORWARDED_FOR = [
    ((GOOD,), True),
    ((BAD,), False),
    ((f"{GOOD}, {PROXY}",), True),
    ((f"{GOOD},10.0.0.2 ,fd00::1",), True),
    ((GOOD, "10.0.0.2"), True),
    (("2001:db8:1::1",), True),
    (("::ffff:203.0.113.7",), True),
    ((f"{BAD}, {GOOD}",), True),  # the proxy saw GOOD; what stands before it is GOOD's to say
    ((f"{GOOD}, {BAD}",), False),  # the forger wrote GOOD, and the proxy added the forger's own address
    ((GOOD, BAD), False),
    ((f"{GOOD}, {BAD}, 10.0.0.2",), False),
    ((f"{GOOD}, garbage",), False),
    ((f"{GOOD},",), False),
    ((f"{GOOD}, , 10.0.0.2",), False),
    ((f"{GOOD}:443",), True),
    ((f"{GOOD}:443, 10.0.0.2:51234",), True),
    ((f"{BAD}:443",), False),
    (("[2001:db8:1::1]:443",), True),
    (("[2001:db8:1::1]",), True),
    (("[2001:db8:1::1",), False),
    (("2001:db8:1::1%1",), False),
    ((f"[{GOOD}]",), False),
    ((f"{GOOD}:",), False),
    ((f"{GOOD}:443:443",), False),
    ((f"{GOOD}:123456",), False),
    ((f"for={GOOD}",), False),
    ((f'"{GOOD}"',), False),
    (("é",), False),
    (("",), False),
    ((), False),
    (("10.0.0.2, 10.0.0.3",), False),
]


@pytest.mark.parametrize(("values", "allowed"), X_FORWARDED_FOR)
def test_x_forwarded_for_is_read_from_the_right(values: tuple[str, ...], allowed: bool) -> None:
    assert allows(IpAllowList(networks=NETWORKS, trusted_proxies=PROXIES), PROXY, *values) is allowed


FORWARDED = [
    ((f"for={GOOD}",), True),
    ((f"For={GOOD}",), True),
    ((f'for="{GOOD}"',), True),
    ((f'for="{GOOD}:4711"',), True),
    ((f"proto=https;for={GOOD};by=10.0.0.1",), True),
    ((f"for={GOOD} ; proto=https",), True),
    (('for="[2001:db8:1::1]"',), True),
    (('for="[2001:DB8:1::1]:4711"',), True),
    ((f"for={GOOD}, for=10.0.0.2",), True),
    ((f"for={GOOD}", "for=10.0.0.2"), True),
    ((f"for={BAD}",), False),
    ((f"for={GOOD}, for={BAD}",), False),
    ((f"for={GOOD}", f"for={BAD}"), False),
    ((f"by={GOOD}",), False),
    ((f"xfor={GOOD}",), False),
    ((f"for={GOOD}, for=unknown",), False),
    ((f"for={GOOD}, for=_hidden",), False),
    ((f"for={GOOD}, proto=https",), False),
    ((f"for={GOOD}.1",), False),
    ((f'host="a,b";for={GOOD}',), True),
    ((f'host="a;for={BAD}";for={GOOD}',), True),
    ((f'host="a\\"b";for={GOOD}',), True),
    ((f'for="{GOOD}:_http"',), True),
    (("for=[2001:db8:1::1]:443",), True),
    (("for=2001:db8:1::1",), False),
    ((f"for={GOOD};for={BAD}",), False),
    ((f"for={BAD};for={GOOD}",), False),
    ((f"for={BAD}", f"for={GOOD}"), True),
    # A quote that the client leaves open must not swallow what the proxy adds.
    ((f'for={GOOD};x=", for={BAD}',), False),
    ((f'for={GOOD};x=", for="{BAD}"',), False),
    ((f'for={GOOD};x="\\, for="{BAD}"',), False),
    ((f'for={GOOD};x=", for={BAD};host="a"',), False),
    ((f"for={GOOD},",), False),
    ((f"for = {GOOD}",), False),
    ((GOOD,), False),
    (("for=",), False),
    (("é",), False),
    ((), False),
]


@pytest.mark.parametrize(("values", "allowed"), FORWARDED)
def test_forwarded_is_read_from_the_right(values: tuple[str, ...], allowed: bool) -> None:
    scheme = IpAllowList(networks=NETWORKS, trusted_proxies=PROXIES, header="Forwarded")
    assert allows(scheme, PROXY, *values) is allowed


def test_only_the_header_that_the_proxies_write_is_read() -> None:
    scheme = IpAllowList(networks=NETWORKS, trusted_proxies=PROXIES)
    with pytest.raises(VerificationError):
        scheme.verify(Delivery("shop", {"Forwarded": f"for={GOOD}"}, b"", NOW, remote=PROXY))


def test_a_proxy_that_is_allowed_itself_may_send_for_itself() -> None:
    assert allows(IpAllowList(networks=("10.0.0.1",), trusted_proxies=PROXIES), PROXY)


@given(
    st.ip_addresses(v=4) | st.just(IPv4Address(BAD)),
    st.lists(st.just(GOOD) | st.text(max_size=5), max_size=3),
)
def test_who_is_not_behind_a_proxy_gains_nothing_by_a_header(remote: IPv4Address, claims: list[str]) -> None:
    scheme = IpAllowList(networks=NETWORKS, trusted_proxies=("10.0.0.1",))
    if str(remote) != PROXY:
        assert allows(scheme, str(remote), *claims) is allows(scheme, str(remote))


@given(st.text(max_size=12) | st.ip_addresses().map(str))
def test_any_text_of_a_proxy_is_an_address_or_refused(text: str) -> None:
    for header in ("X-Forwarded-For", "Forwarded"):
        scheme = IpAllowList(networks=("192.0.2.0/24",), trusted_proxies=PROXIES, header=header)
        assert isinstance(allows(scheme, PROXY, text), bool)


@pytest.mark.parametrize(
    "wrong",
    [
        {"networks": ()},
        {"networks": ("203.0.113.0/33",)},
        {"networks": ("203.0.113.7/24",)},
        {"networks": ("example.org",)},
        {"networks": ("",)},
        {"networks": ("203.0.113.7",), "trusted_proxies": ("*",)},
        *(
            {"networks": ("203.0.113.7",), "trusted_proxies": ("10.0.0.0/8", everybody)}
            for everybody in ("0.0.0.0/0", "::/0", "::ffff:0:0/96")
        ),
    ],
)
def test_a_network_that_is_none_is_refused_at_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        IpAllowList(**wrong)


def test_an_address_signs_nothing_and_stops_no_replay() -> None:
    scheme = IpAllowList(networks=NETWORKS)
    assert scheme.sign(Delivery("shop", {}, b"", NOW)) == ()
    assert scheme.replay is Replay.NONE
