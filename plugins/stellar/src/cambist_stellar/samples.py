"""Callbacks as the documents describe them: every value is ours, none is of a real payment."""

from __future__ import annotations

from cambist import Sample

ANCHOR_SAMPLES = (
    Sample(
        "deposit",
        b'{"id":"8f1e6a3b-94d2-4b1e-8a90-1c2d3e4f5061","type":"transaction_status_changed",'
        b'"timestamp":"2026-01-15T11:59:04.377Z","payload":{"transaction":{'
        b'"id":"4a1f0c6e-58f1-4c39-9f1d-0f6f7a5b2c11","sep":"24","kind":"deposit",'
        b'"status":"pending_user_transfer_start","amount_expected":{"amount":"100",'
        b'"asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"},"amount_in":{'
        b'"amount":"100","asset":"iso4217:USD"},"amount_out":{"amount":"98.5",'
        b'"asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"},"fee_details":{'
        b'"total":"1.5","asset":"iso4217:USD","details":[{"name":"Service fee","amount":"1"},{'
        b'"name":"ACH fee","amount":"0.5"}]},"started_at":"2026-01-15T11:58:20.481Z",'
        b'"updated_at":"2026-01-15T11:59:03.902617Z","message":"waiting on the user to transfer funds",'
        b'"destination_account":"GAXDDGCQHPQKP3RYIGRN2V6DAUMADUUXLVMADDQTHX63DX6WIFNCPCXR",'
        b'"client_domain":"wallet.example","creator":{'
        b'"account":"GAXDDGCQHPQKP3RYIGRN2V6DAUMADUUXLVMADDQTHX63DX6WIFNCPCXR"}}}}',
    ),
    Sample(
        "withdrawal",
        b'{"id":"5b7c9d21-0e3f-4a6b-9c8d-7e6f50413223","type":"transaction_status_changed",'
        b'"timestamp":"2026-01-15T10:31:45.003Z","payload":{"transaction":{'
        b'"id":"0d7e3b52-6c1a-4c1f-8a35-5b7f0de3a902","sep":"24","kind":"withdrawal","status":"completed",'
        b'"amount_expected":{"amount":"50",'
        b'"asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"},"amount_in":{'
        b'"amount":"50.0000000",'
        b'"asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"},"amount_out":{'
        b'"amount":"48.75","asset":"iso4217:USD"},"fee_details":{"total":"1.25","asset":"iso4217:USD"},'
        b'"started_at":"2026-01-15T10:02:00Z","updated_at":"2026-01-15T10:31:44.120Z",'
        b'"completed_at":"2026-01-15T10:31:44.120Z","transfer_received_at":"2026-01-15T10:07:12Z",'
        b'"stellar_transactions":[{"id":"7c3b5d0e9a1f4b6c8d2e7f305a4b1c6d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b",'
        b'"memo":"741852","memo_type":"id","created_at":"2026-01-15T10:07:12Z","envelope":"AAAAAgAAAAA=",'
        b'"payments":[{"id":"215679573815297","payment_type":"payment",'
        b'"source_account":"GAXDDGCQHPQKP3RYIGRN2V6DAUMADUUXLVMADDQTHX63DX6WIFNCPCXR",'
        b'"destination_account":"GCJ5A5FBZRRNH2LT4SMSLSBUW34SRFPFJ2NVNRIMKAPGDWYJJZIGFNWB","amount":{'
        b'"amount":"50.0000000","asset":"USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"}}]}],'
        b'"source_account":"GAXDDGCQHPQKP3RYIGRN2V6DAUMADUUXLVMADDQTHX63DX6WIFNCPCXR",'
        b'"destination_account":"GCJ5A5FBZRRNH2LT4SMSLSBUW34SRFPFJ2NVNRIMKAPGDWYJJZIGFNWB",'
        b'"external_transaction_id":"ach-20260115-0042","memo":"741852","memo_type":"id","creator":{'
        b'"account":"GAXDDGCQHPQKP3RYIGRN2V6DAUMADUUXLVMADDQTHX63DX6WIFNCPCXR"}}}}',
    ),
    Sample(
        "receive",
        b'{"id":"13579bdf-2468-4ace-8bdf-0123456789ab","type":"transaction_status_changed",'
        b'"timestamp":"2026-01-15T09:05:31Z","payload":{"transaction":{'
        b'"id":"b2f1a7c4-2d0e-4a43-9c9b-6e1f5d4c3b20","sep":"31","kind":"receive",'
        b'"status":"pending_receiver","amount_expected":{"amount":"20",'
        b'"asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"},"amount_in":{'
        b'"amount":"20","asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"},'
        b'"amount_out":{"amount":"19","asset":"iso4217:USD"},"fee_details":{"total":"1",'
        b'"asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"},'
        b'"quote_id":"de762cda-a193-4961-861e-57b31fed6eb3","started_at":"2026-01-15T09:00:00Z",'
        b'"updated_at":"2026-01-15T09:05:30Z","transfer_received_at":"2026-01-15T09:05:29Z",'
        b'"source_account":"GCQY534CSW7G5CCHXZEWDBRPJBCJDIQKFBWIJ34MT6CDIKTNTXAMTFMA",'
        b'"destination_account":"GCJ5A5FBZRRNH2LT4SMSLSBUW34SRFPFJ2NVNRIMKAPGDWYJJZIGFNWB",'
        b'"memo":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=","memo_type":"hash","customers":{"sender":{'
        b'"id":"c-1001"},"receiver":{"id":"c-2002"}},"creator":{'
        b'"account":"GCQY534CSW7G5CCHXZEWDBRPJBCJDIQKFBWIJ34MT6CDIKTNTXAMTFMA"}}}}',
    ),
    Sample(
        "quote",
        b'{"id":"2468ace0-1357-49bd-8ace-fedcba987654","type":"quote_created",'
        b'"timestamp":"2026-01-15T08:59:58.520Z","payload":{"quote":{'
        b'"id":"de762cda-a193-4961-861e-57b31fed6eb3","sell_amount":"20",'
        b'"sell_asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",'
        b'"buy_amount":"19","buy_asset":"iso4217:USD","expires_at":"2026-01-15T09:10:00Z","price":"1.0",'
        b'"total_price":"1.0526315789","creator":{'
        b'"account":"GCQY534CSW7G5CCHXZEWDBRPJBCJDIQKFBWIJ34MT6CDIKTNTXAMTFMA"},'
        b'"created_at":"2026-01-15T08:59:58.014Z","fee":{"total":"1",'
        b'"asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"}}}}',
    ),
    Sample(
        "customer",
        b'{"id":"90abcdef-1234-4678-9abc-def012345678","type":"customer_updated",'
        b'"timestamp":"2026-01-15T08:45:10.250Z","payload":{"customer":{"id":"c-1001"}}}',
    ),
)

