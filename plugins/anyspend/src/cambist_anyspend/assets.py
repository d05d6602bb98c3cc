"""Chains and tokens by their CAIP names, and amounts in base units."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cambist import Asset, BaseUnits, Context, Money, scaled
from cambist_anyspend.tokens import (
    NATIVE,
    NATIVE_COINS,
    NATIVE_OF_SOLANA,
    SOLANA,
    Key,
    Token,
    is_evm_address,
    key,
)

_SOLANA_NETWORK = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
_is_solana_address = re.compile(r"[1-9A-HJ-NP-Za-km-z]{32,44}", re.ASCII).fullmatch


def network(chain_id: int | None, address: str | None) -> str | None:
    """Return a chain's CAIP-2 identifier, if the token's address shows what kind of chain it is.

    The vendor numbers chains that have no EIP-155 number too, and their tokens' addresses are not EVM's.
    """
    if not chain_id:
        return None
    if chain_id == SOLANA:
        return _SOLANA_NETWORK
    return f"eip155:{chain_id}" if address is None or is_evm_address(address.lower()) else None


def asset(chain_id: int | None, address: str | None, code: str | None = None) -> Asset:
    """Return what a token is called; each member only if it is known."""
    where = network(chain_id, address)
    if chain_id is None or address is None or where is None:
        return Asset(code, where)
    _, address = key(chain_id, address)
    if address in (NATIVE, NATIVE_OF_SOLANA):
        coin = NATIVE_COINS.get(chain_id)
        return Asset(code, where, f"{where}/slip44:{coin[2]}" if coin else None)
    if chain_id == SOLANA:
        return Asset(code, where, f"{where}/token:{address}" if _is_solana_address(address) else None)
    return Asset(code, where, f"{where}/erc20:{address}")


def money(
    amount: BaseUnits | None,
    chain_id: int | None,
    address: str | None,
    tokens: Mapping[Key, Token],
    context: Context,
) -> Money | None:
    """Return base units of a token, scaled if its decimals are known; if not, that is noted."""
    if amount is None:
        return None
    token = None if chain_id is None or address is None else tokens.get(key(chain_id, address))
    if token is not None:
        return Money(scaled(amount, token.decimals), asset(chain_id, address, token.code))
    context.anomaly(
        "data.amount", "is in base units of a token whose decimals are not known (setting tokens)"
    )
    return Money(asset=asset(chain_id, address), base_units=amount)
