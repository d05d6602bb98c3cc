"""A run of the simulator, from its samples to its summary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from random import Random, SystemRandom
from time import monotonic
from typing import Any

import click

from cambist import Sample
from cambist_cli._progress import progress
from cambist_cli._send_account import Account
from cambist_cli._send_client import Client, Outcome
from cambist_cli._send_plan import Shot, shots, shuffled, total
from cambist_cli._send_summary import Summary
from cambist_cli._send_variants import Vary, variations
from cambist_cli._text import printable


def run_all(
    client: Client,
    samples: Sequence[Sample],
    *,
    count: int | None,
    duplicate: float,
    tamper: float,
    shuffle: bool,
    rate: float | None,
    seed: int | None,
) -> dict[str, Any]:
    """Send everything, and return the summary as JSON has it.

    Args:
        client: Sends it.
        samples: The first round.
        count: How many genuine deliveries; each sample once unless given.
        duplicate: For which share of them there is a duplicate.
        tamper: For which share of them there is a forgery.
        shuffle: Whether their order is random.
        rate: How many are begun in a second; as fast as they are answered unless given.
        seed: What the choices depend on; a new one unless given.

    Raises:
        ConfigurationError: A delivery cannot be made.
    """
    count = len(samples) if count is None else count
    seed = SystemRandom().randrange(2**32) if seed is None else seed
    rng = Random(seed)  # noqa: S311  # no secret depends on it
    if tamper:
        client.account.forged(samples[0], seed)
    varied = [_varied(client.account, sample, again=count > len(samples)) for sample in samples]
    planned = shots(varied, count, duplicate=duplicate, tamper=tamper, rng=rng)
    expected = total(count, duplicate=duplicate, tamper=tamper)
    summary = Summary()
    begun = monotonic()
    with progress("Sending") as advance:

        def told(outcome: Outcome) -> None:
            summary.add(outcome)
            advance(summary.deliveries, expected)

        asyncio.run(_send(client, shuffled(planned, rng) if shuffle else planned, rate, told))
    return summary.document(monotonic() - begun, seed)


async def _send(
    client: Client, planned: Iterable[Shot], rate: float | None, told: Callable[[Outcome], None]
) -> None:
    async with client:
        await client.send_all(planned, rate, told)


def _varied(account: Account, sample: Sample, *, again: bool) -> Vary:
    """Return how a sample is another event in each round; if that cannot be had, say so once."""
    vary = variations(account.pipeline, account.route.source.name, sample) if again else None
    if again and vary is None:
        click.echo(
            f"{printable(sample.name)}: no other event can be made of it: it is sent as it is", err=True
        )
    return vary or (lambda _: sample)
