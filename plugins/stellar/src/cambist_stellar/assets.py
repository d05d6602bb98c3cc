"""What an amount is of, from every way in which the platform and the SEPs write an asset.

Sources: SEP-38 (Asset Identification Format); CAIP-2 and CAIP-19 as the namespace ``stellar`` profiles them:
https://github.com/ChainAgnostic/namespaces/tree/main/stellar
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from cambist import Asset
from cambist_stellar.strkey import decode_account

Network = Literal["pubnet", "testnet"]

# SLIP-44 gives lumens the number 148.
_NATIVE = "slip44:148"
_issued = re.compile(r"(?:stellar:)?([A-Za-z0-9]{1,12}):(G[A-Z2-7]{55})", re.ASCII).fullmatch
_fiat = re.compile(r"iso4217:([A-Z]{3})", re.ASCII).fullmatch
# The longest that is known has 77 characters. A longer one is not kept in memory: anyone may have sent it.
_LONGEST = 80


def chain(network: Network | None) -> str | None:
    """Return the CAIP-2 identifier of a network."""
    return f"stellar:{network}" if network else None


def asset(text: str | None, network: Network | None) -> Asset:
    """Return what an asset's text stands for.

    Args:
        text: ``stellar:CODE:ISSUER``, ``CODE:ISSUER``, ``stellar:native``, ``native``, ``iso4217:USD``, or a
            bare ``USDC``. Any other text is kept as the code.
        network: Where the issuer is. Without it there is no CAIP-19 identifier: an issuer's address does not
            tell its network.
    """
    if text is None or len(text) > _LONGEST:
        return Asset(text)
    return _asset(text, network)


@lru_cache(maxsize=1024)
def _asset(text: str, network: Network | None) -> Asset:
    where = chain(network)
    if text in {"native", "stellar:native"}:
        return Asset("XLM", where, where and f"{where}/{_NATIVE}")
    if found := _fiat(text):
        return Asset(found[1], id=text)
    if (found := _issued(text)) and _is_account(found[2]):
        return Asset(found[1], where, where and f"{where}/asset:{found[1]}-{found[2]}")
    return Asset(text)


def _is_account(text: str) -> bool:
    try:
        decode_account(text)
    except ValueError:
        return False
    return True
