"""The order as the vendor's document shows it, as proper JSON: the page has lost quotes and punctuation."""

from __future__ import annotations

from cambist import Sample

SAMPLES = (
    Sample(
        "order",
        b'{"email":"alchemy@alchemytech.io","cardNumber":"5567665457839662","cardId":"c_52b6365f752c4bc480ef",'
        b'"cryptoAddress":"TWU5feBTJDnjddZwuiJEDvyB4XCNmMfHAd","network":"BSC",'
        b'"orderNo":"100216928821071960014","orderType":"1","cardType":"1","status":"SUCCESS",'
        b'"orderAmount":"100","paymentAmount":"100","cryptoCurrency":"USDT","applyFee":"SUCCESS",'
        b'"rechargeFee":"3","rechargeMarkup":"1","deliveryFee":"1","cardAmount":"95","cardCurrency":"USD",'
        b'"currencyExchangeRate":"1","cryptoCurrencyExchangeRate":"1","orderTime":"2023-08-24 21:01:54"}',
    ),
)
