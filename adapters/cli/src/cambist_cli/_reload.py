"""What SIGHUP makes of a configuration that has changed: its sources are taken over, while it serves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from attrs import define, evolve, field, fields, has

from cambist import Delivery, Pipeline, Processed, Receiver, Registry, Secret
from cambist.errors import CambistError, PayloadError, place
from cambist_aiohttp import create_app
from cambist_cli._config import Config, load_config
from cambist_cli._queues import check_raw
from cambist_cli._seat import Seat
from cambist_cli._signals import Signals

logger = logging.getLogger("cambist.cli")


@define(eq=False)
class Current:
    """What a server serves now.

    Args:
        config: What its configuration said when it started, with the sources of the last reload.
        registry: The plugins.
        pipeline: The sources, made ready.
        raw: Whether deliveries go onto a queue as they come.
    """

    config: Config
    registry: Registry = field(repr=False)
    pipeline: Pipeline = field(repr=False)
    raw: bool = False

    def reload(self, *, warns: bool = True) -> bool:
        """Take over the sources that the file names now, and return whether that was done.

        Where anything is wrong with it, that is logged, and nothing changes.

        Args:
            warns: Whether to log, too, what has changed and is not taken over.
        """
        path = self.config.path
        try:
            read = load_config(path)
            fresh = evolve(self.config, sources=read.sources)
            # What a queue brings needs no proof: HTTP has no part in it, as soon as either says so.
            pipeline = self.made(evolve(fresh, records=(*fresh.records, *read.records)))
        except CambistError as error:
            logger.error("not reloaded, all stays as it was: %s", error)  # noqa: TRY400  # it names all there is
            return False
        except Exception as error:  # noqa: BLE001  # a plugin's
            logger.error("not reloaded, all stays as it was: %s: %s", path, place(error))  # noqa: TRY400
            return False
        for key in _fixed(self.config, read) if warns else ():
            logger.warning("%s: %s: has changed, which takes a restart", path, key)
        self.config, self.pipeline = fresh, pipeline
        return True

    def made(self, read: Config) -> Pipeline:
        """Return the sources of a configuration, made ready.

        Args:
            read: What runs, with the sources that the file names now.

        Raises:
            ConfigurationError: They are not to be served.
        """
        with read.blamed():
            pipeline = Pipeline(read.http_sources, registry=self.registry)
        check(read, pipeline, raw=self.raw)
        return pipeline

    def said(self) -> str:
        """Return what is served, for the log."""
        names = ", ".join(route.source.name for route in self.pipeline.routes)
        return f"reloaded {self.config.path}: sources {names}"


class HasPipeline(Protocol):
    """What takes a new pipeline over while it works."""

    pipeline: Pipeline


@asynccontextmanager
async def reloading(
    current: Current, users: Sequence[HasPipeline], signals: Signals, seat: Seat, *, warns: bool = True
) -> AsyncIterator[None]:
    """Take changed sources over inside of this context, whenever this process is told to.

    Args:
        current: What is served; a reload changes it.
        users: Get the new pipeline.
        signals: Tell of a reload.
        seat: Is told of it.
        warns: Whether to log, too, what has changed and is not taken over.
    """

    async def reload() -> None:
        while True:
            await signals.hangup.wait()
            signals.hangup.clear()
            seat.reloading()
            fresh = evolve(current)
            said = None
            if await asyncio.to_thread(fresh.reload, warns=warns):  # it reads files
                current.config, current.pipeline = fresh.config, fresh.pipeline
                # Between the one and the other a delivery does not wait, so it meets all alike.
                for user in users:
                    user.pipeline = current.pipeline
                said = current.said()
            seat.reloaded(said)

    task = asyncio.create_task(reload(), name="cambist: reload")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def check(config: Config, pipeline: Pipeline, *, raw: bool = False) -> None:
    """Look whether a server can serve a configuration's sources, before anything is opened.

    Raises:
        ConfigurationError: It cannot.
    """
    if raw:
        check_raw(config, pipeline)
    with config.blamed():
        receiver = Receiver(pipeline, _Stored() if config.inbox or raw else _Passed())
        create_app(receiver, prefix=config.server.prefix)


class _Passed:
    """Stands for sinks."""

    async def publish(self, processed: Processed) -> None:
        raise NotImplementedError


class _Stored(_Passed):
    """Stands for an inbox."""

    async def reject(self, delivery: Delivery, error: CambistError) -> None:
        raise NotImplementedError

    async def quarantine(self, delivery: Delivery, error: PayloadError) -> None:
        raise NotImplementedError


def _fixed(old: Config, new: Config) -> Iterator[str]:
    """Return what has changed that a running server does not take over, by table and key."""
    for table in fields(Config):
        before, after = getattr(old, table.name), getattr(new, table.name)
        if table.name in {"path", "sources"}:
            continue
        if has(type(before)) and type(before) is type(after):
            for key in fields(type(before)):
                if _bare(getattr(before, key.name)) != _bare(getattr(after, key.name)):
                    yield f"[{table.name}] {key.name}"
        elif before != after:
            yield f"[[{table.name}]]" if isinstance(before, tuple) else f"[{table.name}]"


def _bare(value: Any) -> Any:
    """Return a value that can be compared: a secret by itself equals no other."""
    if isinstance(value, Secret):
        return value.label, value.reveal()
    return tuple(map(_bare, value)) if isinstance(value, tuple) else value
