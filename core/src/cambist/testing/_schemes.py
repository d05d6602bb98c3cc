"""What the core's schemes look at, found out from the scheme itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import evolve

from cambist._delivery import Delivery
from cambist.verification import AllOf, AnyOf, IpAllowList, PathSecret, Scheme, SignedMessage

# The names of schemes that prove the sender and nothing of the body.
BODILESS = {"api-key", "basic", "ip-allow-list", "jwt-hs256", "none", "path-secret"}


def parts(scheme: Scheme) -> Iterator[Scheme]:
    """Return the schemes that one is combined of; itself where it is none."""
    if isinstance(scheme, AllOf | AnyOf):
        for inner in scheme.schemes:
            yield from parts(inner)
    else:
        yield scheme


def proves_nothing(scheme: Scheme) -> bool:
    """Whether everything is accepted, as the settings ask for."""
    return "none" in scheme.name.split("|")


def covers_body(scheme: Scheme) -> bool:
    """Whether a changed body has to be refused: a scheme that is not the core's is taken to do so."""
    return all(any(part not in BODILESS for part in way.split("+")) for way in scheme.name.split("|"))


def canonical_forms(scheme: Scheme) -> list[Callable[[bytes], bytes]]:
    """Return what turns a body into the form that is signed, where another form than the raw one is."""
    signed = (part for part in parts(scheme) if isinstance(part, SignedMessage))
    return [part.canonical for part in signed if part.canonical is not None]


def placed(delivery: Delivery, scheme: Scheme) -> Delivery:
    """Return the delivery with what a scheme looks for outside of headers and body."""
    for part in parts(scheme):
        if isinstance(part, PathSecret):
            delivery = evolve(delivery, path=f"/webhooks/{delivery.source}/{part.secrets[0].reveal()}")
        if isinstance(part, IpAllowList):
            delivery = evolve(delivery, remote=str(part.networks[0].network_address))
    return delivery
