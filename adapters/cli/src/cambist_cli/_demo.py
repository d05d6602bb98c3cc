"""`cambist demo`: genuine callbacks travel the whole way, and a forged one is refused."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from datetime import UTC, datetime

import click
from aiohttp import ClientSession
from attrs import evolve

from cambist import Delivery, PaymentEvent, Pipeline, Receiver, Registry, Route, Sample, Source
from cambist.errors import ConfigurationError
from cambist_aiohttp import serving
from cambist_cli._console import console
from cambist_cli._log import log_to_stderr
from cambist_cli._output import print_event
from cambist_cli._signature import signed

_amount = re.compile(rb'("amount":")(\d)([\d.]*)').search


@click.command("demo")
def command() -> None:
    """Watch callbacks become events, and a forged one refused.

    The callbacks of CoinsPaid's document are signed with a random secret and sent over real HTTP to a
    server that this starts. Events go to stdout, comments to stderr.
    """
    log_to_stderr(logging.WARNING)
    registry = Registry.load()
    if "coinspaid" not in registry.providers:
        raise ConfigurationError("the demo sends CoinsPaid's callbacks: pip install cambist-coinspaid")
    source = Source("demo", "coinspaid", {"secrets": [secrets.token_urlsafe(32)]})
    if not asyncio.run(_demo(Pipeline([source], registry=registry))):
        raise click.ClickException("the demo did not go as it should, see above")


async def _demo(pipeline: Pipeline) -> bool:
    """Return whether all genuine callbacks were accepted and the forged one refused."""
    (route,) = pipeline.routes
    arrived: list[PaymentEvent] = []

    async def on_event(event: PaymentEvent) -> None:
        arrived.append(event)

    async with serving(Receiver(pipeline, on_event)) as address, ClientSession() as client:
        url = f"{address}/webhooks/{route.source.name}"
        _say(f"Listening on {url} with a random secret.")
        accepted = 0
        for sample in route.provider.samples:
            headers = _headers(route, sample)
            _say(f"\nPOST {sample.name}: {len(sample.body)} bytes, signed in {headers[-1][0]}")
            status = await _post(client, url, sample.body, headers)
            _say(f"  answered {status}, {len(arrived)} event{'s' * (len(arrived) != 1)} at the handler")
            accepted += status == 200 and len(arrived) > 0
            for event in arrived:
                print_event(event)
            arrived.clear()
        refused = await _forge(client, url, route) and not arrived
    total = len(route.provider.samples)
    _say(f"\n{accepted} of {total} genuine callbacks became events.")
    _say("The forged one was refused." if refused else "The forged one was NOT refused.")
    return refused and accepted == total


async def _forge(client: ClientSession, url: str, route: Route) -> bool:
    """Send a callback with one digit changed under its old signature; return whether that was refused."""
    genuine = route.provider.samples[0]
    forged, change = _with_a_digit_changed(genuine)
    _say(f"\nPOST {genuine.name}, forged: the amount {change}, the signature as before")
    status = await _post(client, url, forged.body, _headers(route, genuine))
    _say(f"  answered {status}")
    return status == 401


def _headers(route: Route, sample: Sample) -> tuple[tuple[str, str], ...]:
    delivery = Delivery(route.source.name, sample.headers, sample.body, datetime.now(UTC))
    return (("Content-Type", "application/json"), *sample.headers, *signed(route, delivery))


def _with_a_digit_changed(sample: Sample) -> tuple[Sample, str]:
    found = _amount(sample.body)
    if found is None:
        raise ConfigurationError("the demo found no amount in the first sample")
    other = b"8" if found[2] == b"9" else b"9"
    body = sample.body[: found.start(2)] + other + sample.body[found.end(2) :]
    return evolve(sample, body=body), f"{(found[2] + found[3]).decode()} -> {(other + found[3]).decode()}"


async def _post(client: ClientSession, url: str, body: bytes, headers: tuple[tuple[str, str], ...]) -> int:
    async with client.post(url, data=body, headers=headers) as response:
        return response.status


def _say(text: str) -> None:
    """Comment on stderr, so that stdout has nothing but events."""
    console(stderr=True).print(text, soft_wrap=True)
