"""The settings of a source, and the scheme that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any, Literal

from attrs import evolve, field, frozen

from cambist import Secret, Secrets
from cambist.errors import ConfigurationError
from cambist.verification import (
    AllOf,
    AnyOf,
    ApiKey,
    BasicAuth,
    HmacSignature,
    IpAllowList,
    PathSecret,
    Scheme,
    Timestamp,
    Unverified,
)
from cambist_alchemypay.signing import canonical
from cambist_alchemypay.times import zone

Unit = Literal["minor", "major"]
_WEEK = 7 * 24 * 60 * 60


@frozen(kw_only=True)
class Settings:
    """The settings of a source.

    Args:
        auth: How deliveries are proven genuine. The vendor documents no way, so one has to be chosen.
        secrets: ``path``: the last segments of the URL; ``basic``: the passwords; ``header``: the keys;
            ``signed``: the secret keys of the account. Several while one is being rotated.
        networks: ``ip``: the addresses and networks that the vendor sends from.
        trusted_proxies: ``ip``: your own proxies.
        forwarded_header: ``ip``: the header in which they say who called; ``X-Forwarded-For`` unless given.
        username: ``basic``: the user's name.
        header: ``header``: the header's name.
        access_key: ``signed``: the account's key. If given, ``ach-access-key`` must be this.
        tolerance_s: ``signed``: how many seconds the signed time may be off, either way; 300 unless given.
        card_amount_unit: Whether ``cardAmount`` of an order is in the currency's minor unit or in its major.
        transaction_amount_unit: The same of ``preAuthAmount`` and ``transactionAmount``.
        refunding_status: What an order's ``REFUNDING`` is. The vendor describes it as "in progress".
        timezone: The IANA name of the zone in which the vendor tells times.

    Raises:
        ConfigurationError: A setting that ``auth`` needs is missing, one is given that it does not use, an
            address is malformed, or the time zone is not known.
    """

    auth: Literal["none", "path", "ip", "basic", "header", "signed"]
    secrets: Secrets = ()
    networks: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    forwarded_header: Literal["X-Forwarded-For", "Forwarded"] | None = None
    username: str | None = None
    header: str | None = None
    access_key: str | None = field(default=None, repr=False)
    tolerance_s: int | None = None
    card_amount_unit: Unit = "minor"
    transaction_amount_unit: Unit = "minor"
    refunding_status: Literal["refunding", "processing"] = "refunding"
    timezone: str = "UTC"

    def __attrs_post_init__(self) -> None:
        problems = [*_misfits(self), *_faults(self)]
        if problems:
            raise ConfigurationError("; ".join(problems))


# The schemes by `Settings.auth`, with the settings that each needs and those that it can use.
_Make = Callable[[Any], Scheme]
SCHEMES: dict[str, tuple[_Make, tuple[str, ...], tuple[str, ...]]] = {
    "none": (lambda _: Unverified(), (), ()),
    "path": (lambda s: PathSecret(secrets=s.secrets), ("secrets",), ()),
    "ip": (
        lambda s: IpAllowList(
            networks=s.networks,
            trusted_proxies=s.trusted_proxies,
            header=s.forwarded_header or "X-Forwarded-For",
        ),
        ("networks",),
        ("trusted_proxies", "forwarded_header"),
    ),
    "basic": (lambda s: BasicAuth(secrets=s.secrets, username=s.username), ("username", "secrets"), ()),
    "header": (lambda s: ApiKey(secrets=s.secrets, header=s.header), ("header", "secrets"), ()),
    "signed": (lambda s: _signed(s), ("secrets",), ("access_key", "tolerance_s")),
}
_OF_AUTH = tuple(dict.fromkeys(key for _, needs, takes in SCHEMES.values() for key in (*needs, *takes)))


def verification(settings: Settings) -> Scheme:
    """Return the scheme that ``auth`` names."""
    return SCHEMES[settings.auth][0](settings)


def _misfits(settings: Settings) -> Iterator[str]:
    _, needs, takes = SCHEMES[settings.auth]
    for key in _OF_AUTH:
        value = getattr(settings, key)
        if value in (None, ()):
            if key in needs:
                yield f"{key}: is missing: auth = {settings.auth!r} needs it"
        elif key not in (*needs, *takes):
            yield f"{key}: is of no use with auth = {settings.auth!r}: leave it out, or choose another auth"
        elif value == "":
            yield f"{key}: is empty"


def _faults(settings: Settings) -> Iterator[str]:
    for key, addresses in (("networks", settings.networks), ("trusted_proxies", settings.trusted_proxies)):
        try:
            [ip_network(address) for address in addresses]
        except ValueError:
            yield f"{key}: holds a malformed address or network (203.0.113.7, 203.0.113.0/24, 2001:db8::/32)"
    if settings.tolerance_s is not None and not 0 < settings.tolerance_s <= _WEEK:
        yield f"tolerance_s: is not between 1 and {_WEEK}, a week"
    if zone(settings.timezone) is None:
        yield (
            "timezone: is not the name of a time zone, such as Asia/Singapore "
            "(or this machine knows none: install tzdata)"
        )


def _signed(settings: Settings) -> Scheme:
    # Whether the vendor signs a webhook's body in its canonical form, as it has its callers do, or as it
    # sends it, no document says. Both prove that the sender has the secret.
    times = Timestamp(
        header="ach-access-timestamp", unit="ms", tolerance=timedelta(seconds=settings.tolerance_s or 300)
    )
    signature = HmacSignature(
        secrets=settings.secrets,
        header="ach-access-sign",
        encoding="base64",
        template="{timestamp}POST{path}{body}",
        timestamp=times,
        canonical=canonical,
    )
    signed = AnyOf(signature, evolve(signature, canonical=None))
    if settings.access_key is None:
        return signed
    key = ApiKey(secrets=(Secret(settings.access_key, "access_key"),), header="ach-access-key", public=True)
    return AllOf(key, signed)
