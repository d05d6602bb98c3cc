"""A client of AnySpend's management API of webhooks. It needs the extra ``client``.

::

    async with WebhooksClient(api_key) as webhooks:
        created = await webhooks.create("https://shop.example/webhooks/shop", ["payment.completed"])
        store(created.secret.reveal())

Documentation: https://docs.b3.fun/anyspend/api/webhooks-api and https://docs.b3.fun/anyspend/api/errors
"""

from __future__ import annotations

from cambist_anyspend.client.answers import CreatedWebhook, DeliveryRecord, SentDelivery, Webhook
from cambist_anyspend.client.errors import AnswerError, ManagementError, RefusedError, UnavailableError
from cambist_anyspend.client.limits import Limits

try:
    from cambist_anyspend.client.webhooks import BASE_URL, WebhooksClient
except ModuleNotFoundError as error:
    if error.name not in {"aiohttp", "stamina"}:
        raise
    raise ImportError(f"{error.name} is missing: install cambist-anyspend[client]", name=error.name) from None

__all__ = [
    "BASE_URL",
    "AnswerError",
    "CreatedWebhook",
    "DeliveryRecord",
    "Limits",
    "ManagementError",
    "RefusedError",
    "SentDelivery",
    "UnavailableError",
    "Webhook",
    "WebhooksClient",
]
