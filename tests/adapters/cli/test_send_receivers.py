"""`cambist send`, against receivers of ours: each event arrives once, and no forgery does."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist_aiohttp import serving

SECRET = "the-s3cret"


def counted(document: Any) -> dict[str, dict[str, int]]:
    answers: dict[str, dict[str, int]] = document["answers"]
    return answers


ACCOUNTS = {
    "anyspend": {"secrets": [SECRET]},
    "anyspend-order": {"api_keys": [SECRET]},
    "coinspaid": {"secrets": [SECRET], "api_key": "public"},
    "pennywhistle": {"secrets": [SECRET]},
    "stellar-anchor": {"auth": "jwt", "secrets": [SECRET]},
    "alchemypay-card": {"auth": "signed", "secrets": [SECRET]},
}
OTHERS = {
    "stellar-anchor": {"auth": "api_key", "secrets": [SECRET]},
    "alchemypay-card": {"auth": "basic", "username": "us", "secrets": [SECRET]},
}


@contextmanager
def received(provider: str, settings: dict[str, Any]) -> Iterator[tuple[str, list[PaymentEvent]]]:
    """Receive for a source in another thread; return its URL and the events."""
    events: list[PaymentEvent] = []
    address: Future[str] = Future()
    loop = asyncio.new_event_loop()
    end = asyncio.Event()

    async def on_event(event: PaymentEvent) -> None:
        events.append(event)

    async def receive() -> None:
        pipeline = Pipeline([Source("shop", provider, settings)])
        async with serving(Receiver(pipeline, on_event)) as url:
            address.set_result(f"{url}/webhooks/shop")
            await end.wait()

    def run() -> None:
        try:
            loop.run_until_complete(receive())
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield address.result(timeout=30), events
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


@pytest.mark.parametrize(
    ("provider", "settings"),
    [*ACCOUNTS.items(), *OTHERS.items()],
    ids=[*ACCOUNTS, *map("{}-".format, OTHERS)],
)
def test_a_receiver_takes_what_is_genuine_and_nothing_else(
    cambist: Any, provider: str, settings: dict[str, Any]
) -> None:
    """Each delivery is another event; a duplicate is the same, and a forgery is none."""
    with received(provider, settings) as (url, events):
        given = [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
        result = cambist(
            "send", provider, url, *given, "--count=40", "--duplicate=0.25", "--tamper=0.5", "--shuffle"
        )
    document = json.loads(result.out)
    assert (result.code, result.err) == (0, "")
    assert counted(document) == {"genuine": {"200": 40}, "duplicate": {"200": 10}, "forged": {"401": 20}}
    assert len(events) == 50
    assert len({event.id for event in events}) == 40


def test_for_a_source_of_the_configuration(
    cambist: Any, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server and the sender read one file. What is stored is each event once."""
    monkeypatch.setenv("COINSPAID_SECRET", SECRET)
    (tmp_path / "cambist.toml").write_text(
        "[server]\nport = 0\n[inbox]\nurl = 'sqlite:///inbox.db'\n"
        "[[sources]]\nname = 'shop'\nprovider = 'coinspaid'\nsecrets = [{ env = 'COINSPAID_SECRET' }]\n"
        "allow = ['127.0.0.1']\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "cambist_cli", "serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**environ, "COINSPAID_SECRET": SECRET},
        cwd=tmp_path,
    )
    assert process.stdout is not None
    try:
        url = f"{process.stdout.readline().split()[-1]}/webhooks/shop"
        result = cambist(
            "send", "--source=shop", url, "--count=60", "--duplicate=0.2", "--tamper=0.2", "--concurrency=16"
        )
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
    assert (result.code, result.err) == (0, "")
    answers = counted(json.loads(result.out))
    assert answers == {"genuine": {"200": 60}, "duplicate": {"200": 12}, "forged": {"401": 12}}
    assert cambist("events", "--json").out.count("\n") == 60
