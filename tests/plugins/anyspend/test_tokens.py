"""The token table, the setting that adds to it, and the one place where base units become an amount."""

from __future__ import annotations

import json
import re
from decimal import Context, Decimal, Inexact, Rounded
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist import Money, Pipeline, Registry, Source
from cambist.errors import ConfigurationError
from cambist_anyspend.assets import asset
from cambist_anyspend.tokens import NATIVE, NATIVE_COINS, NATIVE_OF_SOLANA, SOLANA, TOKENS

from .conftest import SECRET, Shop

UINT256 = st.integers(0, 2**256 - 1)
CAIP_19 = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}", re.ASCII)
# Raises where a digit would change.
EXACT = Context(prec=400, traps=[Inexact, Rounded])


def webhook(amount: str | int, chain_id: int = 8453, address: str = "0x" + "ab" * 20) -> bytes:
    data = {"id": "1", "amount": amount, "chain_id": chain_id, "token_address": address}
    return json.dumps({"type": "payment.completed", "data": data}).encode()


def received(shop: Shop, source: str, body: bytes) -> Money:
    money = shop.event(source, body).amounts.received
    assert money is not None
    return money


def settings(*tokens: dict[str, Any]) -> dict[str, Any]:
    return {"secrets": [SECRET], "tokens": list(tokens)}


TOKEN = {"chain_id": 8453, "address": "0x" + "ab" * 20, "decimals": 6, "code": "SHOP"}


@given(amount=UINT256, token=st.sampled_from(sorted(TOKENS)))
def test_a_scaled_amount_is_exactly_its_base_units(amount: int, token: tuple[int, str], shop: Shop) -> None:
    for written in (str(amount), amount):
        money = received(shop, "shop", webhook(written, *token))
        assert money.amount is not None
        assert EXACT.scaleb(money.amount, TOKENS[token].decimals) == amount
        assert -money.amount.as_tuple().exponent == TOKENS[token].decimals
        assert money.base_units is None


@given(amount=UINT256, decimals=st.integers(0, 78))
def test_so_it_is_with_a_scale_of_the_merchants_or_the_callbacks_own(
    amount: int, decimals: int, registry: Registry, shop: Shop
) -> None:
    source = Source("shop", "anyspend", settings({**TOKEN, "decimals": decimals}))
    configured = Shop(Pipeline([source], registry=registry))
    payment = {"dstAmount": str(amount), "dstTokenDecimals": decimals, "dstChain": 8453}
    order = json.dumps({"orderId": "1", "status": "executed", "payment": payment}).encode()
    for money in (received(configured, "shop", webhook(str(amount))), received(shop, "orders", order)):
        assert money.amount is not None
        assert EXACT.multiply(money.amount, Decimal(10) ** decimals) == amount


@given(amount=UINT256, chain_id=st.integers(0, 10**17), address=st.text(max_size=50))
def test_what_no_table_knows_stays_in_base_units(
    amount: int, chain_id: int, address: str, shop: Shop
) -> None:
    event = shop.event("shop", webhook(str(amount), chain_id, address))
    money = event.amounts.received
    assert money is not None
    assert (money.amount, money.base_units, money.asset.code) == (None, amount, None)
    assert "data.amount" in [anomaly.path for anomaly in event.anomalies]


def test_every_token_has_its_names_and_a_scale() -> None:
    for (chain, address), token in TOKENS.items():
        named = asset(chain, address, token.code)
        assert named.id is not None
        assert CAIP_19.fullmatch(named.id)
        assert named.id.startswith(f"{named.network}/")
        assert token.decimals in {6, 9, 18}
        # The commonest mistake of all: only Binance's own dollars have 18 decimals.
        assert (token.decimals == 6) is (token.code.startswith("USD") and chain != 56)


def test_every_chain_has_its_coin_under_all_its_names(shop: Shop) -> None:
    for chain, (code, decimals, number) in NATIVE_COINS.items():
        names = (
            [NATIVE_OF_SOLANA] if chain == SOLANA else [NATIVE, "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"]
        )
        for name in names:
            money = received(shop, "shop", webhook(10**decimals, chain, name))
            assert money.amount == 1
            assert money.asset.code == code
            assert (money.asset.id or "").endswith(f"/slip44:{number}")


@pytest.mark.parametrize("chain_id", [0, 8453 * 10**20, -1, 8453.0, True, "0x2105", None, []])
def test_a_chain_that_cannot_be_is_no_chain(chain_id: Any, shop: Shop) -> None:
    body = webhook("1").replace(b"8453", json.dumps(chain_id).encode())
    money = received(shop, "shop", body)
    assert money.amount is None
    assert money.asset.network is None


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ({**TOKEN, "address": "0x12"}, "tokens[0]: its address is not 0x and 40 hexadecimal digits"),
        (
            {**TOKEN, "address": "0x" + "zz" * 20},
            "tokens[0]: its address is not 0x and 40 hexadecimal digits",
        ),
        ({**TOKEN, "address": ""}, "tokens[0]: its address is not 0x and 40 hexadecimal digits"),
        ({**TOKEN, "decimals": 79}, "tokens[0]: its decimals are not between 0 and 78"),
        ({**TOKEN, "decimals": -1}, "tokens[0].decimals: is not a whole number"),
        ({**TOKEN, "decimals": 6.0}, "tokens[0].decimals: is not a whole number"),
        ({**TOKEN, "code": ""}, "tokens[0]: its code is empty"),
        ({**TOKEN, "chain_id": "base"}, "tokens[0].chain_id: is not a whole number"),
        ({**TOKEN, "symbol": "X"}, "tokens[0].symbol: is not known here"),
        ({"chain_id": 1, "address": NATIVE, "code": "ETH"}, "tokens[0].decimals: is missing"),
        ("0x12", "tokens[0]: is not an object"),
    ],
)
def test_a_setting_that_cannot_be_stops_the_start(token: Any, problem: str, registry: Registry) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Pipeline([Source("shop", "anyspend", settings(token))], registry=registry)
    assert problem in str(caught.value)
    assert "'shop'" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_two_scales_of_one_token_stop_the_start(registry: Registry) -> None:
    again = {**TOKEN, "address": "0x" + "AB" * 20, "decimals": 18}
    with pytest.raises(ConfigurationError, match="tokens: two entries have one chain_id and address"):
        Pipeline([Source("shop", "anyspend", settings(TOKEN, again))], registry=registry)
