"""What each provider does, side by side: all of it read off the records, the schemes and the settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import metadata
from pathlib import Path

from _generate.choices import Choice, choices
from _generate.markdown import table
from _generate.settings import rows_of_settings
from cambist import Acknowledgement, Delivery, Pipeline, Provider, Registered, Registry, Route
from cambist.verification import Replay

PAGE = """\
# The providers side by side

<!-- Made by docs/generate.py from the code. Change the code, then run it. -->

Each row is a provider that a source can name. The name leads to its page.

## What they send

The objects are those that have a status, each with the number of words that are known for it.

{sent}\
- *Card numbers*: whether the provider may send whole ones. They are masked before anything is stored or
  shown.
- *Answer*: what the provider is told once your handler has the event.
- *Samples*: deliveries to try things out with, as `cambist demo` does.

## How they are verified

Each row has the settings that a choice needs, and the scheme that a delivery then has to pass, by the name
that events report. What a scheme proves is said in [verification](../reference/verification.md).

{verified}\
- *Replays*: what refuses a captured delivery that is sent again. With "nothing", and within the tolerance of
  a signed time, it is a genuine delivery for a second time: [handle each event
  once](../how-to/handle-an-event.md#handle-each-event-once).
- *Signs*: whether `cambist sign` can make the headers of a genuine delivery. It cannot where only the sender
  has the key, or where no header proves anything.

## Settings

A setting without a default may be left out. What holds then is said on the provider's page, and so is which
settings go together.

{settings}\
"""
REPLAYS = {Replay.NONE: "nothing", Replay.FRESHNESS: "a signed time"}
PRIVATE = "Private :: Do Not Upload"


def matrix_page(page_of: Mapping[str, Path]) -> str:
    """Return the page, given the page of each provider.

    Raises:
        SystemExit: A provider of a distribution that is published has no page with its statuses.
    """
    registry = Registry.load()
    found = [each for each in registry.providers.values() if _is_published(each)]
    if missing := {each.provider.name for each in found} - page_of.keys():
        raise SystemExit(f"no page under docs/providers has the statuses of {', '.join(sorted(missing))}")
    sent, verified, settings = [], [], []
    for registered in found:
        provider = registered.provider
        link = f"[`{provider.name}`]({page_of[provider.name].name})"
        options = list(choices(provider, registry, page_of[provider.name].read_text()))
        sent.append((link, f"`{registered.distribution}`", *_sent(provider, options[0].route, registry)))
        verified += [(link, *row) for row in _verified(options)]
        settings += [(link, *row) for row in rows_of_settings(provider.settings)]
    return PAGE.format(
        sent=table(
            ("Provider", "Distribution", "Objects", "Media type", "Card numbers", "Answer", "Samples"), sent
        ),
        verified=table(("Provider", "Settings", "Scheme", "Replays", "Signs"), verified),
        settings=table(("Provider", "Setting", "Type", "Default"), settings).removesuffix("\n"),
    )


def _is_published(registered: Registered) -> bool:
    return PRIVATE not in (metadata(registered.distribution).get_all("Classifier") or ())


def _sent(provider: Provider, route: Route, registry: Registry) -> tuple[str, ...]:
    return (
        ", ".join(f"`{group}` {len(words)}" for group, words in provider.statuses.items()) or "none",
        ", ".join(f"`{media_type}`" for media_type in provider.media_types),
        "masked" if provider.redact else "none",
        _answer(route, registry),
        str(len(provider.samples)),
    )


def _answer(route: Route, registry: Registry) -> str:
    """Return what the samples are answered with."""
    pipeline = Pipeline([route.source], registry=registry)
    told = {
        pipeline.parse(Delivery(route.source.name, sample.headers, sample.body)).acknowledgement
        for sample in route.provider.samples
    }
    return " or ".join(dict.fromkeys(map(_in_words, sorted(told, key=lambda each: each.body))))


def _in_words(told: Acknowledgement) -> str:
    if not told.body:
        return f"empty {told.status}"
    # What differs from one delivery to the next is an identifier.
    body = re.sub(r'"[A-Za-z]+_[0-9a-f]{32}"', '"…"', told.body.decode())
    return f"{told.status}, `{body}`"


def _verified(options: list[Choice]) -> Iterator[tuple[str, ...]]:
    for option in options:
        scheme = option.route.scheme
        yield option.text, f"`{scheme.name}`", REPLAYS[scheme.replay], "yes" if option.signs else "no"
