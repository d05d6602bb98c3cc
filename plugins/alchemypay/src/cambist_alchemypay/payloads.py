"""The payloads, as the vendor documents them and as they come. Empty strings are taken out before.

All values are strings in the documents, and numbers do as well. What decides about money or identity has to
fit. What an event can do without is ``Soft``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from cambist import Code, Identifier, Ignored, Soft


class Order(TypedDict):
    """The order webhook, with the fields that newer pages add."""

    orderNo: Identifier
    status: Identifier
    orderType: Soft[Identifier]
    email: Soft[str]
    cardNumber: Soft[Identifier]  # masked: redaction.py
    cardId: Soft[Identifier]
    cardType: Soft[Identifier]
    cryptoAddress: Soft[Identifier]
    network: Soft[Identifier]
    cryptoCurrency: Soft[Code]
    orderAmount: Decimal | None
    paymentAmount: Decimal | None
    cardCurrency: Soft[Code]
    cardAmount: Decimal | None
    applyFee: Soft[Decimal]
    rechargeFee: Soft[Decimal]
    rechargeMarkup: Soft[Decimal]
    deliveryFee: Soft[Decimal]
    cryptoCurrencyExchangeRate: Soft[Decimal]
    currencyExchangeRate: Soft[Decimal]
    orderTime: Soft[str]
    failReason: Soft[str]
    voucherCode: Ignored


class CardTransaction(TypedDict):
    """The webhook for card transactions."""

    transactionId: Identifier
    status: Identifier
    email: Soft[str]
    cardId: Soft[Identifier]
    cardNumber: Soft[Identifier]
    preAuthAmount: Soft[Decimal]
    preAuthCurrency: Soft[Code]
    preAuthTime: Soft[str]
    transactionAmount: Soft[Decimal]
    transactionCurrency: Soft[Code]
    transactionTime: Soft[str]
    desp: Soft[str]  # what was bought where
    reason: Soft[str]
    gmtCreate: Soft[str]
    gmtModified: Soft[str]
    cardSeqNo: Ignored


class Kyc(TypedDict):
    """The result of a customer's identity check. A newer page has no ``userNo`` and a ``date``."""

    kycStatus: Identifier
    userNo: Soft[Identifier]
    email: Soft[str]
    kycStartTime: Soft[Identifier]
    date: Soft[str]
    callbackUrl: Ignored
    redirectUrl: Ignored


class Unknown(TypedDict):
    """As much as can be said of a webhook that this release does not know."""

    eventType: Soft[Identifier]
    status: Soft[Identifier]
    email: Soft[str]
    cardId: Soft[Identifier]
    cardNumber: Soft[Identifier]
