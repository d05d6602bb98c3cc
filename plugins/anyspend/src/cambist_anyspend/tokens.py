"""Tokens whose scale is known: (chain, address) → decimals and code.

Each row was found in at least two of these packages: @circle-fin/bridge-kit 1.15 (the issuer's own), viem
2.57, @uniswap/default-token-list 22.21, @sushiswap/default-token-list 43.3, @eth-optimism/tokenlist 10.0.
A row that is wrong by a decimal is wrong by a factor of ten: leave out what is not sure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from cambist import Count
from cambist.errors import ConfigurationError

# The vendor's own number for a chain that has none: b3-fun/b3, anyspend/constants (as relay.link has it).
SOLANA: Final = 792703809
# How the vendor writes the native coin of a chain; 0xeeee… is the other usage.
NATIVE: Final = "0x" + "0" * 40
NATIVE_OF_SOLANA: Final = "1" * 32
_NATIVE_TOO: Final = "0x" + "e" * 40

is_evm_address = re.compile(r"0x[0-9a-f]{40}", re.ASCII).fullmatch
Key = tuple[int, str]


def key(chain_id: int, address: str) -> Key:
    """Return what a token is looked up by. Hexadecimal addresses have no case; those of Solana do."""
    if address[:2] in ("0x", "0X"):
        address = address.lower()
    return chain_id, NATIVE if address == _NATIVE_TOO else address


@frozen
class Token:
    """A token, and how many decimals its base units have.

    Args:
        chain_id: The chain's number: 8453.
        address: The token's contract; ``0x000…0`` for the chain's native coin.
        decimals: The token's decimals, 0 to 78.
        code: What events call it: ``USDC``.

    Raises:
        ConfigurationError: The address or the decimals cannot be.
    """

    chain_id: Count
    address: str
    decimals: Count
    code: str

    def __attrs_post_init__(self) -> None:
        if not self.address or (self.address[:2] in ("0x", "0X") and not is_evm_address(self.key[1])):
            raise ConfigurationError("its address is not 0x and 40 hexadecimal digits")
        if self.decimals > 78:
            raise ConfigurationError("its decimals are not between 0 and 78")
        if not self.code:
            raise ConfigurationError("its code is empty")

    @property
    def key(self) -> Key:
        """What it is looked up by."""
        return key(self.chain_id, self.address)


# Chain → the native coin: code, decimals, and its number in SLIP-44 for CAIP-19. Codes and decimals are
# those of viem/chains, numbers those of https://github.com/satoshilabs/slips/blob/master/slip-0044.md
NATIVE_COINS: Final[Mapping[int, tuple[str, int, int]]] = {
    1: ("ETH", 18, 60),  # Ethereum
    10: ("ETH", 18, 60),  # OP Mainnet
    56: ("BNB", 18, 714),  # BNB Smart Chain
    130: ("ETH", 18, 60),  # Unichain
    137: ("POL", 18, 966),  # Polygon
    480: ("ETH", 18, 60),  # World Chain
    2741: ("ETH", 18, 60),  # Abstract
    8333: ("ETH", 18, 60),  # B3
    8453: ("ETH", 18, 60),  # Base
    42161: ("ETH", 18, 60),  # Arbitrum One
    43114: ("AVAX", 18, 9005),  # Avalanche C-Chain
    59144: ("ETH", 18, 60),  # Linea
    SOLANA: ("SOL", 9, 501),
}

# USDC of 6 decimals, by Circle: https://developers.circle.com/stablecoins/usdc-contract-addresses
_CIRCLE: Final[Mapping[int, str]] = {
    1: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    10: "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85",
    130: "0x078D782b760474a361dDA0AF3839290b0EF57AD6",
    137: "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
    480: "0x79A02482A880bCE3F13e09Da970dC34db4CD24d1",
    8453: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    42161: "0xaf88d065e77c8cC2239327C5EDb3A432268e5831",
    43114: "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E",
    59144: "0x176211869cA2b568f2A7D4EE941E073a821EE1ff",
    SOLANA: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
}

# Chain, address, decimals, code; the source stands above each group.
_OTHERS: Final[tuple[tuple[int, str, int, str], ...]] = (
    # USDT as Circle has it in its @circle-fin/bridge-kit, and Uniswap or SushiSwap in their lists.
    (1, "0xdAC17F958D2ee523a2206206994597C13D831ec7", 6, "USDT"),
    (10, "0x94b008aA00579c1307B0EF2c499aD98a8ce58e58", 6, "USDT"),
    (137, "0xc2132D05D31c914a87C6611C10748AEb04B58e8F", 6, "USDT"),
    (42161, "0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9", 6, "USDT"),
    (43114, "0x9702230A8Ea53601f5cD2dc00fDBc13d4dF4A8c7", 6, "USDT"),
    (SOLANA, "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB", 6, "USDT"),
    # USDT over the chains' own bridge: https://github.com/ethereum-optimism/ethereum-optimism.github.io
    (130, "0x588CE4F028D8e7B53B687865d6A67b3A54C75518", 6, "USDT"),
    (8453, "0xfde4C96c8593536E31F229EA8f37b2ADa2699bb2", 6, "USDT"),
    # USDC from before Circle issued it there: https://github.com/Uniswap/default-token-list
    (10, "0x7F5c764cBc14f9669B88837ca1490cCa17c31607", 6, "USDC.e"),
    (137, "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174", 6, "USDC.e"),
    (8453, "0xd9aAEc86B65D86f6A7B5B1b0c42FFA531710b6CA", 6, "USDbC"),
    (42161, "0xFF970A61A04b1cA14834A43f5dE4533eBDDB5CC8", 6, "USDC.e"),
    # Binance's own tokens of these names, the same list. They have 18 decimals, unlike those on other chains.
    (56, "0x55d398326f99059fF775485246999027B3197955", 18, "USDT"),
    (56, "0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d", 18, "USDC"),
)


def _tokens() -> dict[Key, Token]:
    rows = [
        *((chain, address, 6, "USDC") for chain, address in _CIRCLE.items()),
        *_OTHERS,
        *(
            (chain, NATIVE_OF_SOLANA if chain == SOLANA else NATIVE, decimals, code)
            for chain, (code, decimals, _) in NATIVE_COINS.items()
        ),
    ]
    tokens = [Token(Count(chain), address, Count(decimals), code) for chain, address, decimals, code in rows]
    return {token.key: token for token in tokens}


TOKENS: Final[Mapping[Key, Token]] = _tokens()
"""The tokens that this release knows."""
