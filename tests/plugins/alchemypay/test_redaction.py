"""Card numbers leave the raw body, and nothing else does."""

from __future__ import annotations

import pytest

from cambist import decode_json
from cambist_alchemypay.redaction import EXEMPT, redact

VISA = "4111111111111111"

# --- JSON: what is masked, and how.

MASKED = {
    "under its key": (b'{"cardNumber": "5567665457839662"}', b'{"cardNumber": "************9662"}'),
    "under its key, 12 digits": (b'{"cardNumber":"123456789012"}', b'{"cardNumber":"********9012"}'),
    "under its key, 24 digits": (
        b'{"cardNumber":"123456789012345678901234"}',
        b'{"cardNumber":"********************1234"}',
    ),
    "under keys of its kind": (
        b'{"card_no":"5567665457839661","bankCardNumber":"5567665457839661","PAN":"5567665457839661"}',
        b'{"card_no":"************9661","bankCardNumber":"************9661","PAN":"************9661"}',
    ),
    "under an escaped key": (
        rb'{"card\u004eumber":"5567665457839661"}',
        rb'{"card\u004eumber":"************9661"}',
    ),
    "deep under its key": (
        b'{"cardNumber":{"full":["5567665457839661", 5567665457839661]},"x":"5567665457839660"}',
        b'{"cardNumber":{"full":["************9661", "************9661"]},"x":"5567665457839660"}',
    ),
    "as a number": (b'{"cardNumber":5567665457839661 }', b'{"cardNumber":"************9661" }'),
    "as a negative number": (b'{"cardNumber":-5567665457839661}', b'{"cardNumber":"-************9661"}'),
    "as a fraction": (b'{"cardNumber":5567665457839661.00}', b'{"cardNumber":"************9661"}'),
    "with an exponent": (b'{"cardNumber":5.567665457839661e15}', b'{"cardNumber":"************9661"}'),
    "with a large exponent": (b'{"cardNumber":5567.665457839661E+12}', b'{"cardNumber":"************9661"}'),
    "as a number of another size": (
        b'{"cardNumber":556.7665457839661}',
        b'{"cardNumber":"***.*********9661"}',
    ),
    "with spaces": (
        b'{"cardNumber":"5567 6654 5783 9661"}',
        b'{"cardNumber":"**** **** **** 9661"}',
    ),
    "with dashes": (b'{"cardNumber":"5567-665457-83966"}', b'{"cardNumber":"****-******-*3966"}'),
    "with dots": (b'{"x":"4111.1111.1111.1111"}', b'{"x":"****.****.****.1111"}'),
    "escaped": (rb'{"cardNumber":"\u0035567665457839661"}', b'{"cardNumber":"************9661"}'),
    "elsewhere": (b'["4111111111111111"]', b'["************1111"]'),
    "elsewhere as a number": (b'{"x":[4111111111111111,1]}', b'{"x":["************1111",1]}'),
    "the whole document": (b' "4111111111111111"\n', b' "************1111"\n'),
    "the whole document a number": (b"4111111111111111", b'"************1111"'),
    "elsewhere, 13 digits": (b'{"x":"4222222222222"}', b'{"x":"*********2222"}'),
    "elsewhere, 19 digits": (b'{"x":"6212345678900000003"}', b'{"x":"***************0003"}'),
    "as a key": (b'{"4111111111111111":1}', b'{"************1111":1}'),
    "in a text": (
        b'{"desp":"TOPUP 4111-1111-1111-1111 (SG), 12 EUR"}',
        b'{"desp":"TOPUP ****-****-****-1111 (SG), 12 EUR"}',
    ),
    "in a text, beside other digits": (
        b'{"desp":"12 4111 1111 1111 1111 13"}',
        b'{"desp":"12 **** **** **** 1111 13"}',
    ),
    "before digits that pass together with its last four": (
        b'{"x":"4111111111111111 234567893"}',
        b'{"x":"**************** *****7893"}',
    ),
    "in a run of more digits than any text has": (
        b'["' + b"1 " * 200 + b'12345"]',
        b'["' + b"* " * 200 + b'*2345"]',
    ),
    "in a text after its name": (
        b'{"msg":"card number: 5567665457839661, order 100216928821071960014"}',
        b'{"msg":"card number: ************9661, order 100216928821071960014"}',
    ),
    "in JSON in a text": (
        rb'{"data":"{\"cardNumber\":\"5567665457839661\"}"}',
        rb'{"data":"{\"cardNumber\":\"************9661\"}"}',
    ),
    "in digits of another script": (
        '{"x":"\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11"}'.encode(),
        '{"x":"************\uff11\uff11\uff11\uff11"}'.encode(),
    ),
    "with invisible characters": (
        '{"x":"4111\u200b1111\u00a01111\u20111111"}'.encode(),
        '{"x":"****\u200b****\u00a0****\u20111111"}'.encode(),
    ),
    "twice": (
        b'{"cardNumber":"5567665457839661","desp":"5567 6654 5783 9661","orderNo":"5567665457839661"}',
        b'{"cardNumber":"************9661","desp":"**** **** **** 9661","orderNo":"************9661"}',
    ),
    "twice, inside a longer number": (
        b'{"cardNumber":"5567665457839661","orderNo":"005567665457839661007"}',
        b'{"cardNumber":"************9661","orderNo":"00************9661007"}',
    ),
}

