"""The configuration file, ``cambist.toml``: read, and checked to the last key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from attrs import field, fields, frozen

from cambist import Pipeline, Registry, Source
from cambist.errors import ConfigurationError, PluginError
from cambist_cli._checks import checked, is_text
from cambist_cli._inbox_table import Inbox, inbox_table
from cambist_cli._limits_table import LimitsTable
from cambist_cli._log_table import Log
from cambist_cli._queue_tables import Queue, check_apart, deliveries_of, records_of, sinks_as_queues
from cambist_cli._server_table import Server
from cambist_cli._sink_table import SinkSettings, sinks_of
from cambist_cli._tables import resolved, tables, text

T = TypeVar("T")


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


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
class Config:
    """A configuration file as a whole.

    Args:
        path: The file, as errors name it.
        sources: The accounts, references to secrets resolved; at least one.
        server: Where deliveries are received.
        sinks: Where events go; to stdout if there is none, and no inbox.
        plugins: Which plugins to load.
        inbox: Where they are stored first, if they are.
        limits: How much a sender may take.
        log: What is printed on stderr.
        deliveries: Where raw deliveries wait for workers, if they do.
        records: The queues of providers that workers read.
    """

    path: Path
    sources: tuple[Source, ...]
    server: Server
    sinks: tuple[SinkSettings, ...]
    plugins: Plugins
    inbox: Inbox | None = None
    limits: LimitsTable = field(factory=LimitsTable)
    log: Log = field(factory=Log)
    deliveries: Queue | None = None
    records: tuple[Queue, ...] = ()

    @property
    def http_sources(self) -> tuple[Source, ...]:
        """The sources whose deliveries come over HTTP. What comes off a queue carries no proof of its own."""
        read = {queue.source for queue in self.records}
        return tuple(source for source in self.sources if source.name not in read)

    def wire(self, sources: tuple[Source, ...] | None = None) -> tuple[Registry, Pipeline]:
        """Return the plugins, and the pipeline of the sources: of all, unless some are given.

        Raises:
            ConfigurationError: A plugin or provider is not installed, or a setting is unknown or malformed.
            PluginError: A plugin is at fault.
        """
        with self.blamed():
            registry = Registry.load(self.plugins.load)
            return registry, Pipeline(self.sources if sources is None else sources, registry=registry)

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
    return read_toml(path, config_of)


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
    return read_toml(path, _stored)


def read_toml(path: Path, make: Callable[[Path, dict[str, Any]], T]) -> T:
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
    names = tuple(sink.name for sink in sinks_of(document, path.parent))
    return Stored(path, inbox_table(document["inbox"], path.parent), names)


def config_of(path: Path, document: dict[str, Any]) -> Config:
    """Return what a document says.

    Raises:
        ConfigurationError: As `load_config` does, without the file's name.
    """
    known = {
        "server": "[server]",
        "limits": "[limits]",
        "log": "[log]",
        "plugins": "[plugins]",
        "inbox": "[inbox]",
        "sources": "[[sources]]",
        "sinks": "[[sinks]]",
        "deliveries": "[deliveries]",
        "records": "[[records]]",
    }
    for key in sorted(document.keys() - known.keys()):
        raise ConfigurationError(f"{key}: is not known here; known are: {', '.join(known.values())}")
    sources = tuple(_source(where, table, path.parent) for where, table in tables(document, "sources"))
    if not sources:
        raise ConfigurationError("[[sources]]: at least one is needed")
    sinks = sinks_of(document, path.parent)
    deliveries = deliveries_of(document, path.parent)
    records = records_of(document, path.parent, frozenset(source.name for source in sources))
    check_apart((*sinks_as_queues(document, sinks), *([deliveries] if deliveries else []), *records))
    return Config(
        path=path,
        sources=sources,
        server=_table(Server, document, "server"),
        limits=_table(LimitsTable, document, "limits"),
        log=_table(Log, document, "log"),
        sinks=sinks,
        plugins=_table(Plugins, document, "plugins"),
        inbox=inbox_table(document["inbox"], path.parent) if "inbox" in document else None,
        deliveries=deliveries,
        records=records,
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


def _source(where: str, table: dict[str, Any], folder: Path) -> Source:
    name, provider = text(where, table, "name"), text(where, table, "provider")
    path = text(where, table, "path") if "path" in table else None
    quarantine = table.pop("quarantine", False)
    if not isinstance(quarantine, bool):
        raise ConfigurationError(f"{where} quarantine: is neither true nor false")
    allow = table.pop("allow", None)
    if not (allow is None or (isinstance(allow, list) and allow and all(map(is_text, allow)))):
        raise ConfigurationError(
            f'{where} allow: is not a list of addresses and networks, like ["203.0.113.0/24"]'
        )
    settings = resolved(where, table, folder)
    try:
        return Source(name, provider, settings, path, quarantine, allow or ())
    except ConfigurationError as error:
        problem = error.reason
    raise ConfigurationError(f"{where} {problem}")
