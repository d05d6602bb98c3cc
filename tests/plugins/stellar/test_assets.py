"""Every way to write an asset becomes one: code, network, identifier."""

from __future__ import annotations

import re

import pytest

from cambist import Asset
from cambist_stellar.assets import Network, _asset, asset

ISSUER = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"
USDC = Asset("USDC", "stellar:pubnet", f"stellar:pubnet/asset:USDC-{ISSUER}")
XLM = Asset("XLM", "stellar:pubnet", "stellar:pubnet/slip44:148")

# As the namespace `stellar` profiles CAIP-2 and CAIP-19.
_caip19 = re.compile(r"stellar:(pubnet|testnet)/(slip44:148|asset:[!-,.-~]{1,12}-G[A-Z2-7]{55})").fullmatch

ON_PUBNET = {
    f"stellar:USDC:{ISSUER}": USDC,
    f"USDC:{ISSUER}": USDC,
    "stellar:native": XLM,
    "native": XLM,
    "iso4217:USD": Asset("USD", None, "iso4217:USD"),
    f"stellar:A1b2C3d4E5f6:{ISSUER}": Asset(
        "A1b2C3d4E5f6", "stellar:pubnet", f"stellar:pubnet/asset:A1b2C3d4E5f6-{ISSUER}"
    ),
}
# Kept as they are: nothing is made up.
VERBATIM = (
    *("USDC", "XLM", "string", "iso4217:usd", "iso4217:USDT", "iso4217:", "stellar:", "stellar:USDC"),
    *(f"stellar:USDC:{ISSUER[:-1]}M", f"stellar:USDC:{ISSUER.lower()}", f"stellar:USDC:{ISSUER}:1"),
    *(f"stellar:THIRTEENCHARS:{ISSUER}", f"stellar::{ISSUER}", f"stellar:US-DC:{ISSUER}", f"USDC-{ISSUER}"),
    *(f"stellar:USDC:M{'A' * 68}", "stellar:USDC:CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75"),
    *("eip155:1/slip44:60", "Native", f" USDC:{ISSUER}", f"USDC:{ISSUER}\n", "ЖЖ", "x" * 100_000),
)


@pytest.mark.parametrize(("text", "expected"), ON_PUBNET.items())
def test_on_the_public_network(text: str, expected: Asset) -> None:
    assert asset(text, "pubnet") == expected
    assert expected.id is None or expected.id.startswith("iso4217:") or _caip19(expected.id)


@pytest.mark.parametrize(("text", "on_pubnet"), ON_PUBNET.items())
def test_on_the_test_network_it_is_another_asset(text: str, on_pubnet: Asset) -> None:
    found = asset(text, "testnet")
    assert found.code == on_pubnet.code
    if on_pubnet.network:
        assert found.network == "stellar:testnet"
        assert found.id == (on_pubnet.id or "").replace("pubnet", "testnet")


@pytest.mark.parametrize(("text", "on_pubnet"), ON_PUBNET.items())
def test_without_a_network_there_is_no_identifier(text: str, on_pubnet: Asset) -> None:
    fiat = on_pubnet.id if on_pubnet.network is None else None
    assert asset(text, None) == Asset(on_pubnet.code, None, fiat)


@pytest.mark.parametrize("text", VERBATIM, ids=lambda text: text[:40])
@pytest.mark.parametrize("network", ["pubnet", None])
def test_another_form_is_the_code_as_it_is(text: str, network: Network | None) -> None:
    assert asset(text, network) == Asset(text)


def test_nothing_is_nothing() -> None:
    assert asset(None, "pubnet") == Asset()


def test_a_long_text_is_not_kept_in_memory() -> None:
    """The sender chooses it: a thousand of a mebibyte each would fill the memory."""
    _asset.cache_clear()
    asset("x" * 81, "pubnet")
    assert _asset.cache_info().currsize == 0
    asset(f"stellar:A1b2C3d4E5f6:{ISSUER}", "pubnet")
    assert _asset.cache_info().currsize == 1
