"""Where a delivery came from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from cambist._event import Verification
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification._base import Replay

if TYPE_CHECKING:
    from cambist._delivery import Delivery

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network
_forwarded_for = re.compile(
    r'(?:^|;)\s*for="?(\[[0-9a-f:.]+\]|[0-9.]+)(?::[0-9]+)?"?\s*(?:;|$)', re.I | re.A
).search


def _networks(values: Iterable[str]) -> tuple[_Network, ...]:
    try:
        return tuple(ip_network(value) for value in values)
    except ValueError:
        pass
    raise ConfigurationError(
        "an address or network is malformed (203.0.113.7, 203.0.113.0/24, 2001:db8::/32)"
    )


@frozen(kw_only=True)
class IpAllowList:
    """Only these addresses. A help beside a signature; on its own it trusts the network.

    Args:
        networks: The allowed addresses and networks.
        trusted_proxies: Your own proxies. Only from them is ``header`` believed, and in it only what they
            added: it is read from the right, up to the first address that is no trusted proxy.
        header: Which of the two headers your proxies write. The other is never read.
    """

    networks: tuple[_Network, ...] = field(converter=_networks)
    trusted_proxies: tuple[_Network, ...] = field(converter=_networks, default=())
    header: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For"

    def __attrs_post_init__(self) -> None:
        if not self.networks:
            raise ConfigurationError("an allow list needs at least one network")

    @property
    def name(self) -> str:
        """``ip-allow-list``."""
        return "ip-allow-list"

    @property
    def replay(self) -> Replay:
        """An address stops no replay."""
        return Replay.NONE

    def verify(self, delivery: Delivery) -> Verification:
        """Look the sender's address up. See `Scheme.verify`."""
        if delivery.remote is None:
            raise VerificationError("the address of the sender is not known")
        address = _address(delivery.remote)
        if _within(address, self.trusted_proxies):
            hops = [
                hop.strip() for value in delivery.headers.get_all(self.header) for hop in value.split(",")
            ]
            for hop in reversed(hops):
                address = _address(self._hop(hop))
                if not _within(address, self.trusted_proxies):
                    break
        if not _within(address, self.networks):
            raise VerificationError("the address of the sender is not on the allow list")
        return Verification(self.name)

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return nothing: an address is not a header's to give."""
        return ()

    def _hop(self, hop: str) -> str:
        if self.header == "X-Forwarded-For":
            return hop
        found = _forwarded_for(hop)
        return found[1].strip("[]") if found else ""


def _address(text: str) -> _Address:
    try:
        address = ip_address(text)
    except ValueError:
        address = None
    if address is None:
        raise VerificationError("the address of the sender is malformed")
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _within(address: _Address, networks: Iterable[_Network]) -> bool:
    return any(address in network for network in networks)
