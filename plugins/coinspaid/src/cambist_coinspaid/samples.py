"""Callbacks as the vendor's document shows them: the values are the document's, the spacing is ours."""

from __future__ import annotations

from cambist import Sample

SAMPLES = (
    Sample(
        "deposit",
        b'{"id":1,"end_user_reference":"12345","type":"deposit","crypto_address":{"id":1,"currency":"BTC",'
        b'"address":"39mFf3X46YzUtfdwVQpYXPCMydc74ccbAZ","foreign_id":"user-id:2048","tag":null},'
        b'"currency_sent":{"currency":"BTC","amount":"6.53157512"},"currency_received":{"currency":"BTC",'
        b'"amount":"6.53157512","amount_minus_fee":"6.5119800"},"transactions":[{"id":1,"currency":"BTC",'
        b'"transaction_type":"blockchain","type":"deposit","address":"39mFf3X46YzUtfdwVQpYXPCMydc74ccbAZ",'
        b'"tag":null,"amount":"6.53157512",'
        b'"txid":"3950ad8149421a850d01dff88f024810e363ac18c9e8dd9bc0b9116e7937ad93","riskscore":"0.5",'
        b'"confirmations":3}],"fees":[{"type":"deposit","currency":"BTC","amount":"0.01959472"}],"error":"",'
        b'"status":"confirmed"}',
    ),
    Sample(
        "deposit_exchange",
        b'{"id":2686510,"end_user_reference":"12345","type":"deposit_exchange","crypto_address":{'
        b'"id":382270,"currency":"BTC","convert_to":"EUR","address":"31vnLqxVJ1iShJ5Ly586q8XKucECx12bZS",'
        b'"tag":null,"foreign_id":"13a"},"currency_sent":{"currency":"BTC","amount":"0.01000000"},'
        b'"currency_received":{"currency":"EUR","amount":"84.17070222","amount_minus_fee":"79.96216711"},'
        b'"transactions":[{"id":714576,"currency":"BTC","transaction_type":"blockchain","type":"deposit",'
        b'"address":"31vnLqxVJ1iShJ5Ly586q8XKucECx12bZS","tag":null,"amount":"0.01000000",'
        b'"txid":"3a491da90a1ce5a318d0aeff6867ab98a03219abae29ed68d702291703c3538b","riskscore":"0.42",'
        b'"confirmations":"1"},{"id":714577,"currency":"BTC","currency_to":"EUR",'
        b'"transaction_type":"exchange","type":"exchange","amount":"0.01000000","amount_to":"84.17070222"}],'
        b'"fees":[{"type":"exchange","currency":"EUR","amount":"4.20853511"}],"error":"",'
        b'"status":"confirmed"}',
    ),
    Sample(
        "withdrawal_exchange",
        b'{"id":1,"foreign_id":"20","end_user_reference":"12345","type":"withdrawal_exchange",'
        b'"crypto_address":{"id":1,"currency":"EUR","convert_to":"BTC",'
        b'"address":"1K2btnZ8cqNFBPhaq729Mdj8W6G3w2nBbL","tag":null},"currency_sent":{"currency":"EUR",'
        b'"amount":"381"},"currency_received":{"currency":"BTC","amount":"0.10882300"},"transactions":[{'
        b'"id":1,"currency":"EUR","currency_to":"BTC","transaction_type":"exchange","type":"exchange",'
        b'"amount":381,"amount_to":0.10882300},{"id":1,"currency":"BTC","transaction_type":"blockchain",'
        b'"type":"withdrawal","address":"1K2btnZ8cqNFBPhaq729Mdj8W6G3w2nBbL","tag":null,"amount":0.10882300,'
        b'"txid":"aa3345b96389e126f1ce88a670d1b1e38f2c3f73fb3ecfff8d9da1b1ce6964a6","confirmations":3}],'
        b'"fees":[{"type":"exchange","currency":"EUR","amount":"3.04800000"},{"type":"mining",'
        b'"currency":"EUR","amount":"0.04489780"}],"error":"","status":"confirmed"}',
    ),
    Sample(
        "invoice_paid",
        b'{"id":588,"foreign_id":"8FW1KI7LesB9yxWcK1K","end_user_reference":"12345","type":"invoice",'
        b'"crypto_address":{"id":386897,"currency":"BTC","address":"2Mvo6FMduhHz1BTDHsQ5GyRoifcG3y4ycpk",'
        b'"tag":null},"currency_sent":{"currency":"BTC","amount":"0.02000000",'
        b'"remaining_amount":"0.00000000"},"currency_received":{"currency":"BTC","amount":"0.02000000"},'
        b'"transactions":[{"id":750294,"currency":"BTC","transaction_type":"blockchain","type":"deposit",'
        b'"address":"2Mvo6FMduhHz1BTDHsQ5GyRoifcG3y4ycpk","tag":null,"amount":"0.01000000",'
        b'"txid":"6647cf5cae701507b7076b32ca12f19d8e9fe037407c02e09b04abdaede99fd0","confirmations":"1"},{'
        b'"id":750384,"currency":"BTC","transaction_type":"blockchain","type":"deposit",'
        b'"address":"2Mvo6FMduhHz1BTDHsQ5GyRoifcG3y4ycpk","tag":null,"amount":"0.01000000",'
        b'"txid":"528dcda13270f8590853405600bf5634d53aa66d2ce5d3a873006a670f9da788","confirmations":"1"}],'
        b'"fees":[{"type":"fee_crypto_deposit","currency":"BTC","amount":"0.0008"}],"error":"",'
        b'"status":"confirmed","fixed_at":1592307241,"expires_at":1592394104}',
    ),
    Sample(
        "invoice_expired",
        b'{"id":23,"foreign_id":"77xa2pd","end_user_reference":"12345","type":"invoice","crypto_address":{'
        b'"id":1846,"currency":"BTC","address":"2MyL2ftBdNsmpsx1EKggPzNVuoiZCWdVaLX","tag":null},'
        b'"currency_sent":{"currency":"BTC","amount":"0.02000000","remaining_amount":"0.02000000"},'
        b'"currency_received":{"currency":"BTC","amount":"0.02000000"},"transactions":[],"fees":[],'
        b'"error":"Timer expired. User not paid.","status":"failed","fixed_at":1592309817,'
        b'"expires_at":1592310717}',
    ),
    Sample(
        "invoice_underpaid",
        b'{"id":21,"foreign_id":"88smaan2","end_user_reference":"12345","type":"invoice","crypto_address":{'
        b'"id":1844,"currency":"BTC","address":"2NCfH4keMq2SZj3H73VeQYtb8yBgTuUrACf","tag":null},'
        b'"currency_sent":{"currency":"BTC","amount":"0.01000000","remaining_amount":"0.00990000"},'
        b'"currency_received":{"currency":"BTC","amount":"0.01000000"},"transactions":[{"id":1505,'
        b'"currency":"BTC","transaction_type":"blockchain","type":"deposit",'
        b'"address":"2NCfH4keMq2SZj3H73VeQYtb8yBgTuUrACf","tag":null,"amount":"0.00010000",'
        b'"txid":"6dd68265eb2b3a1be0dd4a40975345155d0fbbe244c84efcc7f6b910629a38f9","confirmations":"2"}],'
        b'"fees":[],"error":"Timer expired. User paid less than requested.","status":"failed",'
        b'"fixed_at":1592308709,"expires_at":1592309609}',
    ),
)
