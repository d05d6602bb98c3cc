"""Decimals of fiat currencies, for sums in minor units. Any other currency's scale is not guessed."""

from __future__ import annotations

# ISO 4217, list one: https://www.six-group.com/en/products-services/financial-information/data-standards.html
_CODES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """AED ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY
        COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR
        JMD KES KGS KHR KYD KZT LAK LBP LKR LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN
        NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD SAR SBD SCR SEK SGD SRD SZL THB TJS TMT TOP TRY
        TTD TWD TZS UAH USD UYU UZS WST XCD YER ZAR ZMW""",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
DECIMALS = {code: decimals for decimals, codes in _CODES.items() for code in codes.split()}
