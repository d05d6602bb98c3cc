"""`cambist send`: the provider, simulated."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click
from attrs import evolve

from cambist import Pipeline, Registry, Sample
from cambist.errors import ConfigurationError
from cambist_cli._config import load_config
from cambist_cli._console import console
from cambist_cli._listing import as_line, print_line, wants_json
from cambist_cli._options import (
    configured_source,
    header_option,
    path_option,
    read_body,
    secret_option,
    set_option,
)
from cambist_cli._send_account import Account
from cambist_cli._send_client import Client
from cambist_cli._send_run import run_all
from cambist_cli._send_summary import shown


class _Finite(click.FloatRange):
    """A number within bounds, which `nan` is by every comparison."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", param, ctx)
        return number


_SHARE = _Finite(0, 1)
_MORE = _Finite(0, min_open=True)


@click.command("send")
@click.argument("target", nargs=-1, required=True, metavar="[PROVIDER] URL [FILE]...")
@click.option("--source", metavar="NAME", help="Send as the provider of this source of the configuration.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default="cambist.toml",
    show_default=True,
    help="The configuration file, for --source.",
)
@secret_option
@set_option
@header_option
@path_option
@click.option("--count", type=click.IntRange(1), help="How many deliveries.  [default: each sample once]")
@click.option("--rate", type=_MORE, help="How many in a second.  [default: as fast as they are answered]")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 10_000),
    default=8,
    show_default=True,
    help="How many at once at most.",
)
@click.option("--duplicate", type=_SHARE, default=0.0, help="Send this share of them once more.")
@click.option("--tamper", type=_SHARE, default=0.0, help="Send this share of them forged, too.")
@click.option("--shuffle", is_flag=True, help="Send them in a random order.")
@click.option("--retries", is_flag=True, help="Send again what is not acknowledged, as the provider does.")
@click.option("--speed", type=_MORE, default=1.0, help="How much faster the retries are than the provider's.")
@click.option("--timeout", type=_MORE, default=30.0, show_default=True, help="Seconds to wait for an answer.")
@click.option("--seed", type=click.IntRange(0), help="Make the choices of an earlier run again.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON, also on a terminal.")
def command(target: Sequence[str], as_json: bool, **options: Any) -> None:
    """Simulate a provider.

    The samples out of the provider's document, or the bodies in each FILE ('-' is stdin), are signed and sent
    to URL, and the answers are counted. A second round and every one after it are other events: what tells
    them apart is replaced. The exit code is 1 if a genuine one was not acknowledged, or a forged one was.
    """
    provider, url, files = _arguments(target, options["source"])
    pipeline = _pipeline(provider, **_only(options, "source", "config", "secrets", "settings"))
    account = Account(pipeline, options["request_path"] or unquote(urlsplit(url).path) or "/")
    samples = _samples(account, files, options["headers"])
    client = Client(
        account,
        url,
        concurrency=options["concurrency"],
        timeout=options["timeout"],
        waits=_waits(account, options["speed"]) if options["retries"] else (),
    )
    document = run_all(
        client, samples, **_only(options, "count", "duplicate", "tamper", "shuffle", "rate", "seed")
    )
    if wants_json(as_json):
        print_line(as_line(document))
        sys.stdout.flush()
    else:
        for part in shown(document):
            console().print(part)
    if document["accepted_forgeries"]:
        raise click.ClickException(
            f"FORGED DELIVERIES WERE ACCEPTED: {document['accepted_forgeries']}. The receiver does not verify"
        )
    if document["unexpected"]:
        share = f"{document['unexpected']} of {document['deliveries']}"
        raise click.ClickException(f"{share} deliveries were not answered as they should be")


def _only(options: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: options[name] for name in names}


def _arguments(target: Sequence[str], source: str | None) -> tuple[str | None, str, Sequence[str]]:
    """Return the provider, if it is one of the arguments, the URL and the files."""
    rest = list(target)
    provider = rest.pop(0) if source is None else None
    url = rest.pop(0) if rest else ""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        first = "PROVIDER" if source is None else "--source NAME"
        raise click.UsageError(
            f"Give {first} and then a URL like http://127.0.0.1:8080/webhooks/shop.",
            click.get_current_context(),
        )
    return provider, url, rest


def _pipeline(
    provider: str | None, source: str | None, config: Path, secrets: Sequence[str], settings: dict[str, Any]
) -> Pipeline:
    """Return the pipeline of the one source that is meant.

    Raises:
        ConfigurationError: It is malformed, or there is none of this name.
    """
    if provider is not None:
        registry = Registry.load()
        return Pipeline([configured_source(registry, "cli", provider, secrets, settings)], registry=registry)
    if secrets or settings:
        raise click.UsageError(
            "--source has its settings in the configuration: give no --secret and no --set.",
            click.get_current_context(),
        )
    loaded = load_config(config)
    found = [each for each in loaded.sources if each.name == source]
    if not found:
        names = ", ".join(each.name for each in loaded.sources)
        raise ConfigurationError(f"{config}: [[sources]]: none is called {source!r} (there are: {names})")
    with loaded.blamed():
        # Where it is sent from is up to the receiver: here is no sender's address yet.
        simulated = [evolve(each, allow=()) for each in found]
        return Pipeline(simulated, registry=Registry.load(loaded.plugins.load))


def _samples(account: Account, files: Sequence[str], headers: Sequence[tuple[str, str]]) -> list[Sample]:
    """Return what is sent in the first round, seen to be genuine."""
    samples = [Sample(file, read_body(file)) for file in files] or account.route.provider.samples
    if not samples:
        raise click.ClickException("the provider has no samples: give a FILE")
    samples = [evolve(sample, headers=(*sample.headers, *headers)) for sample in samples]
    for sample in samples:
        account.genuine(sample)
    return samples


def _waits(account: Account, speed: float) -> tuple[float, ...]:
    provider = account.route.provider
    if not provider.retries:
        raise click.ClickException(f"--retries: no document tells when {provider.name} delivers again")
    return tuple(wait / speed for wait in provider.retries)
