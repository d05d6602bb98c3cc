"""Where a delivery came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import Factory, field, frozen

from cambist._event import Verification
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification._base import Replay
from cambist.verification._proxies import Network, TrustedProxies, as_networks

if TYPE_CHECKING:
    from cambist._delivery import Delivery


@frozen(kw_only=True)
class IpAllowList:
    """Only these addresses. A help beside a signature; on its own it trusts the network.

    Args:
        networks: The allowed addresses and networks.
        trusted_proxies: Your own proxies. Only from them is ``header`` believed, and in it only what they
            added: it is read from the right, up to the first address that is no trusted proxy.
        header: Which of the two headers your proxies write. The other is never read.
    """

    networks: tuple[Network, ...] = field(converter=as_networks)
    trusted_proxies: tuple[Network, ...] = field(converter=as_networks, default=())
    header: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For"
    _proxies: TrustedProxies = field(
        init=False,
        repr=False,
        eq=False,
        default=Factory(lambda self: TrustedProxies(self.trusted_proxies, self.header), takes_self=True),
    )

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
        address = self._proxies.client(delivery.remote, delivery.headers.get_all(self.header))
        if any(address in network for network in self.networks):
            return Verification(self.name)
        raise VerificationError("the address of the sender is not on the allow list")

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return nothing: an address is not a header's to give."""
        return ()
