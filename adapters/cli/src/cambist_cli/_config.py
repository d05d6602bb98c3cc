"""The configuration file, ``cambist.toml``: read, and checked to the last key."""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from attrs import field, fields, frozen

from cambist import Pipeline, Registry, Source, resolve_references
from cambist.errors import ConfigurationError, PluginError
from cambist_cli._checks import checked, is_text, is_whole
from cambist_cli._inbox_table import Inbox, inbox_table

T = TypeVar("T")
_is_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", re.ASCII).fullmatch


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@frozen
class Server:
    """``[server]``: where deliveries are received.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        prefix: Under which path the sources are.
        max_body: The largest body, in bytes.
    """

    host: str = field(default="127.0.0.1", validator=checked(is_text, "is not an address or a host's name"))
    port: int = field(
        default=8080,
        validator=checked(lambda port: is_whole(port, 0, 65535), "is not a whole number from 0 to 65535"),
    )
    prefix: str = field(
        default="/webhooks",
        validator=checked(
            lambda prefix: isinstance(prefix, str) and re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix),
            "is not a path like /webhooks",
        ),
    )
    max_body: int = field(
        default=1024 * 1024,
        validator=checked(lambda size: is_whole(size, 1, 2**31), "is not a number of bytes from 1 to 2 GiB"),
    )


@frozen
class Plugins:
    """``[plugins]``: which of the installed plugins to load.

    Args:
        load: The names of their entry points; all of them unless given.
    """

    load: tuple[str, ...] | None = field(
        default=None,
        converter=_tuple,
        validator=checked(
            lambda names: names is None or (isinstance(names, tuple) and all(map(is_text, names))),
            "is not a list of plugins' names",
        ),
    )


@frozen
class SinkSettings:
    """One of ``[[sinks]]``.

    Args:
        url: Where events go; its scheme says which plugin takes them there. It may hold a password.
        options: The further keys, for the plugin.
        name: What the inbox calls it: events wait under this name.
    """

    url: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    name: str

    @property
    def scheme(self) -> str:
        """The URL's scheme: ``nats``."""
        return urlsplit(self.url).scheme


@frozen
class Config:
    """A configuration file as a whole.

    Args:
        path: The file, as errors name it.
        sources: The accounts, references to secrets resolved; at least one.
        server: Where deliveries are received.
        sinks: Where events go; to stdout if there is none, and no inbox.
        plugins: Which plugins to load.
        inbox: Where they are stored first, if they are.
    """

    path: Path
    sources: tuple[Source, ...]
    server: Server
    sinks: tuple[SinkSettings, ...]
    plugins: Plugins
    inbox: Inbox | None = None

    def wire(self) -> tuple[Registry, Pipeline]:
        """Return the plugins, and the pipeline of the sources.

        Raises:
            ConfigurationError: A plugin or provider is not installed, or a setting is unknown or malformed.
            PluginError: A plugin is at fault.
        """
        with self.blamed():
            registry = Registry.load(self.plugins.load)
            return registry, Pipeline(self.sources, registry=registry)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Name this file in the configuration errors raised inside of this context."""
        try:
            yield
        except PluginError:
            raise
        except ConfigurationError as error:
            failure = ConfigurationError(f"{self.path}: {error}")
        else:
            return
        raise failure


def load_config(path: Path) -> Config:
    """Return what a configuration file says, with the secrets that it refers to.

    Files that it refers to are looked for in its own folder.

    Raises:
        ConfigurationError: The file is missing or no TOML, or a table or key in it is unknown, missing or
            malformed. It names the file, the table and the key.
    """
    return _read(path, _config)


@frozen
class Stored:
    """As much of a configuration file as it takes to look at what is stored: no source, and no secret of one.

    Args:
        path: The file, as errors name it.
        inbox: Where it is stored.
        sinks: The names of the sinks.
    """

    path: Path
    inbox: Inbox
    sinks: tuple[str, ...]


def load_stored(path: Path) -> Stored:
    """Return what a configuration file says of the inbox.

    Raises:
        ConfigurationError: As `load_config` does; or it has no ``[inbox]``.
    """
    return _read(path, _stored)


def _read(path: Path, make: Callable[[Path, dict[str, Any]], T]) -> T:
    """Return what is made of a file. The errors of both name it."""
    try:
        return make(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except tomllib.TOMLDecodeError as error:
        problem = f"is not valid TOML: {error}"
    except UnicodeDecodeError:
        problem = "is not valid TOML: it is not in UTF-8"
    except RecursionError:
        problem = "is not valid TOML: it is nested too deeply"
    except ConfigurationError as error:
        problem = str(error)
    raise ConfigurationError(f"{path}: {problem}")


def _stored(path: Path, document: dict[str, Any]) -> Stored:
    if "inbox" not in document:
        raise ConfigurationError("[inbox]: is missing: nothing is stored without it")
    names = tuple(sink.name for sink in _sinks(document))
    return Stored(path, inbox_table(document["inbox"], path.parent), names)


def _config(path: Path, document: dict[str, Any]) -> Config:
    known = {
        "server": "[server]",
        "plugins": "[plugins]",
        "inbox": "[inbox]",
        "sources": "[[sources]]",
        "sinks": "[[sinks]]",
    }
    for key in sorted(document.keys() - known.keys()):
        raise ConfigurationError(f"{key}: is not known here; known are: {', '.join(known.values())}")
    sources = tuple(_source(where, table, path.parent) for where, table in _tables(document, "sources"))
    if not sources:
        raise ConfigurationError("[[sources]]: at least one is needed")
    return Config(
        path=path,
        sources=sources,
        server=_table(Server, document, "server"),
        sinks=_sinks(document),
        plugins=_table(Plugins, document, "plugins"),
        inbox=inbox_table(document["inbox"], path.parent) if "inbox" in document else None,
    )


def _table(cls: type[T], document: dict[str, Any], name: str) -> T:
    """Return a table as its class."""
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise ConfigurationError(f"{name}: write it as a table, [{name}]")
    known = [attribute.name for attribute in fields(cls)]  # type: ignore[arg-type]
    for key in sorted(table.keys() - set(known)):
        raise ConfigurationError(f"[{name}] {key}: is not known here; known are: {', '.join(known)}")
    try:
        return cls(**table)
    except ValueError as error:
        problem = str(error)
    raise ConfigurationError(f"[{name}] {problem}")


def _tables(document: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each table of an array of tables, and what to call it in an error."""
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(f"{name}: write each as a table of its own, [[{name}]]")
    for number, table in enumerate(tables, 1):
        called = table.get("name")
        yield f"[[{name}]] {called!r}" if is_text(called) else f"[[{name}]] number {number}", dict(table)


