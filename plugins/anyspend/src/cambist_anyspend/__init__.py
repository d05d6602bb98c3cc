"""AnySpend: the platform's webhooks (``anyspend``), and the order-completed callback (``anyspend-order``).

Documentation: https://docs.b3.fun/anyspend/api/webhooks-api and https://docs.b3.fun/anyspend/api/webhooks-guide
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from attrs import frozen

from cambist import Context, EventDraft, Provider, Secrets, fault, hookimpl
from cambist.errors import ConfigurationError
from cambist.verification import ApiKey, HmacSignature, Scheme
from cambist_anyspend.orders import order_answer, order_event
from cambist_anyspend.samples import ORDERS, WEBHOOKS
from cambist_anyspend.statuses import ORDER_STATUSES, WEBHOOK_STATUSES
from cambist_anyspend.tokens import TOKENS, Key, Token
from cambist_anyspend.webhooks import TEST_HEADER, webhook_event

__all__ = ["ANYSPEND", "ANYSPEND_ORDER", "OrderSettings", "Settings", "Token"]


@frozen
class Settings:
    """The settings of a source of webhooks.

    Args:
        secrets: The webhook's secrets, each whole (``whsec_…``); several while one is being rotated.
        tokens: Tokens beside those that this release knows. One of these counts before one of ours.
    """

    secrets: Secrets
    tokens: tuple[Token, ...] = ()

    def __attrs_post_init__(self) -> None:
        if len({token.key for token in self.tokens}) < len(self.tokens):
            raise ConfigurationError("tokens: two entries have one chain_id and address")

    @cached_property
    def known_tokens(self) -> Mapping[Key, Token]:
        """All tokens by chain and address."""
        return {**TOKENS, **{token.key: token for token in self.tokens}}


@frozen
class OrderSettings:
    """The settings of a source of order-completed callbacks.

    Args:
        api_keys: The accepted keys; several while one is being rotated.
    """

    api_keys: Secrets


def verification(settings: Settings) -> Scheme:
    """Return HMAC-SHA256 over the raw body, in hex. The key is the whole secret, ``whsec_`` included."""
    return HmacSignature(secrets=settings.secrets, hash="sha256", header="X-AnySpend-Signature")


def order_verification(settings: OrderSettings) -> Scheme:
    """Return a static key in a header."""
    return ApiKey(secrets=settings.api_keys, header="x-api-key")


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    """Return the one event of a webhook."""
    if not isinstance(payload, dict):
        raise fault("", "is not an object")
    return (webhook_event(payload, context),)


def parse_order(payload: Any, context: Context) -> Iterable[EventDraft]:
    """Return the one event of an order-completed callback."""
    return (order_event(payload, context),)


RETRIES = (60, 600, 3600)  # as the guide has it

ANYSPEND = Provider(
    name="anyspend",
    title="AnySpend webhooks",
    documentation="https://docs.b3.fun/anyspend/api/webhooks-api",
    settings=Settings,
    verification=verification,
    statuses=WEBHOOK_STATUSES,
    parse=parse,
    samples=WEBHOOKS,
    headers=(TEST_HEADER,),
    retries=RETRIES,
)
ANYSPEND_ORDER = Provider(
    name="anyspend-order",
    title="AnySpend order-completed callback",
    documentation="https://docs.b3.fun/anyspend",
    settings=OrderSettings,
    verification=order_verification,
    statuses=ORDER_STATUSES,
    parse=parse_order,
    acknowledge=order_answer,
    samples=ORDERS,
)


@hookimpl
def cambist_register_providers() -> list[Provider]:
    """Register both providers."""
    return [ANYSPEND, ANYSPEND_ORDER]
