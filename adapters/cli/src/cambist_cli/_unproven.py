"""A pipeline for bodies that are not to be proven genuine: ``normalize --no-verify``."""

from __future__ import annotations

import secrets

from attrs import evolve, frozen

from cambist import Pipeline, Provider, Registry, Source, hookimpl
from cambist.errors import ConfigurationError
from cambist.verification import Unverified
from cambist_cli._settings import secret_settings


class _Skipped(Unverified):
    @property
    def name(self) -> str:
        return "skipped"


@frozen(eq=False)
class _Plugin:
    provider: Provider

    @hookimpl
    def cambist_register_providers(self) -> list[Provider]:
        return [self.provider]


def unproven(registry: Registry, source: Source) -> Pipeline:
    """Return a pipeline of one source, for `Pipeline.parse` alone, that asks for no secret.

    Raises:
        ConfigurationError: A setting is malformed, or one that is no secret is missing.
    """
    found = registry.providers.get(source.provider)
    if found is None:
        return Pipeline([source], registry=registry)  # which says so
    provider = evolve(found.provider, verification=lambda _: _Skipped())
    parsing = Registry()
    parsing.register(_Plugin(provider), distribution=found.distribution, version=found.version)
    try:
        return Pipeline([source], registry=parsing)
    except ConfigurationError:
        throw_away = {name: [secrets.token_urlsafe(32)] for name in secret_settings(provider)}
        return Pipeline([evolve(source, settings={**throw_away, **source.settings})], registry=parsing)
