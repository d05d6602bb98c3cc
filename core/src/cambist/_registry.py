"""Which providers, sinks and observers there are. Our own loader: it names the distribution at fault."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from attrs import frozen

from cambist import hookspecs
from cambist._provider import Provider
from cambist.errors import ConfigurationError, PluginError

_SPECS = {name for name in vars(hookspecs) if name.startswith("cambist_")}


@frozen
class Registered:
    """A provider, and the release that brought it."""

    provider: Provider
    distribution: str
    version: str


class Registry:
    """The loaded plugins.

    `load` finds the installed ones; `register` adds one by hand, in a test or an application.
    """

    def __init__(self) -> None:
        self._plugins = pluggy.PluginManager("cambist")
        self._plugins.add_hookspecs(hookspecs)
        self._providers: dict[str, Registered] = {}
        self._sinks: dict[str, tuple[hookspecs.SinkFactory, str]] = {}

    @classmethod
    def load(cls, only: Iterable[str] | None = None) -> Registry:
        """Return a registry of the installed plugins, in the order of their distributions' names.

        Args:
            only: The names of the entry points to load; all of them unless given.

        Raises:
            PluginError: A plugin fails at import, misspells a hook, or claims a name that another has.
            ConfigurationError: A name in ``only`` is not installed.
        """
        wanted = None if only is None else set(only)
        registry = cls()
        found = sorted(entry_points(group=hookspecs.ENTRY_POINT_GROUP), key=lambda e: (_owner(e)[0], e.name))
        for entry in found:
            if wanted is None or entry.name in wanted:
                distribution, version = _owner(entry)
                try:
                    plugin = entry.load()
                except (Exception, SystemExit) as error:
                    raise PluginError(
                        f"entry point {entry.name!r} cannot be loaded: {type(error).__name__}: {error}",
                        distribution=distribution,
                    ) from error
                registry.register(plugin, distribution=distribution, version=version)
        if wanted and (missing := wanted - {entry.name for entry in found}):
            raise ConfigurationError(f"plugins not installed: {', '.join(sorted(missing))}")
        return registry

    def register(self, plugin: object, *, distribution: str = "unreleased", version: str = "0") -> None:
        """Add one plugin: a module, or any object with hook implementations.

        Raises:
            PluginError: It misspells a hook, or claims a name that another has.
        """
        self._check_hooks(plugin, distribution)
        try:
            self._plugins.register(plugin)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(
                f"a hook has another form than its spec: {error}", distribution=distribution
            ) from error
        for caller in self._plugins.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                raise PluginError(f"hook {caller.name!r} does not exist", distribution=distribution)
            for found in caller.get_hookimpls():
                if found.plugin is plugin and not _is_plain(found):
                    raise PluginError(
                        f"hook {caller.name!r} is async or a wrapper and would never run: make it a function",
                        distribution=distribution,
                    )
        for provider in self._returned(plugin, "cambist_register_providers", distribution, ()):
            self._add_provider(provider, distribution, version)
        sinks = self._returned(plugin, "cambist_register_sinks", distribution, {})
        for scheme in sinks:
            if scheme in self._sinks:
                raise PluginError(
                    f"sink scheme {scheme!r} is already taken by {self._sinks[scheme][1]}",
                    distribution=distribution,
                )
            self._sinks[scheme] = (sinks[scheme], distribution)

    @property
    def providers(self) -> Mapping[str, Registered]:
        """All providers by name, in order of their names."""
        return {name: self._providers[name] for name in sorted(self._providers)}

    @property
    def sinks(self) -> Mapping[str, hookspecs.SinkFactory]:
        """All sink factories by URL scheme."""
        return {scheme: factory for scheme, (factory, _) in sorted(self._sinks.items())}

    def observers(self, hook: str) -> tuple[tuple[str, Callable[..., Any]], ...]:
        """Return the implementations of an observing hook, each with its plugin's name, called by keyword."""
        implementations = getattr(self._plugins.hook, hook).get_hookimpls()
        return tuple((found.plugin_name, _by_keyword(found)) for found in reversed(implementations))

    def _returned(self, plugin: object, hook: str, distribution: str, default: Any) -> Any:
        # As pluggy knows it: `@hookimpl(specname=…)` lets the function have another name.
        implementations = getattr(self._plugins.hook, hook).get_hookimpls()
        function = next((found.function for found in implementations if found.plugin is plugin), None)
        if function is None:
            return default
        try:
            result = function()
            return dict(result) if isinstance(default, dict) else tuple(result)
        except Exception as error:
            raise PluginError(
                f"hook {hook!r} failed: {type(error).__name__}: {error}", distribution=distribution
            ) from error

    def _add_provider(self, provider: object, distribution: str, version: str) -> None:
        if not isinstance(provider, Provider):
            raise PluginError(
                f"cambist_register_providers gave a {type(provider).__name__}, not a Provider",
                distribution=distribution,
            )
        if taken := self._providers.get(provider.name):
            raise PluginError(
                f"provider {provider.name!r} is already taken by {taken.distribution}: "
                "uninstall one, or load only one by its entry point",
                distribution=distribution,
            )
        self._providers[provider.name] = Registered(provider, distribution, version)

    def _check_hooks(self, plugin: object, distribution: str) -> None:
        """Find what pluggy would pass over in silence."""
        for name in dir(plugin):
            if not name.startswith("cambist_") or not callable(found := getattr(plugin, name)):
                continue
            if name not in _SPECS:
                close = difflib.get_close_matches(name, _SPECS, 1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise PluginError(f"hook {name!r} does not exist{hint}", distribution=distribution)
            if not hasattr(found, "cambist_impl"):
                raise PluginError(f"hook {name!r} is not marked with @hookimpl", distribution=distribution)


def _is_plain(implementation: pluggy.HookImpl) -> bool:
    function = inspect.unwrap(implementation.function)
    generates = inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function)
    return not (generates or implementation.wrapper or implementation.hookwrapper)


def _by_keyword(implementation: pluggy.HookImpl) -> Callable[..., Any]:
    """Let an implementation take fewer arguments than its spec, as pluggy does."""
    function, names = implementation.function, implementation.argnames
    return lambda **given: function(*(given[name] for name in names))


def _owner(entry: EntryPoint) -> tuple[str, str]:
    return (entry.dist.name, entry.dist.version) if entry.dist else ("unknown", "0")
