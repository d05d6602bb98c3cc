"""`cambist serve`: a server of its own."""

from __future__ import annotations

import errno
import logging
import os
from contextlib import AsyncExitStack
from pathlib import Path

import click

from cambist import Pipeline, Receiver, Registry
from cambist.errors import ConfigurationError
from cambist.hookspecs import Sink
from cambist_aiohttp import serve
from cambist_cli._config import Config, load_config
from cambist_cli._inbox import open_inbox, run
from cambist_cli._log import log_to_stderr
from cambist_cli._sinks import InTurn, Stdout, open_sinks


@click.command("serve")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default="cambist.toml",
    show_default=True,
    help="The configuration file.",
)
def command(path: Path) -> None:
    """Receive deliveries over HTTP and pass their events on.

    The first line on stdout is 'listening on http://HOST:PORT', once it does. Without [[sinks]] and [inbox]
    every further line is one event in JSON, printed before its delivery is answered. With [inbox], events are
    stored before the answer, and handed to the sinks after it. Refusals go to stderr.
    SIGINT and SIGTERM end it once what is under way is answered.
    """
    log_to_stderr(logging.WARNING)
    config = load_config(path)
    registry, pipeline = config.wire()
    run(_run(config, registry, pipeline))


async def _run(config: Config, registry: Registry, pipeline: Pipeline) -> None:
    if config.sinks or config.inbox:
        # The sinks are closed last: until then the inbox hands on to them.
        async with AsyncExitStack() as stack:
            sinks = await stack.enter_async_context(open_sinks(config, registry))
            sink: Sink = InTurn(list(sinks.values()))
            if config.inbox:
                sink = await stack.enter_async_context(open_inbox(config, config.inbox, pipeline, sinks))
            await _serve(config, pipeline, sink)
        return
    stdout = Stdout()
    await _serve(config, pipeline, stdout)
    if stdout.gone:
        raise stdout.gone


async def _serve(config: Config, pipeline: Pipeline, sink: Sink) -> None:
    server = config.server
    try:
        with config.blamed():
            await serve(
                Receiver(pipeline, sink),
                host=server.host,
                port=server.port,
                prefix=server.prefix,
                max_body=server.max_body,
                ready=lambda address: click.echo(f"listening on {address}"),
            )
    except BrokenPipeError:
        raise
    except OSError as error:
        # asyncio words these at length, and leaves out the number where no address is this machine's; that of
        # a name that is not found is negative.
        number = error.errno or errno.EADDRNOTAVAIL
        reason = os.strerror(number) if number > 0 else error.strerror
        problem = f"[server] cannot listen on {server.host} port {server.port} ({reason})"
    else:
        return
    raise ConfigurationError(f"{config.path}: {problem}")