WALLET_SAMPLES = (
    Sample(
        "deposit",
        b'{"transaction":{"id":"4a1f0c6e-58f1-4c39-9f1d-0f6f7a5b2c11","kind":"deposit","status":"completed",'
        b'"more_info_url":"https://anchor.example/sep24/transaction/more_info?token=t","amount_in":"100",'
        b'"amount_in_asset":"iso4217:USD","amount_out":"98.5",'
        b'"amount_out_asset":"stellar:USDC:GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",'
        b'"amount_fee":"1.5","amount_fee_asset":"iso4217:USD","started_at":"2026-01-15T11:58:20.481Z",'
        b'"updated_at":"2026-01-15T12:00:00Z","completed_at":"2026-01-15T12:00:00Z",'
        b'"stellar_transaction_id":"5d2a9c0b7e6f41d38c5b2a190f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c",'
        b'"to":"GAXDDGCQHPQKP3RYIGRN2V6DAUMADUUXLVMADDQTHX63DX6WIFNCPCXR"}}',
    ),
    Sample(
        "customer",
        b'{"id":"d1ce2f48-3ff1-495d-9240-7a50d806cfed","status":"NEEDS_INFO","fields":{"email_address":{'
        b'"type":"string","description":"e-mail address of the customer"}}}',
    ),
)
