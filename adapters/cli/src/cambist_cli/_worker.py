"""`cambist worker`: raw deliveries off a queue, their events on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import define, field

from cambist import Pipeline, Registry
from cambist.hookspecs import Sink
from cambist_cli._config import Config, load_config
from cambist_cli._inbox import config_option, open_inbox, run
from cambist_cli._log import log_to_stderr
from cambist_cli._loop import loop_factory
from cambist_cli._queues import check_worker, open_worker
from cambist_cli._reload import Current, HasPipeline, reloading
from cambist_cli._seat import Alone
from cambist_cli._signals import Signals, while_starting
from cambist_cli._sinks import Stdout, open_sinks

if TYPE_CHECKING:
    from cambist_queue import Worker


@click.command("worker")
@config_option
def command(path: Path) -> None:
    """Take deliveries off queues, and pass their events on.

    It reads [deliveries], where `cambist serve --raw` or another gateway puts what comes in, and [[records]],
    the queues of providers. Events go where they go from `cambist serve`. A message is acknowledged when its
    events are stored or published; what cannot be read becomes a dead letter. Run as many as you like.
    The first line on stdout is 'reading', once it reads every queue. SIGINT and SIGTERM end it; what is under
    way then is read again by another worker. SIGHUP takes changed sources and secrets over.
    """
    log_to_stderr(logging.WARNING)
    with while_starting():
        config = load_config(path)
        log_to_stderr(logging.INFO, config.log.format)
        logging.getLogger("cambist.cli").setLevel(logging.INFO)
        make_loop = loop_factory(config)
        registry, pipeline = config.wire()
        run(_run(config, registry, pipeline), make_loop)


@define(eq=False)
class Working(Current):
    """What a worker works with: all sources, those of records as well.

    Args:
        sink: Where events go.
    """

    sink: Sink | Sequence[Sink] = field(kw_only=True, repr=False)

    def made(self, read: Config) -> Pipeline:
        """See `Current`. The queues are those that it reads already."""
        with read.blamed():
            pipeline = Pipeline(read.sources, registry=self.registry)
        check_worker(self.config, pipeline, self.sink)
        return pipeline


async def _run(config: Config, registry: Registry, pipeline: Pipeline) -> None:
    signals = Signals(config.server.shutdown_timeout_s, is_supervised=False)
    signals.heed()
    stdout = Stdout()
    async with AsyncExitStack() as stack:
        sinks = await stack.enter_async_context(open_sinks(config, registry))
        sink: Sink | Sequence[Sink] = tuple(sinks.values()) or stdout
        users: list[HasPipeline] = []
        if config.inbox:
            inbox = await stack.enter_async_context(open_inbox(config, config.inbox, pipeline, sinks))
            sink = inbox
            users.append(inbox)
        worker = await stack.enter_async_context(open_worker(config, pipeline, sink))
        current = Working(config, registry, pipeline, sink=sink)
        await stack.enter_async_context(reloading(current, [worker, *users], signals, Alone()))
        await _until_stopped(worker, signals)
    if stdout.gone:
        raise stdout.gone


async def _until_stopped(worker: Worker, signals: Signals) -> None:
    stop = asyncio.create_task(signals.stop.wait())
    reading = asyncio.create_task(worker.reading())
    await asyncio.wait({stop, reading}, return_when=asyncio.FIRST_COMPLETED)
    if reading.done():
        click.echo("reading")
    reading.cancel()
    await stop
