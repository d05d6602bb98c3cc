"""`cambist serve`: a server of its own."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cambist.errors import ConfigurationError
from cambist_aiohttp import address_of
from cambist_cli._config import Config, load_config
from cambist_cli._inbox import config_option, require_inbox, run
from cambist_cli._listeners import Listeners, open_listeners
from cambist_cli._log import log_to_stderr
from cambist_cli._loop import loop_factory
from cambist_cli._reload import Current, check
from cambist_cli._seat import Alone
from cambist_cli._serve_worker import Worker
from cambist_cli._serving import serve
from cambist_cli._signals import while_starting
from cambist_cli._supervisor import Supervisor


@click.command("serve")
@config_option
@click.option("--raw", is_flag=True, help="Put deliveries on the queue of [deliveries] as they come.")
def command(path: Path, raw: bool) -> None:
    """Receive deliveries over HTTP and pass their events on.

    The first line on stdout is 'listening on http://HOST:PORT', once it does. Without [[sinks]] and [inbox]
    every further line is one event in JSON, printed before its delivery is answered. With [inbox], events are
    stored before the answer, and handed to the sinks after it. Refusals go to stderr.
    With --raw nothing is verified: a delivery is answered when the queue has it, and 'cambist worker' does
    the rest. [[sinks]] and [inbox] are the workers', then.
    SIGINT and SIGTERM end it once what is under way is answered, the second of them at once. SIGHUP takes
    changed sources and secrets over.
    """
    log_to_stderr(logging.WARNING)
    with while_starting():
        config = load_config(path)
        log_to_stderr(logging.INFO, config.log.format)
        logging.getLogger("cambist.cli").setLevel(logging.INFO)
        make_loop = loop_factory(config)
        with _counting_together(config):
            registry, pipeline = config.wire(config.http_sources)
            current = Current(config, registry, pipeline, raw)
            check(config, pipeline, raw=raw)
            with open_listeners(config) as listeners:
                seat = _supervised(current, listeners) if config.server.workers > 1 else Alone()
                if isinstance(seat, int):
                    click.get_current_context().exit(seat)
                run(serve(current, listeners, seat), make_loop)


def _supervised(current: Current, listeners: Listeners) -> Worker | int:
    """Start workers. Return in each of them, and in this process with its exit code, once they have ended."""
    config = current.config
    if config.inbox and not current.raw:  # a worker that takes another's place need not read all of it again
        require_inbox(config.path)
        importlib.import_module("cambist_inbox")
    supervisor = Supervisor(
        config.server.shutdown_timeout_s, current, Alone(), address_of(listeners.deliveries[0])
    )
    return supervisor.run(config.server.workers) or supervisor.code


@contextmanager
def _counting_together(config: Config) -> Iterator[None]:
    """Have a folder in which all workers count, unless there is one or nothing is to be counted.

    It is named before any plugin is imported: `prometheus_client` reads the name when it is.

    Raises:
        ConfigurationError: It has been imported already.
    """
    server = config.server
    if server.workers == 1 or server.admin is None or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield
        return
    if "prometheus_client" in sys.modules:
        raise ConfigurationError(
            f"{config.path}: [server] admin: prometheus_client was imported before the configuration was "
            "read, so workers could not count together: set PROMETHEUS_MULTIPROC_DIR to an empty folder"
        )
    owner, folder = os.getpid(), tempfile.mkdtemp(prefix="cambist-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        if os.getpid() == owner:  # not in a worker
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]
            shutil.rmtree(folder, ignore_errors=True)
