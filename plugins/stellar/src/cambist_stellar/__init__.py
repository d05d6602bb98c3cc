"""Stellar: the Anchor Platform's events for a business server, and anchors' callbacks to a wallet."""

from __future__ import annotations

from cambist import Provider, hookimpl
from cambist_stellar.anchor import ANCHOR, AnchorSettings
from cambist_stellar.wallet import WALLET, WalletSettings

__all__ = ["ANCHOR", "WALLET", "AnchorSettings", "WalletSettings"]


@hookimpl
def cambist_register_providers() -> list[Provider]:
    """Register the providers."""
    return [ANCHOR, WALLET]
