"""Providers and sinks as small as they can be, installed for these tests alone: they need no other plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypedDict

from attrs import frozen

from cambist import (
    Amounts,
    Asset,
    Context,
    EventDraft,
    Failure,
    Identifier,
    Kind,
    Money,
    Payment,
    Processed,
    Provider,
    Secrets,
    Status,
    exact,
    to_json,
)
from cambist.hookspecs import SinkFactory, hookimpl
from cambist.verification import Ed25519Signature, HmacSignature, Scheme, Unverified


@frozen
class Settings:
    secrets: Secrets
    account: str | None = None
    limit: int = 1
    strict: bool = False


@frozen
class Keys:
    api_keys: Secrets
    unit: Literal["minor", "major"]


@frozen
class Sometimes:
    auth: Literal["none", "hmac"] = "hmac"
    secrets: Secrets = ()


@frozen
class Nothing:
    pass


class Coin(TypedDict):
    id: Identifier
    amount: str
    status: str
    note: str | None


def parse(payload: Any, context: Context) -> list[EventDraft]:
    coins = payload if isinstance(payload, list) else [payload]
    return [_draft(context.read(Coin, coin), context) for coin in coins]


def _draft(coin: Coin, context: Context) -> EventDraft:
    amount = Money(exact(coin["amount"]), Asset("DUC"))
    return EventDraft(
        kind=Kind.PAYMENT,
        status=context.status("coin", coin["status"]),
        identity=(coin["id"], coin["status"]),
        provider_status=coin["status"],
        payment=Payment(coin["id"], coin.get("note")),
        amounts=Amounts(received=amount),
        failure=Failure("clipped", coin.get("note")) if coin["status"] == "clipped" else None,
    )


def signature(secrets: Secrets) -> HmacSignature:
    return HmacSignature(secrets=secrets, header="X-Mint-Signature")


def explode(*_: object) -> Any:
    raise RuntimeError("the-s3cret stands in this message")


def mint(
    name: str, verification: Callable[[Any], Scheme], settings: type = Settings, **more: Any
) -> Provider:
    return Provider(
        name=name,
        title="The Mint",
        documentation="https://mint.example/webhooks",
        settings=settings,
        verification=verification,
        statuses={"coin": {"struck": Status.COMPLETED, "clipped": Status.FAILED}},
        parse=parse,
        **more,
    )


@hookimpl
def cambist_register_providers() -> list[Provider]:
    return [
        mint("mint", lambda given: signature(given.secrets)),
        mint("mint-keys", lambda given: signature(given.api_keys), Keys),
        mint(
            "mint-sometimes",
            lambda given: Unverified() if given.auth == "none" else signature(given.secrets),
            Sometimes,
        ),
        mint(
            "mint-public",
            lambda given: Ed25519Signature(secrets=given.secrets, header="X-Mint-Signature"),
        ),
        mint(
            "mint-path",
            lambda given: HmacSignature(
                secrets=given.secrets, header="X-Mint-Signature", template="{path}|{body}"
            ),
        ),
        mint("mint-open", lambda _: Unverified(), Nothing),
        mint("mint-faulty", lambda given: signature(given.secrets), sign=explode),
    ]


class Ledger:
    """Appends events to the file that the URL's path names, and a line when it is closed."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._path = Path(url.removeprefix("ledger://"))
        self._name = options.get("label", "ledger")

    async def publish(self, processed: Processed) -> None:
        for event in processed.events:
            self.write(to_json(event).decode())

    def write(self, line: str) -> None:
        with self._path.open("a") as file:
            file.write(f"{self._name} {line}\n")


@asynccontextmanager
async def ledger(url: str, options: Mapping[str, Any]) -> AsyncIterator[Ledger]:
    opened = Ledger(url, options)
    yield opened
    opened.write("closed")


@asynccontextmanager
async def shut(url: str, options: Mapping[str, Any]) -> AsyncIterator[Ledger]:
    raise ConnectionRefusedError(f"{url} does not answer")
    yield


@hookimpl
def cambist_register_sinks() -> Mapping[str, SinkFactory]:
    return {"ledger": ledger, "shut": shut}
