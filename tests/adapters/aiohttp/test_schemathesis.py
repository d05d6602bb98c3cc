"""The server does what the OpenAPI document says: schemathesis looks for anything that it does not."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from cambist import PaymentEvent, Pipeline, Receiver, Source
from cambist_aiohttp import openapi, serving

KEY = "k3y"
SOURCES = [
    Source("open", "stellar-anchor", {"auth": "none"}, path="/event"),
    Source("keyed", "anyspend-order", {"api_keys": [KEY]}, path="/v1/internal/anyspend/order-completed"),
    Source("bearer", "stellar-anchor", {"auth": "jwt", "secrets": [KEY]}),
    Source("signed", "coinspaid", {"secrets": [KEY], "api_key": KEY}),
    Source("path", "alchemypay-card", {"auth": "path", "secrets": [KEY]}),
    Source("basic", "alchemypay-card", {"auth": "basic", "username": "user", "secrets": [KEY]}),
]
# A body is in the provider's form, which this document leaves to the provider's: 400 is right for any other.
SETTINGS = f"""
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401"]
[auth.openapi."api-key.x-api-key"]
api_key = "{KEY}"
[auth.openapi."basic.http"]
username = "user"
password = "{KEY}"
"""


async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    handled: list[PaymentEvent] = []

    async def on_event(event: PaymentEvent) -> None:
        handled.append(event)

    pipeline = Pipeline(SOURCES)
    (tmp_path / "openapi.json").write_text(json.dumps(openapi(pipeline)))
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    async with serving(Receiver(pipeline, on_event)) as address:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json"),
            *("--url", address, "--checks", "all", "--max-examples", "10", "--generation-deterministic"),
            *("--continue-on-failure", "--no-shrink", "--no-color", "--warnings", "off"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    assert f"Tested: {4 * 8}" in text  # four operations of each URL
    assert {event.source for event in handled} == {"open", "keyed", "basic"}  # those that it can sign for
