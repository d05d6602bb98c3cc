"""Who sent a delivery that came through proxies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal

from attrs import field, frozen

from cambist.errors import ConfigurationError, VerificationError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_HEADERS: Final = ("X-Forwarded-For", "Forwarded")

# An address with or without a port: 192.0.2.1:80, [2001:db8::1]:80; in X-Forwarded-For also 2001:db8::1.
_node = re.compile(
    r"(?:\[(?P<v6>[0-9a-f.]*:[0-9a-f:.]*)\]|(?P<v4>[0-9.]{7,15}))(?::(?:[0-9]{1,5}|_[a-z0-9._-]+))?",
    re.I | re.A,
).fullmatch
# RFC 7239, section 4, and the characters of an address also where it is not quoted.
_pair = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9a-z-]+)=(?:\"((?:[^\"\\]|\\.)*)\"|([!#$%&'*+.^_`|~0-9a-z:\[\]-]+))[ \t]*",
    re.I | re.A,
).match


def as_networks(values: Iterable[object]) -> tuple[Network, ...]:
    """Return networks of how they are written: of IPv4 also where they are mapped into IPv6, as senders are.

    Raises:
        ConfigurationError: One of them is none.
    """
    try:
        return tuple(_unmapped(ip_network(str(value))) for value in values)
    except ValueError:
        pass
    raise ConfigurationError(
        "an address or network is malformed (203.0.113.7, 203.0.113.0/24, 2001:db8::/32)"
    )


def _unmapped(network: Network) -> Network:
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return network
    return IPv4Network((mapped, network.prefixlen - 96))


@frozen
class TrustedProxies:
    """Your own proxies, and how they say from whom they have a request.

    Only from them is the header believed, and in it only what they added: it is read from the right, up to
    the first address that is no trusted proxy.

    Args:
        networks: Their addresses and networks.
        header: Which of the two headers they write. The other is never read.

    Raises:
        ConfigurationError: A network is malformed, or everybody is in it, or the header is another one.
    """

    networks: tuple[Network, ...] = field(converter=as_networks, default=())
    header: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For"

    def __attrs_post_init__(self) -> None:
        if self.header not in _HEADERS:
            raise ConfigurationError(f"proxies write {' or '.join(_HEADERS)}")
        for network in self.networks:
            if network.prefixlen == 0:
                raise ConfigurationError(
                    f"{network} is everybody, so any sender could name any address: name your own proxies"
                )

    def client(self, remote: str | None, lines: Sequence[str]) -> Address:
        """Return the address of the sender.

        Args:
            remote: The address of the peer.
            lines: Every value of the header, in order.

        Raises:
            VerificationError: It is not known, or hidden, or what a trusted proxy says is malformed.
        """
        if remote is None:
            raise VerificationError("the address of the sender is not known")
        address = _address(remote)
        if not self._trusts(address):
            return address
        for hop in self._hops(lines):
            address = _address(hop)
            if not self._trusts(address):
                break
        return address

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    def _hops(self, lines: Sequence[str]) -> Iterator[str]:
        """Return the addresses in the header, the latest first; the empty text for what is none."""
        for line in reversed(lines):
            nodes = line.split(",") if self.header == "X-Forwarded-For" else _forwarded(line)
            for node in reversed(nodes):
                yield self._of_node(node.strip(" \t"))

    def _of_node(self, node: str) -> str:
        if found := _node(node):
            return found["v6"] or found["v4"]
        is_bare = self.header == "X-Forwarded-For" and ":" in node and "%" not in node
        return node if is_bare else ""


def _forwarded(line: str) -> Sequence[str]:
    """Return what each element of a Forwarded header names as ``for``; one empty text if it is malformed."""
    nodes: list[str] = []
    node, at = "", 0
    while found := _pair(line, at):
        name, quoted, token = found.groups()
        if name.lower() == "for":
            if node:  # twice in one element
                break
            node = re.sub(r"\\(.)", r"\1", quoted) if token is None else token
        at = found.end()
        if line[at : at + 1] != ";":
            nodes.append(node)
            node = ""
            if at == len(line):
                return nodes
            if line[at] != ",":
                break
        at += 1
    return ("",)


def _address(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        address = None
    if address is None:
        raise VerificationError("the address of the sender is malformed or hidden")
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
