"""The calls of the management API: method, path, body, and what the answer becomes.

Source: https://docs.b3.fun/anyspend/api/webhooks-api
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from attrs import frozen

from cambist.errors import ConfigurationError
from cambist_anyspend.client import answers

T = TypeVar("T")
_is_identifier = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII).fullmatch


@frozen
class Call(Generic[T]):
    """One call.

    Args:
        does: What it does, for errors: ``list the webhooks``.
        method: The HTTP method.
        path: The path below the API's address, in segments.
        understand: Makes the result of the answer's decoded body.
        body: The JSON body, if it has one.
        delivers: Whether AnySpend delivers to the endpoint before it answers.
    """

    does: str
    method: str
    path: tuple[str, ...]
    understand: Callable[[Any], T]
    body: dict[str, Any] | None = None
    delivers: bool = False

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    @property
    def repeatable(self) -> bool:
        """Whether doing it twice comes to the same; a POST may make a second webhook or delivery."""
        return self.method != "POST"


def list_webhooks() -> Call[tuple[answers.Webhook, ...]]:
    """``GET /webhooks``."""
    return Call("list the webhooks", "GET", ("webhooks",), answers.several_webhooks)


def create(url: str, events: Iterable[str]) -> Call[answers.CreatedWebhook]:
    """``POST /webhooks``."""
    body = {"url": _endpoint(url), "events": _events(events)}
    return Call("create the webhook", "POST", ("webhooks",), answers.created_webhook, body)


def get(webhook_id: str) -> Call[answers.Webhook]:
    """``GET /webhooks/{id}``."""
    return Call("get the webhook", "GET", _webhook(webhook_id), answers.one_webhook)


def update(
    webhook_id: str, url: str | None, events: Iterable[str] | None, is_active: bool | None
) -> Call[answers.Webhook]:
    """``PATCH /webhooks/{id}``."""
    body: dict[str, Any] = {}
    if url is not None:
        body["url"] = _endpoint(url)
    if events is not None:
        body["events"] = _events(events)
    if is_active is not None:
        body["is_active"] = is_active
    if not body:
        raise ConfigurationError("nothing to update: give url, events or is_active")
    return Call("update the webhook", "PATCH", _webhook(webhook_id), answers.one_webhook, body)


def delete(webhook_id: str) -> Call[None]:
    """``DELETE /webhooks/{id}``. The document shows no answer, so none but its success is read."""
    return Call("delete the webhook", "DELETE", _webhook(webhook_id), answers.nothing)


def send_test(webhook_id: str) -> Call[answers.SentDelivery]:
    """``POST /webhooks/{id}/test``."""
    path = (*_webhook(webhook_id), "test")
    return Call("send a test", "POST", path, answers.sent_delivery, delivers=True)


def deliveries(webhook_id: str) -> Call[tuple[answers.DeliveryRecord, ...]]:
    """``GET /webhooks/{id}/deliveries``."""
    return Call("list the deliveries", "GET", (*_webhook(webhook_id), "deliveries"), answers.history)


def retry(webhook_id: str, delivery_id: str) -> Call[answers.SentDelivery]:
    """``POST /webhooks/{id}/deliveries/{delivery id}/retry``."""
    path = (*_webhook(webhook_id), "deliveries", _identifier(delivery_id, "delivery_id"), "retry")
    return Call("retry the delivery", "POST", path, answers.sent_delivery, delivers=True)


def is_safe(url: str) -> bool:
    """Whether a URL names a host and is ``https``, or ``http`` of this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # a ValueError if it is none
    except ValueError:
        return False
    if not host or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _webhook(webhook_id: str) -> tuple[str, str]:
    return "webhooks", _identifier(webhook_id, "webhook_id")


def _identifier(text: object, name: str) -> str:
    # Anything else could name another path: an empty one, or "..".
    if isinstance(text, str) and _is_identifier(text):
        return text
    raise ConfigurationError(f"{name}: is not up to 255 letters, digits, - and _")


def _endpoint(url: object) -> str:
    if isinstance(url, str) and is_safe(url):
        return url
    raise ConfigurationError("url: must be an https:// URL (http:// is for this machine alone)")


def _events(events: Iterable[str]) -> list[str]:
    # A string would be taken apart into letters.
    found: list[Any] = [] if isinstance(events, str) else list(events)
    if found and all(isinstance(event, str) and event for event in found):
        return found
    raise ConfigurationError("events: must be a list of event types like payment.completed, and not empty")
