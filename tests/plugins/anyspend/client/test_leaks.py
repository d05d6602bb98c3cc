"""Neither the API key nor a webhook's secret is in an error, its whole trace, a repr, or a log.

A trace is looked at as a crash reporter does: chained errors, and the variables of every frame.
"""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="needs cambist-anyspend[client]")
pytest.importorskip("stamina", reason="needs cambist-anyspend[client]")

import attrs
from stamina.instrumentation import LoggingOnRetryHook, get_on_retry_hooks, set_on_retry_hooks

from cambist.errors import CambistError
from cambist_anyspend.client import WebhooksClient

from .conftest import ENDPOINT
from .platform import (
    ADMIN,
    Fault,
    Platform,
    answers,
    cut_short,
    dropped,
    endless,
    fails,
    hangs,
    served_and,
    served_and_dropped,
)

SECRET = "whsec_told_once"
MADE = {"id": "wh_1", "url": ENDPOINT, "events": ["a"], "is_active": True, "secret": SECRET}


async def garbage(request: Any) -> Any:
    """Answer what is no HTTP: aiohttp's error then holds the request's headers."""
    request.transport.write(b"HTTP/1.1 \xff\x00 nonsense\r\nBad Header\r\n\r\n")
    request.transport.close()
    await asyncio.sleep(0.05)


def made(**changes: Any) -> str:
    return json.dumps({"success": True, "data": {**MADE, **changes}})


FAULTS: dict[str, Fault] = {
    "401": fails(401),
    "429": fails(429),
    "503": fails(503),
    "a redirect": answers(302, Location="https://attacker.example/"),
    "an error that repeats the key": answers(400, json.dumps({"error": {"message": f"Bad key: {ADMIN}."}})),
    "an error that repeats a secret": answers(
        400, json.dumps({"error": {"code": SECRET, "message": SECRET}})
    ),
    "a code that repeats the key": answers(400, json.dumps({"error": {"code": ADMIN}})),
    "dropped": dropped,
    "served and dropped": served_and_dropped,
    "cut short": cut_short,
    "served and cut short": served_and(cut_short),
    "no answer": hangs,
    "no end": endless,
    "no HTTP": garbage,
    "HTML that repeats the key": answers(200, f"<html>{ADMIN} {SECRET}</html>"),
    "cut JSON": answers(200, made()[:-3]),
    "no identifier": answers(200, made(id=None)),
    "a secret that is none": answers(200, made(secret=[SECRET])),
    "active as the secret": answers(200, made(is_active=SECRET)),
    "events of the secret": answers(200, made(events=SECRET)),
    "success that is none": answers(200, json.dumps({"success": SECRET, "data": MADE})),
    "not success": answers(200, json.dumps({"success": False, "message": SECRET, "data": MADE})),
}


@pytest.fixture
def limits(quick: Any) -> Any:
    return attrs.evolve(quick, attempts=2, attempt_s=0.2)


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger at its lowest level, asyncio in its debug mode."""
    caplog.set_level(1)
    loggers = [logging.getLogger(name) for name in ("", "aiohttp", "aiohttp.client", "asyncio", "stamina")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(1)
    yield caplog
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def told(error: BaseException) -> str:
    """All that an error holds on to."""
    reports = traceback.TracebackException.from_exception(error, capture_locals=True)
    attributes = [repr(vars(each)) for each in chain(error)]
    return "\n".join([str(error), repr(error), *reports.format(), *attributes])


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)


async def attempt(client: WebhooksClient, name: str) -> CambistError | None:
    """Make a call; the frame of the test itself shall not be a part of the trace."""
    calls = {
        "create": lambda: client.create(ENDPOINT, ["payment.completed"]),
        "list": client.list,
        "delete": lambda: client.delete("wh_1"),
        "update": lambda: client.update("wh_1", is_active=True),
        "send_test": lambda: client.send_test("wh_1"),
    }
    try:
        await calls[name]()
    except CambistError as error:
        return error
    return None


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
@pytest.mark.parametrize("name", ["create", "list", "delete", "update", "send_test"])
async def test_no_error_and_no_log_holds_a_credential(
    name: str, fault: Fault, limits: Any, platform: Platform, everything_logged: pytest.LogCaptureFixture
) -> None:
    asyncio.get_running_loop().set_debug(True)
    platform.next.extend([fault] * 2)
    async with WebhooksClient(ADMIN, base_url=platform.url, limits=limits) as client:
        error = await attempt(client, name)
        platform.next.clear()
    if error is not None:
        assert list(chain(error)) == [error]
        assert ADMIN not in told(error)
        assert "whsec_told" not in told(error)
    assert ADMIN not in logged(everything_logged)
    assert "whsec_told" not in logged(everything_logged)


async def test_this_would_find_a_credential(platform: Platform) -> None:
    """The same looking finds the key in aiohttp's own error."""
    from aiohttp import ClientError, ClientSession

    platform.next.append(garbage)
    async with ClientSession() as session:
        try:
            await session.get(f"{platform.url}/webhooks", headers={"Authorization": f"Bearer {ADMIN}"})
        except ClientError as error:
            found = told(error)
    assert ADMIN in found


async def test_no_repr_or_copy_holds_a_credential(client: WebhooksClient, platform: Platform) -> None:
    platform.next.append(answers(200, made()))
    created = await client.create(ENDPOINT, ["a"])
    transport = client._transport()
    shown = f"{client!r} {client} {vars(client)} {transport!r} {transport.exchange!r} {created!r} {created}"
    shown += f"{attrs.asdict(created)} {attrs.astuple(created)}"
    assert ADMIN not in shown
    assert SECRET not in shown
    for each in (client, created, transport.exchange):
        with pytest.raises(TypeError):
            pickle.dumps(each)


@pytest.fixture
def retries_logged() -> Iterator[None]:
    """Where structlog is installed, stamina tells of retries by that."""
    before = get_on_retry_hooks()
    set_on_retry_hooks([LoggingOnRetryHook])
    yield
    set_on_retry_hooks(before)


@pytest.mark.usefixtures("retries_logged")
async def test_a_retry_is_logged_without_what_the_api_says(
    client: WebhooksClient, platform: Platform, everything_logged: pytest.LogCaptureFixture
) -> None:
    said = json.dumps({"error": {"code": "some_code", "message": "Some message."}})
    platform.next.append(answers(503, said))
    await client.list()
    records = [record for record in everything_logged.records if record.name == "stamina"]
    assert len(records) == 1
    assert "AnySpend answered 503" in vars(records[0])["stamina.caused_by"]
    assert "Some message" not in logged(everything_logged)
