"""What all commands take alike: the API key, the API's address, and how to print."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import frozen

from cambist import Secret, resolve_references
from cambist.errors import ConfigurationError

if TYPE_CHECKING:  # the extra may be missing
    from cambist_anyspend.client import WebhooksClient

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
API_KEY = "ANYSPEND_API_KEY"


@frozen
class Account:
    """Where to send calls, and with what.

    Args:
        key_file: The file with the API key; without one it is in the environment.
        base_url: The API's address, if it is not AnySpend's own.
    """

    key_file: str | None
    base_url: str | None

    def call(self, does: Callable[[WebhooksClient], Awaitable[T]]) -> T:
        """Return what becomes of a call.

        Raises:
            ConfigurationError: There is no key, or the address is not safe to send it to.
            ManagementError: The call did not succeed.
        """
        try:
            from cambist_anyspend.client import BASE_URL, WebhooksClient
        except ImportError as error:
            problem = str(error)
        else:
            _log_retries()
            address = BASE_URL if self.base_url is None else self.base_url
            return asyncio.run(_call(WebhooksClient(self._key(), base_url=address), does))
        raise click.ClickException(problem)

    def _key(self) -> Secret:
        reference = {"env": API_KEY} if self.key_file is None else {"file": self.key_file}
        try:
            found = resolve_references(
                {"API key": reference}, os.environ, lambda path: Path(path).read_text(encoding="utf-8")
            )["API key"]
        except ConfigurationError as error:
            problem = error.reason
        else:
            return Secret(found["value"], found["label"])
        hint = "" if self.key_file else ", and --api-key-file is not given"
        raise ConfigurationError(problem + hint)


def _log_retries() -> None:
    """Log retries. Where structlog is installed, stamina would print them on stdout, among our documents."""
    from stamina.instrumentation import LoggingOnRetryHook, set_on_retry_hooks

    set_on_retry_hooks([LoggingOnRetryHook])


async def _call(client: WebhooksClient, does: Callable[[WebhooksClient], Awaitable[T]]) -> T:
    async with client:
        return await does(client)


_key_file = click.option(
    "--api-key-file",
    metavar="FILE",
    help=f"A file with the API key. Without it, the key is taken from the environment variable {API_KEY}.",
)
_base_url = click.option(
    "--base-url",
    metavar="URL",
    help="The API's address, if not AnySpend's own: https, or this machine.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on a terminal, too.")


def account_options(command: F) -> F:
    """Add ``--api-key-file``, ``--base-url`` and ``--json``: the arguments ``account`` and ``as_json``."""

    @wraps(command)
    def run(api_key_file: str | None, base_url: str | None, **given: Any) -> Any:
        return command(account=Account(api_key_file, base_url), **given)

    return _key_file(_base_url(_as_json(run)))  # type: ignore[return-value]
