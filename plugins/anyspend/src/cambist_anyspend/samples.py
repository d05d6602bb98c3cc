"""Deliveries of every documented form. The vendor shows the fields and few values; the rest are ours."""

from __future__ import annotations

from cambist import Sample

WEBHOOKS = (
    Sample(
        "payment_completed",
        b'{"type":"payment.completed","webhook_id":"wh_abc123","timestamp":"2026-02-27T10:30:00Z","data":{'
        b'"id":"txn_5f0c2a","payment_link_id":"pl_summer","amount":"50000000",'
        b'"token_address":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913","chain_id":8453,'
        b'"sender_address":"0x1111111111111111111111111111111111111111",'
        b'"recipient_address":"0x2222222222222222222222222222222222222222",'
        b'"tx_hash":"0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b",'
        b'"status":"completed","form_data":{"email":"payer@example.com"},"discount_code":null,'
        b'"created_at":"2026-02-27T10:29:12Z","completed_at":"2026-02-27T10:29:58Z"}}',
    ),
    Sample(
        "payment_completed_of_the_guide",
        b'{"event":"payment.completed","webhookId":"wh_abc123","timestamp":1772188200000,"data":{'
        b'"id":"txn_5f0c2b","paymentLinkId":"pl_summer","amount":"50000000",'
        b'"tokenAddress":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913","chainId":8453,'
        b'"senderAddress":"0x1111111111111111111111111111111111111111",'
        b'"recipientAddress":"0x2222222222222222222222222222222222222222",'
        b'"txHash":"0x2d05f0c9c3e1c226e63b5fac240137687544cf631cd616fd34fd188fc9020866",'
        b'"status":"completed","createdAt":1772188152000,"completedAt":1772188198000,'
        b'"checkoutSession":{"clientReferenceId":"order-2048","metadata":"{\\"cart\\":7}",'
        b'"customerEmail":"payer@example.com","customerName":"Ada Payer"}}}',
    ),
    Sample(
        "payment_failed",
        b'{"type":"payment.failed","webhook_id":"wh_abc123","timestamp":"2026-02-27T10:31:00Z","data":{'
        b'"id":"txn_5f0c2c","payment_link_id":"pl_summer","amount":"50000000",'
        b'"token_address":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913","chain_id":8453,'
        b'"sender_address":"0x1111111111111111111111111111111111111111",'
        b'"recipient_address":"0x2222222222222222222222222222222222222222","tx_hash":null,'
        b'"status":"failed","form_data":null,"discount_code":null,'
        b'"created_at":"2026-02-27T10:30:12Z","completed_at":null}}',
    ),
    Sample(
        "checkout_completed",
        b'{"type":"checkout.completed","webhook_id":"wh_abc123","timestamp":"2026-02-27T10:32:00Z","data":{'
        b'"id":"cs_77","payment_link_id":"pl_summer","amount":"1500000000000000",'
        b'"token_address":"0x0000000000000000000000000000000000000000","chain_id":8453,'
        b'"sender_address":"0x1111111111111111111111111111111111111111",'
        b'"recipient_address":"0x2222222222222222222222222222222222222222",'
        b'"tx_hash":"0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",'
        b'"status":"complete","form_data":{"email":"payer@example.com","size":"M"},'
        b'"discount_code":"SUMMER10","created_at":"2026-02-27T10:20:00Z",'
        b'"completed_at":"2026-02-27T10:31:57Z"}}',
    ),
    Sample(
        "checkout_expired",
        b'{"event":"checkout.expired","webhookId":"wh_abc123","timestamp":1772190000000,"data":{'
        b'"id":"cs_78","paymentLinkId":"pl_summer","amount":"50000000",'
        b'"tokenAddress":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913","chainId":8453,"status":"expired",'
        b'"createdAt":1772188200000,"completedAt":null}}',
    ),
    Sample(
        "test_ping",
        b'{"type":"test.ping","webhook_id":"wh_abc123","timestamp":"2026-02-27T12:00:00Z","data":{}}',
    ),
    Sample(
        "test_of_the_guide",
        b'{"event":"payment.completed","webhookId":"wh_abc123","timestamp":1772193600000,"data":{'
        b'"id":"txn_test","amount":"1000000",'
        b'"tokenAddress":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913","chainId":8453,'
        b'"status":"completed"}}',
        (("X-AnySpend-Test", "true"),),
    ),
)

ORDERS = (
    Sample(
        "order_executed",
        b'{"callbackMetadata":{"workflowId":"wf_1","orgId":"org_9","inputs":{"sku":"A-7","quantity":2}},'
        b'"clientReferenceId":"order-2048","event":"order.completed",'
        b'"orderId":"3a7e1c7e-8d60-4bb8-9b25-0d5a3f2f6f5e","payment":{"dstAmount":"50000000",'
        b'"dstChain":8453,"dstTokenAddress":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",'
        b'"dstTokenDecimals":6,"dstTokenSymbol":"USDC",'
        b'"recipientAddress":"0x2222222222222222222222222222222222222222"},"status":"executed",'
        b'"txHash":"0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b"}',
    ),
    Sample(
        "order_refunded",
        b'{"callbackMetadata":{"workflowId":"wf_1","orgId":"org_9"},"clientReferenceId":"order-2049",'
        b'"event":"order.refunded","orderId":"8c1d4c0a-5d9b-4a3e-8f59-7a0e0c7b1f11","payment":{'
        b'"dstAmount":"1500000000000000","dstChain":8453,'
        b'"dstTokenAddress":"0x0000000000000000000000000000000000000000","dstTokenDecimals":18,'
        b'"dstTokenSymbol":"ETH","recipientAddress":"0x2222222222222222222222222222222222222222"},'
        b'"status":"refunded","txHash":null}',
    ),
)
