"""`cambist worker`: raw deliveries off a queue, their events on."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from pathlib import Path

import click

from cambist import Pipeline, Registry
from cambist.hookspecs import Sink
from cambist_cli._config import Config, load_config
from cambist_cli._inbox import config_option, open_inbox, run
from cambist_cli._log import log_to_stderr
from cambist_cli._loop import loop_factory
from cambist_cli._queues import open_worker
from cambist_cli._signals import Signals, while_starting
from cambist_cli._sinks import InTurn, Stdout, open_sinks


@click.command("worker")
@config_option
def command(path: Path) -> None:
    """Take deliveries off queues, and pass their events on.

    It reads [deliveries], where `cambist serve --raw` or another gateway puts what comes in, and [[records]],
    the queues of providers. Events go where they go from `cambist serve`. A message is acknowledged when its
    events are stored or published; what cannot be read becomes a dead letter. Run as many as you like.
    The first line on stdout is 'reading', once it does. SIGINT and SIGTERM end it; what is under way then is
    read again by another worker.
    """
    log_to_stderr(logging.WARNING)
    with while_starting():
        config = load_config(path)
        log_to_stderr(logging.INFO, config.log.format)
        make_loop = loop_factory(config)
        registry, pipeline = config.wire()
        run(_run(config, registry, pipeline), make_loop)


async def _run(config: Config, registry: Registry, pipeline: Pipeline) -> None:
    signals = Signals(config.server.shutdown_timeout_s, is_supervised=False)
    signals.heed()
    stdout = Stdout()
    async with AsyncExitStack() as stack:
        sinks = await stack.enter_async_context(open_sinks(config, registry))
        sink: Sink = InTurn(list(sinks.values())) if sinks else stdout
        if config.inbox:
            sink = await stack.enter_async_context(open_inbox(config, config.inbox, pipeline, sinks))
        await stack.enter_async_context(open_worker(config, pipeline, sink))
        click.echo("reading")
        await signals.stop.wait()
    if stdout.gone:
        raise stdout.gone
