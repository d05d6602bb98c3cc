"""The client itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import TracebackType
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp

from cambist import Secret
from cambist.errors import ConfigurationError
from cambist_anyspend.client import calls
from cambist_anyspend.client.answers import CreatedWebhook, DeliveryRecord, SentDelivery, Webhook
from cambist_anyspend.client.errors import Failure, ManagementError
from cambist_anyspend.client.exchange import Exchange
from cambist_anyspend.client.limits import Limits
from cambist_anyspend.client.transport import Transport

T = TypeVar("T")
BASE_URL: Final = "https://platform-api.anyspend.com/api/v1"
_is_key = re.compile(r"[!-~]{1,1024}", re.ASCII).fullmatch


class WebhooksClient:
    """Manages the webhooks of an AnySpend account. Use it with ``async with``.

    A call is tried again after 429, 5xx, a broken connection or no answer, if doing it twice comes to the
    same: listing, getting, updating and deleting. `create`, `send_test` and `retry` are tried again only
    where the API cannot have done them: after 429, and where no connection came about.

    Args:
        api_key: The API key: ``asp_…``. Reading needs its read permission, all else admin.
        base_url: The API's address. ``https``, or ``http`` of this machine.
        session: A session of aiohttp to use, which stays open; it must have no credentials of its own,
            and its middlewares are not used. Unless given, the client opens and closes one.
        limits: How long to wait, how often to try, how much to read.

    Raises:
        ConfigurationError: The key is empty or no key, or the address is not safe to send it to.
    """

    def __init__(
        self,
        api_key: Secret | str,
        *,
        base_url: str = BASE_URL,
        session: aiohttp.ClientSession | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._api_key = _key(api_key)
        self._base_url = _address(base_url)
        self._session = session
        self._own: aiohttp.ClientSession | None = None
        self._limits = limits or Limits()

    async def __aenter__(self) -> WebhooksClient:
        if self._session is None and self._own is None:
            # A connection for each request: a kept one may be closed while a POST sets out on it, and then
            # nobody knows whether it was taken.
            self._own = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        own, self._own = self._own, None
        if own is not None:
            await own.close()

    def __repr__(self) -> str:
        return f"<WebhooksClient {self._base_url}>"

    async def list(self) -> tuple[Webhook, ...]:
        """Return all webhooks of the account. The API has no pages.

        Raises:
            ManagementError: It did not succeed.
        """
        return await self._call(calls.list_webhooks())

    async def create(self, url: str, events: Iterable[str]) -> CreatedWebhook:
        """Make a webhook. Store its secret: the API tells it this once.

        Args:
            url: Where it delivers: ``https``.
            events: The event types that it delivers, at least one: ``payment.completed``.

        Raises:
            ManagementError: It did not succeed. With ``may_have_happened`` there may be a webhook whose
                secret is lost: find it with `list`, `delete` it, and create another.
            ConfigurationError: An argument is not of this form.
        """
        return await self._call(calls.create(url, events))

    async def get(self, webhook_id: str) -> Webhook:
        """Return one webhook.

        Raises:
            ManagementError: It did not succeed.
            ConfigurationError: This is no identifier.
        """
        return await self._call(calls.get(webhook_id))

    async def update(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Iterable[str] | None = None,
        is_active: bool | None = None,
    ) -> Webhook:
        """Change a webhook, and return it as it is now. What is ``None`` stays as it is.

        Args:
            webhook_id: The webhook.
            url: Where it delivers: ``https``.
            events: The event types that it delivers, in place of those that it had.
            is_active: ``False`` pauses it.

        Raises:
            ManagementError: It did not succeed.
            ConfigurationError: There is nothing to change, or an argument is not of this form.
        """
        return await self._call(calls.update(webhook_id, url, events, is_active))

    async def delete(self, webhook_id: str) -> None:
        """Remove a webhook for ever. Its pending deliveries are cancelled.

        Raises:
            ManagementError: It did not succeed.
            ConfigurationError: This is no identifier.
        """
        await self._call(calls.delete(webhook_id))

    async def send_test(self, webhook_id: str) -> SentDelivery:
        """Have AnySpend deliver a test, and return what your endpoint answered to it.

        Raises:
            ManagementError: It did not succeed.
            ConfigurationError: This is no identifier.
        """
        return await self._call(calls.send_test(webhook_id))

    async def deliveries(self, webhook_id: str) -> tuple[DeliveryRecord, ...]:
        """Return the recent deliveries of a webhook. The API has no pages.

        Raises:
            ManagementError: It did not succeed.
            ConfigurationError: This is no identifier.
        """
        return await self._call(calls.deliveries(webhook_id))

    async def retry(self, webhook_id: str, delivery_id: str) -> SentDelivery:
        """Have AnySpend deliver again what has failed, and return what your endpoint answered.

        Raises:
            ManagementError: It did not succeed; the delivery has not failed, for one.
            ConfigurationError: One of these is no identifier.
        """
        return await self._call(calls.retry(webhook_id, delivery_id))

    async def _call(self, call: calls.Call[T]) -> T:
        outcome = await self._transport().send(call)
        if isinstance(outcome, Failure):
            # Here, and not where it went wrong: no context, and no variable of a frame, holds the key.
            raise _error(call, outcome)
        return outcome

    def _transport(self) -> Transport:
        session = self._session or self._own
        if session is None or session.closed:
            raise ConfigurationError("there is no open session: use the client inside of 'async with'")
        return Transport(Exchange(session, self._base_url, self._api_key, self._limits))


def _error(call: calls.Call[T], failure: Failure) -> ManagementError:
    said = ": ".join(part for part in (failure.code, failure.api_message) if part)
    parts = [f"cannot {call.does}: {failure.problem}", *([said] if said else [])]
    if failure.taken:
        parts.append("it may have happened all the same: look before you repeat it")
    return failure.error(
        "; ".join(parts),
        status=failure.status,
        code=failure.code,
        api_message=failure.api_message,
        retry_after=failure.retry_after,
        may_have_happened=failure.taken,
    )


def _key(given: Secret | str) -> Secret:
    secret = given if isinstance(given, Secret) else Secret(given, "api_key")
    if _is_key(secret.reveal() or ""):  # as of an environment variable that is not set
        return secret
    raise ConfigurationError("api_key: is empty, or has characters that no key has")


def _address(url: str) -> str:
    if not calls.is_safe(url):
        raise ConfigurationError("base_url: must be an https:// URL (http:// is for this machine alone)")
    parts = urlsplit(url)
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError("base_url: must have no user name, query or fragment")
    return url.rstrip("/")
