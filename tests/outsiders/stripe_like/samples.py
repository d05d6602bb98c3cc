"""A body out of Tollhouse's documentation, byte for byte."""

from __future__ import annotations

from cambist import Sample

SAMPLES = (
    Sample(
        "succeeded",
        b'{"id":"evt_1","type":"payment_intent.succeeded","created":1769860800,"livemode":true,'
        b'"data":{"object":{"id":"pi_1","object":"payment_intent","status":"succeeded","amount":1099,'
        b'"amount_received":1099,"currency":"jpy","last_payment_error":null,"metadata":{}}}}',
    ),
)
