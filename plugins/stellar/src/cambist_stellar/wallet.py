"""An anchor's callbacks to a wallet, signed with the anchor's key.

Documentation: https://github.com/stellar/stellar-protocol/blob/master/ecosystem/sep-0024.md, Callback
Signature. SEP-6, SEP-12 and SEP-31 sign alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from attrs import frozen

from cambist import Context, EventDraft, Provider, Secret, Secrets, fault
from cambist.errors import ConfigurationError
from cambist.verification import AnyOf, Ed25519Signature, Scheme, Timestamp
from cambist_stellar.assets import Network
from cambist_stellar.samples import WALLET_SAMPLES
from cambist_stellar.statuses import WALLET_STATUSES
from cambist_stellar.strkey import decode_account
from cambist_stellar.wallet_events import customer_event, transaction_event
from cambist_stellar.wallet_payloads import WalletDelivery

# The second is the older name; anchors send either or both.
HEADERS = ("Signature", "X-Stellar-Signature")

_host = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII).fullmatch
_LONGEST_TOLERANCE = 24 * 60 * 60


@frozen
class WalletSettings:
    """The settings of a source.

    Args:
        signing_key: The anchor's ``SIGNING_KEY``, from its ``stellar.toml``: ``G…``.
        callback_host: The host of the URL that is registered with the anchor, and the port if it has one.
            It is signed, and never taken from the request.
        tolerance_s: How many seconds the signed time may be from the time of arrival.
        network: The network that the anchor works on. Without it assets have no CAIP-19 identifier.
        other_signing_keys: Further keys, while the anchor changes from one to the next.
    """

    signing_key: str
    callback_host: str
    tolerance_s: int = 120
    network: Network | None = None
    other_signing_keys: Secrets = ()


def verification(settings: WalletSettings) -> Scheme:
    """Return ed25519 over time, host and body, in either header."""
    if not _host(settings.callback_host):
        raise ConfigurationError("callback_host: is a host, or host:port, and not a whole URL")
    if not 0 < settings.tolerance_s <= _LONGEST_TOLERANCE:
        raise ConfigurationError("tolerance_s: is between one second and a day")
    keys = (Secret(settings.signing_key, "signing_key"), *settings.other_signing_keys)
    for key in keys:
        _check(key)
    return AnyOf(
        *(
            Ed25519Signature(
                secrets=keys,
                header=header,
                encoding="base64",
                separator=",",
                key="s",
                template=f"{{timestamp}}.{settings.callback_host}.{{body}}",
                timestamp=Timestamp(key="t", tolerance=timedelta(seconds=settings.tolerance_s)),
                decode_key=decode_account,
            )
            for header in HEADERS
        )
    )


def _check(key: Secret) -> None:
    try:
        decode_account(key.reveal())
    except ValueError as error:
        problem = str(error)
    else:
        return
    raise ConfigurationError(f"the signing key labelled {key.label!r} {problem}")


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    """Return the one event of a callback: of a transaction, or of a bare customer."""
    if not isinstance(payload, dict):
        raise fault("", "is not an object")
    if "transaction" in payload:
        context.read(WalletDelivery, payload)
        transaction = payload["transaction"]
        if not isinstance(transaction, dict):
            raise fault("transaction", "is not an object")
        return (transaction_event(transaction, context),)
    if "status" in payload:
        return (customer_event(payload, context),)
    raise fault("", "has neither a transaction nor the status of a customer")


WALLET = Provider(
    name="stellar-wallet",
    title="Stellar anchors, callbacks to a wallet",
    documentation="https://github.com/stellar/stellar-protocol/blob/master/ecosystem/sep-0024.md",
    settings=WalletSettings,
    verification=verification,
    statuses=WALLET_STATUSES,
    parse=parse,
    samples=WALLET_SAMPLES,
)