# --- JSON: what only looks like a card number.

KEPT = {
    "an order number": b'{"orderNo":"100216928821071960014"}',
    "an order number as a number": b'{"orderNo":100216928821071960014}',
    "an order number that passes the check": b'{"orderNo":"4111111111111111"}',
    "a card identifier of 19 digits": b'{"cardId":"1179043877278191616"}',
    "a card identifier that passes the check": b'{"cardId":"6212345678900000003"}',
    "a transaction identifier": b'{"transactionId":4111111111111111}',
    "a time in milliseconds": b'{"orderTime":1692910914006}',
    "a sum": b'{"orderAmount":"4111111111111111"}',
    "a rate with many decimals": b'{"currencyExchangeRate":"0.4111111111111111"}',
    "decimals elsewhere": b'{"x":[0.4111111111111111,"4111.4111111111111111",-1e-16]}',
    "a number too long": b'{"x":"41111111111111111111"}',
    "a number too short": b'{"x":"411111111111"}',
    "digits that fail the check": b'{"x":"5567665457839662","y":5567665457839662}',
    "digits in two texts": b'{"x":"411111111","y":"1111111"}',
    "an address": b'{"cryptoAddress":"0x4111111111111111000000000000000000000000"}',
    "a number masked by the vendor": b'{"cardNumber":"556735XXXXXX0737"}',
    "a number masked by us": b'{"cardNumber":"************9662"}',
    "a huge exponent": b'{"cardNumber":1e400,"x":"1e99999999999"}',
    "nothing": b"{}",
}

# --- No JSON: every 12 to 19 digits in a row, and card numbers with gaps.

UNREADABLE = {
    "the document's rendering": (
        b"{\ncardNumber: 5567665457839662\norderNo: 100216928821071960014\ncardAmount: 95\n}",
        b"{\ncardNumber: ************9662\norderNo: 100216928821071960014\ncardAmount: 95\n}",
    ),
    "a form": (b"cardNumber=5567665457839662&a=1", b"cardNumber=************9662&a=1"),
    "a form with spaces": (b"pan=5567+6654+5783+9662", b"pan=****+****+****+9662"),
    "a form with escapes": (b"x=4111%201111%201111%201111", b"x=**** **** **** 1111"),
    "cut off": (b'{"cardNumber":"5567665457839662","ord', b'{"cardNumber":"************9662","ord'),
    "cut off, escaped": (rb'{"x":"\u0034111111111111111', b'{"x":"************1111'),
    "not UTF-8": (b'{"x":"\xff4111 1111 1111 1111\xfe"}', b'{"x":"\xff**** **** **** 1111\xfe"}'),
    "12 digits": (b"x 123456789012", b"x ********9012"),
    "after a name with more digits": (b"card no 12345678901234567890", b"card no ****************7890"),
    "20 digits": (b"x 12345678901234567890", b"x 12345678901234567890"),
    "empty": (b"", b""),
}


@pytest.mark.parametrize(("body", "masked"), MASKED.values(), ids=MASKED)
def test_a_card_number_is_masked_and_the_rest_stays(body: bytes, masked: bytes) -> None:
    assert redact(body) == masked
    decode_json(masked)


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT)
def test_what_is_no_card_number_stays(body: bytes) -> None:
    assert redact(body) == body


@pytest.mark.parametrize(("body", "masked"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_is_no_json_is_masked_as_text(body: bytes, masked: bytes) -> None:
    assert redact(body) == masked


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32"])
def test_a_body_in_another_encoding_is_masked(encoding: str) -> None:
    masked = redact(f'{{"cardNumber":"{VISA}"}}'.encode(encoding))
    assert b"411" not in masked.replace(b"\0", b"")
    assert b"************1111" in masked


def test_the_exempt_keys_are_those_that_decide_about_identity_money_and_time() -> None:
    assert {
        *("orderNo", "transactionId", "userNo", "cardId", "cryptoAddress"),
        *(f"{word}Amount" for word in ("order", "payment", "card", "preAuth", "transaction")),
        *("applyFee", "rechargeFee", "rechargeMarkup", "deliveryFee"),
        *("currencyExchangeRate", "cryptoCurrencyExchangeRate"),
        *("orderTime", "preAuthTime", "transactionTime", "gmtCreate", "gmtModified", "kycStartTime", "date"),
    } == EXEMPT
