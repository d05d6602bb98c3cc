"""What protects and shows a server, as its configuration says."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from attrs import frozen

from cambist import Telemetry
from cambist.errors import ConfigurationError
from cambist_aiohttp import Edge, Health, Together, admin_app
from cambist_cli._config import Config

if TYPE_CHECKING:
    from cambist_aiohttp import Metrics


@frozen
class Observed:
    """What a receiver is given, and what its operator's probes are shown.

    Attributes:
        edge: Whom to let in.
        telemetry: Is told what becomes of each delivery.
        metrics: The numbers, if they are shown anywhere.
    """

    edge: Edge
    telemetry: Telemetry | None
    metrics: Metrics | None


def observed(config: Config) -> Observed:
    """Return what a configuration asks for.

    Raises:
        ConfigurationError: It asks for what is not installed.
    """
    metrics = _metrics(config)
    each = [*_logged(config), *([metrics] if metrics else ()), *_traced(config)]
    edge = Edge(
        config.limits.limits(config.server.max_body),
        config.server.proxies,
        metrics.refused if metrics else None,
    )
    return Observed(edge, Together(each) if each else None, metrics)


@asynccontextmanager
async def showing(
    listeners: Iterable[socket.socket], sinks: Mapping[str, object], metrics: Metrics | None
) -> AsyncIterator[Health]:
    """Answer an operator's probes inside of this context.

    Args:
        listeners: Where.
        sinks: What has to be reachable.
        metrics: What to show.
    """
    health = Health(sinks)
    runner = web.AppRunner(admin_app(health, metrics), access_log=None, **Edge().runner_options())
    await runner.setup()
    try:
        for listener in listeners:
            await web.SockSite(runner, listener).start()
        yield health
    finally:
        await runner.cleanup()


def _metrics(config: Config) -> Metrics | None:
    """Return the numbers. Without the extra there are none, and ``/metrics`` is not there."""
    if config.server.admin is None:
        return None
    try:
        from cambist_aiohttp import Metrics
    except ImportError:
        return None
    return Metrics()


def _traced(config: Config) -> Iterable[Telemetry]:
    if not config.server.traces:
        return ()
    try:
        from cambist_aiohttp import Tracing
    except ImportError:
        pass
    else:
        return (Tracing(config.server.trust_traceparent),)
    raise ConfigurationError(f"{config.path}: [server] traces: needs the extra, cambist-cli[tracing]")


def _logged(config: Config) -> Iterable[Telemetry]:
    if config.log.format == "text":
        return ()
    from cambist_cli._json_log import DeliveryLog

    return (DeliveryLog(),)
