"""Commands that plugins bring: entry points of the group ``cambist.commands``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import click

from cambist.errors import PluginError

ENTRY_POINT_GROUP: Final = "cambist.commands"


def plugin_commands() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return the commands by name, in order of their names; nothing of theirs is imported."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: (e.name, owner(e))):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def plugin_command(name: str) -> click.Command | None:
    """Return the command of this name, imported, if a plugin brings it.

    Raises:
        PluginError: Two distributions bring it, it fails at import, or it is no command of click.
    """
    entries = plugin_commands().get(name, ())
    if not entries:
        return None
    entry, *others = entries
    if others:
        raise PluginError(
            f"command {name!r} is brought by {', '.join(map(owner, others))} as well: uninstall one",
            distribution=owner(entry),
        )
    problem = "is no command of click"
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001
        problem = f"cannot be loaded: {type(error).__name__}: {error}"
    else:
        if isinstance(found, click.Command):
            return found
    raise PluginError(f"command {name!r} {problem}", distribution=owner(entry))


def owner(entry: EntryPoint) -> str:
    """Return the name of the distribution that brings an entry point."""
    return entry.dist.name if entry.dist else "unknown"
