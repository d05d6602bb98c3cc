"""Does the receiver serve the providers that are installed? Run by alone.py, with no test tools at hand."""

from __future__ import annotations

import asyncio
import base64
import logging
from datetime import UTC, datetime

from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cambist import Delivery, PaymentEvent, Pipeline, Receiver, Registry, Route, Sample, Source
from cambist_aiohttp import serving

Headers = tuple[tuple[str, str], ...]
# The private key 00…00, and its public key as Stellar writes it.
ANCHOR = Ed25519PrivateKey.from_private_bytes(bytes(32))
SIGNING_KEY = "GA5WUJ54Z23KILLCUOUNAKTPBVZWKMQVO4O6EQ5GHLAERIMLLHNCSKYH"
HOST = "wallet.example"
# The settings of a source, where secrets alone are not enough.
SETTINGS: dict[str, dict[str, object]] = {
    "alchemypay-card": {"auth": "signed", "secrets": ["s3cret"]},
    "anyspend-order": {"api_keys": ["s3cret"]},
    "coinspaid": {"secrets": ["s3cret"], "api_key": "account"},
    "stellar-anchor": {"auth": "jwt", "secrets": ["s3cret"]},
    "stellar-wallet": {"signing_key": SIGNING_KEY, "callback_host": HOST},
}


def signed(route: Route, sample: Sample, path: str) -> Headers:
    """Return what makes a sample genuine. Only an anchor can sign for itself, so here we are one."""
    now = datetime.now(UTC)
    if route.provider.name == "stellar-wallet":
        time = int(now.timestamp())
        signature = base64.b64encode(ANCHOR.sign(f"{time}.{HOST}.".encode() + sample.body)).decode()
        return (("Signature", f"t={time}, s={signature}"),)
    delivery = Delivery(route.source.name, sample.headers, sample.body, now, path)
    return route.provider.signature(route.settings, delivery)


def forged(headers: Headers) -> Headers:
    """Return the headers with one character of the signature, which is the last of them, changed."""
    *others, (name, value) = headers
    other = "b" if value[-9:-8] in "Aa" else "a"  # hex may be in either case
    return (*others, (name, value[:-9] + other + value[-8:]))


async def take(receiver: Receiver, route: Route, events: list[PaymentEvent]) -> None:
    """Send each sample of a provider, and a forgery of it."""
    path = f"/webhooks/{route.source.name}"
    async with serving(receiver) as address, ClientSession(address) as session:
        for sample in route.provider.samples:
            headers = signed(route, sample, path)
            common = (("Content-Type", route.provider.media_types[0]), *sample.headers)
            async with session.post(path, data=sample.body, headers=(*common, *forged(headers))) as answer:
                assert answer.status == 401, (route.provider.name, sample.name, answer.status)
                assert not events
            async with session.post(path, data=sample.body, headers=(*common, *headers)) as answer:
                given = Delivery(route.source.name, (*sample.headers, *headers), sample.body)
                told = receiver.pipeline.parse(given).acknowledgement
                assert (answer.status, await answer.read()) == (told.status, told.body), sample.name
            assert events, sample.name
            events.clear()


def main(providers: list[str]) -> None:
    """Serve every provider, each as a source of its own."""
    logging.getLogger("cambist").setLevel(logging.ERROR)  # what is refused here is meant to be
    events: list[PaymentEvent] = []

    async def on_event(event: PaymentEvent) -> None:
        events.append(event)

    sources = [Source(f"my-{name}", name, SETTINGS.get(name, {"secrets": ["s3cret"]})) for name in providers]
    receiver = Receiver(Pipeline(sources, registry=Registry.load()), on_event)
    for route in receiver.pipeline.routes:
        assert route.provider.samples, route.provider.name
        asyncio.run(take(receiver, route, events))
        print(f"{route.provider.name}: {len(route.provider.samples)} samples received, no forgery of them")
