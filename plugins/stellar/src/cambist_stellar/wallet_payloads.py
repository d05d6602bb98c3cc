"""What an anchor posts to a wallet: the answers of its SEP endpoints, amounts and assets side by side."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from cambist import Identifier, Ignored, Soft
from cambist_stellar.payloads import TransactionBase


class WalletRefund(TypedDict):
    """One of ``refunds.payments``."""

    id: Soft[Identifier]
    id_type: Soft[str]
    amount: Soft[Decimal]
    fee: Soft[Decimal]


class WalletRefunds(TypedDict):
    """``refunds``, all in the asset of ``amount_in``."""

    amount_refunded: Soft[Decimal]
    amount_fee: Soft[Decimal]
    payments: Soft[list[WalletRefund]]


_Addresses = TypedDict("_Addresses", {"from": Soft[str], "to": Soft[str]})


class WalletTransaction(TransactionBase, _Addresses):
    """``transaction`` of SEP-6, SEP-24 or SEP-31; the last has no ``kind``."""

    amount_in: Soft[Decimal]
    amount_in_asset: Soft[str]
    amount_out: Soft[Decimal]
    amount_out_asset: Soft[str]
    amount_fee: Soft[Decimal]
    amount_fee_asset: Soft[str]
    refunded: Soft[bool]
    refunds: Soft[WalletRefunds]
    stellar_transaction_id: Soft[str]
    claimable_balance_id: Soft[str]
    deposit_memo: Soft[Identifier]
    withdraw_anchor_account: Soft[str]
    withdraw_memo: Soft[Identifier]
    # Of SEP-31 only.
    stellar_account_id: Soft[str]
    stellar_memo: Soft[Identifier]
    status_message: Soft[str]
    # The link holds a token that opens the user's page.
    more_info_url: Ignored
    status_eta: Ignored
    kyc_verified: Ignored
    deposit_memo_type: Ignored
    withdraw_memo_type: Ignored
    stellar_memo_type: Ignored
    external_extra: Ignored
    external_extra_text: Ignored
    instructions: Ignored
    required_info_message: Ignored
    required_info_updates: Ignored
    required_customer_info_message: Ignored
    required_customer_info_updates: Ignored


class WalletDelivery(TypedDict):
    """A callback about a transaction, which is read by itself."""

    transaction: Ignored


class WalletCustomer(TypedDict):
    """A callback about a customer (SEP-12). What is asked for and what was given is not for an event."""

    id: Soft[Identifier]
    status: str
    message: Soft[str]
    fields: Ignored
    provided_fields: Ignored