def _source(where: str, table: dict[str, Any], folder: Path) -> Source:
    name, provider = _text(where, table, "name"), _text(where, table, "provider")
    path = _text(where, table, "path") if "path" in table else None
    quarantine = table.pop("quarantine", False)
    if not isinstance(quarantine, bool):
        raise ConfigurationError(f"{where} quarantine: is neither true nor false")
    try:
        # A relative path begins at the file's own folder; an absolute one stays as it is.
        settings = resolve_references(
            table, os.environ, lambda file: (folder / file).read_text(encoding="utf-8")
        )
        return Source(name, provider, settings, path, quarantine)
    except ConfigurationError as error:
        problem = error.reason
    raise ConfigurationError(f"{where} {problem}")


def _sinks(document: dict[str, Any]) -> tuple[SinkSettings, ...]:
    """Return the sinks; one without a name has its scheme's, and a number if there are several."""
    sinks: list[SinkSettings] = []
    schemes: Counter[str] = Counter()
    for where, table in _tables(document, "sinks"):
        name = _text(where, table, "name") if "name" in table else None
        url = _text(where, table, "url")
        scheme = _scheme(where, url)
        schemes[scheme] += 1
        if name is None:
            name = scheme if schemes[scheme] == 1 else f"{scheme}-{schemes[scheme]}"
        elif not _is_name(name):
            raise ConfigurationError(f"{where} name: is up to 64 letters, digits, '.', '_' and '-'")
        if name in {sink.name for sink in sinks}:
            raise ConfigurationError(f"{where} name: another sink is called {name!r} too")
        sinks.append(SinkSettings(url, table, name))
    return tuple(sinks)


def _scheme(where: str, url: str) -> str:
    try:
        if scheme := urlsplit(url).scheme:
            return scheme
    except ValueError:
        pass
    raise ConfigurationError(f"{where} url: is not a URL like nats://127.0.0.1:4222")


def _text(where: str, table: dict[str, Any], key: str) -> str:
    """Take a text out of a table."""
    value = table.pop(key, None)
    if is_text(value):
        return str(value)
    raise ConfigurationError(f"{where} {key}: {'is missing' if value is None else 'is not a text'}")
