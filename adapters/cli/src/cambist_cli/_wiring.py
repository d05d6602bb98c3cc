"""What plugins find wrong with a configuration: all of it. Nothing is opened or connected to."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import attrs
from aiohttp import web
from attrs import define, field

from cambist import Delivery, Pipeline, Processed, Receiver, Registry, Route, Source
from cambist.errors import CambistError, ConfigurationError, PayloadError, PluginError
from cambist.hookspecs import Sink
from cambist_aiohttp import setup
from cambist_cli._config import Config
from cambist_cli._edge import observed
from cambist_cli._inbox import of_the_inbox, require_inbox
from cambist_cli._loop import loop_factory
from cambist_cli._mending import Mended, Problem, label_of, steps
from cambist_cli._queue_tables import Queue
from cambist_cli._toml_lines import Path
from cambist_cli._wiring_queues import queue_problem

_entry = re.compile(r"[\w-]+: entry (\d+) ").match


class _Nowhere:
    """Stands for sinks: they are not opened."""

    async def publish(self, processed: Processed) -> None:
        raise NotImplementedError


class _NotStored(_Nowhere):
    """Stands for an inbox that cannot be made."""

    async def reject(self, delivery: Delivery, error: CambistError) -> None:
        raise NotImplementedError

    async def quarantine(self, delivery: Delivery, error: PayloadError) -> None:
        raise NotImplementedError


@define
class Wiring:
    """A configuration and its plugins.

    Args:
        document: The document as it was read.
        config: What it says where it is in order.
        mended: Where it is not.

    Attributes:
        problems: What is wrong.
        routes: The sources that are in order, by their index in the file.
    """

    document: dict[str, Any]
    config: Config
    mended: Mended[Config]
    problems: list[Problem] = field(factory=list)
    routes: dict[int, Route] = field(factory=dict)

    def check(self) -> None:
        """Find what is wrong, as far as it was not told already."""
        try:
            registry = Registry.load(self.config.plugins.load)
        except ConfigurationError as error:
            if isinstance(error, PluginError):
                self._add((), str(error))
            else:
                self._add(("plugins", "load"), f"[plugins] load: {error}")
            return
        sink = self._inbox(registry)
        for index, source in enumerate(self.config.sources):
            if not self.mended.is_replaced(("sources", index, "provider")):
                self._check_source(index, source, registry, sink)
        self._check_together(registry, sink)
        self._check_sinks(registry)
        self._check_queues()
        self._check_extras()

    def _check_sinks(self, registry: Registry) -> None:
        installed = ", ".join(registry.sinks) or "none"
        for index, sink in enumerate(self.config.sinks):
            place = ("sinks", index, "url")
            if sink.scheme not in registry.sinks and not self.mended.is_touched(place[:2]):
                problem = f"no plugin brings a sink for {sink.scheme}:// (installed: {installed})"
                self._add(place, f"{label_of(self.document, place[:2])} url: {problem}")

    def _check_queues(self) -> None:
        queues: dict[Path, Queue] = {
            ("sinks", index): Queue("[[sinks]]", sink.url, sink.options, is_sink=True)
            for index, sink in enumerate(self.config.sinks)
        }
        if self.config.deliveries:
            queues["deliveries",] = self.config.deliveries
        queues |= {("records", index): queue for index, queue in enumerate(self.config.records)}
        routes = {route.source.name: route for route in self.routes.values()}
        for place, queue in queues.items():
            problem = None if self.mended.is_touched(place) else queue_problem(queue, routes)
            if problem:
                label = "[deliveries]" if len(place) == 1 else label_of(self.document, place)
                self._add((*place, *steps(problem)), f"{label} {problem}")

    def _check_extras(self) -> None:
        """Find what the server is asked for and is not installed."""
        makers: tuple[Callable[[Config], object], ...] = (loop_factory, observed)
        for make in makers:
            try:
                make(self.config)
            except ConfigurationError as error:
                text = str(error).removeprefix(f"{self.config.path}: ")
                self._add(("server", *steps(text.removeprefix("[server] "))), text)

    def _inbox(self, registry: Registry) -> Sink:
        """Return the inbox, not opened; something in its place if it cannot be made, or there is none."""
        table = self.config.inbox
        if table is None:
            return _Nowhere()
        if self.mended.is_touched(("inbox",)):
            return _NotStored()
        try:
            require_inbox(self.config.path)
            from cambist_inbox import Inbox

            with of_the_inbox(self.config.path):
                return Inbox(Pipeline((), registry=registry), table.url, keys=table.keys)
        except ConfigurationError as error:
            text = str(error).removeprefix(f"{self.config.path}: ")
        self._add(("inbox", *steps(text.removeprefix("[inbox] "))), text)
        return _NotStored()

    def _check_source(self, index: int, source: Source, registry: Registry, sink: Sink) -> None:
        """Find what is wrong with a source by itself."""
        try:
            (self.routes[index],) = self._received([source], registry, sink).routes
        except ConfigurationError as error:
            reason = error.reason
        else:
            return
        found = registry.providers.get(source.provider)
        if found is None:
            self._add_to_source(index, f"provider: {reason}")
            return
        known = {attribute.name for attribute in attrs.fields(found.provider.settings)}
        for part in _parts(reason, known | source.settings.keys()):
            place = ("sources", index, *steps(part)[:1])
            if not self.mended.is_touched(place):
                self._add_to_source(index, part)

    def _check_together(self, registry: Registry, sink: Sink) -> None:
        """Find what is wrong with sources each of which is in order by itself."""
        left = dict(self.routes)
        names = set[str]()
        for index, source in enumerate(self.config.sources):
            if source.name in names:
                self._add_to_source(index, "name: two sources have this name")
                left.pop(index, None)
            names.add(source.name)
        while left:
            try:
                self._received([route.source for route in left.values()], registry, sink)
            except ConfigurationError as error:
                name, reason = error.source, error.reason
            else:
                return
            at = next((index for index, route in left.items() if route.source.name == name), None)
            if at is None:
                self._add(("sources",), reason)
                return
            self._add_to_source(at, reason)
            del left[at]

    def _received(self, sources: Sequence[Source], registry: Registry, sink: Sink) -> Pipeline:
        """Do with sources what a server does at its start."""
        pipeline = Pipeline(sources, registry=registry)
        over_http = {source.name for source in self.config.http_sources}
        received = Pipeline([each for each in sources if each.name in over_http], registry=registry)
        setup(web.Application(), Receiver(received, sink), prefix=self.config.server.prefix)
        return pipeline

    def _add_to_source(self, index: int, reason: str) -> None:
        entry = _entry(reason)
        place: Path = ("sources", index, *steps(reason), *([int(entry[1])] if entry else []))
        self._add(place, f"{label_of(self.document, place[:2])} {reason}")

    def _add(self, place: Path, text: str) -> None:
        self.problems.append(Problem(place, text))


def _parts(reason: str, keys: Collection[str]) -> list[str]:
    """Return the faults that one reason tells: each begins with one of these keys."""
    names = "|".join(map(re.escape, keys))
    return re.split(rf"; (?=(?:{names})\b[^;:]*: )", reason) if keys else [reason]
