"""What a provider's settings class says about its settings."""

from __future__ import annotations

from typing import get_args, get_type_hints

import attrs

from cambist import Provider, Secrets


def required_settings(provider: Provider) -> dict[str, bool]:
    """Return the names of the provider's settings, and whether each one must be given."""
    return {field.name: field.default is attrs.NOTHING for field in attrs.fields(provider.settings)}


def secret_settings(provider: Provider) -> list[str]:
    """Return the names of those settings that are secrets."""
    hints = get_type_hints(provider.settings)
    names = (field.name for field in attrs.fields(provider.settings))
    return [name for name in names if Secrets in (hints[name], *get_args(hints[name]))]


def main_secret_setting(provider: Provider) -> str:
    """Return the setting that ``--secret`` means: ``secrets``, or the only secret that there is."""
    names = secret_settings(provider)
    return names[0] if len(names) == 1 else "secrets"
