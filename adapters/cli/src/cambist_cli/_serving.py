"""One process that serves, from its sinks to its sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from attrs import frozen

from cambist import Receiver, Telemetry
from cambist.hookspecs import Sink
from cambist_aiohttp import serving
from cambist_cli._edge import observed, showing
from cambist_cli._inbox import open_inbox
from cambist_cli._listeners import Listeners
from cambist_cli._queues import open_raw_receiver
from cambist_cli._reload import Current, HasPipeline, reloading
from cambist_cli._seat import Seat
from cambist_cli._serve_worker import Worker
from cambist_cli._signals import Signals
from cambist_cli._sinks import InTurn, Stdout, open_sinks

if TYPE_CHECKING:
    from cambist_inbox import Inbox

_FOR_REQUESTS: Final = 0.8  # of the time to end in; the rest is for the sinks


@frozen
class Opened:
    """Where the events of a server go.

    Attributes:
        receiver: Takes deliveries there.
        parts: What has to be reachable, by name.
        inbox: The inbox, if it is one.
    """

    receiver: Receiver
    parts: dict[str, object]
    inbox: Inbox | None = None


async def serve(current: Current, listeners: Listeners, seat: Seat) -> None:
    """Serve until this process is told to end.

    Args:
        current: What to serve.
        listeners: Where.
        seat: Is told how it is.

    Raises:
        ConfigurationError: A sink or the inbox cannot be opened.
        BrokenPipeError: Events are printed, and nobody reads them any more.
    """
    server = current.config.server
    worker = seat if isinstance(seat, Worker) else None
    signals = Signals(server.shutdown_timeout_s, worker is not None)
    stdout = Stdout()
    async with AsyncExitStack() as stack:
        seen = observed(current.config)
        opened = await stack.enter_async_context(_opened(current, stdout, worker, seen.telemetry))
        receiver = opened.receiver
        health = await stack.enter_async_context(showing(listeners.admin, opened.parts, seen.metrics))
        signals.heed()
        if worker:
            worker.attach(signals)
        address = await stack.enter_async_context(
            serving(
                receiver,
                sockets=listeners.deliveries,
                prefix=server.prefix,
                max_body=server.max_body,
                edge=seen.edge,
                shutdown_timeout_s=server.shutdown_timeout_s * _FOR_REQUESTS,
            )
        )
        users: list[HasPipeline] = [receiver, *([opened.inbox] if opened.inbox else [])]
        async with reloading(current, users, signals, seat, warns=worker is None):
            seat.ready(address)
            await signals.stop.wait()
        health.is_stopping = True
        seat.stopping()
    if stdout.gone:
        if worker:
            worker.give_up()
        raise stdout.gone


@asynccontextmanager
async def _opened(
    current: Current, stdout: Stdout, worker: Worker | None, telemetry: Telemetry | None
) -> AsyncIterator[Opened]:
    """Open the sinks and the inbox. The sinks are closed last: until then the inbox hands on to them."""
    config = current.config

    def receiver(sink: Sink) -> Receiver:
        with config.blamed():
            return Receiver(current.pipeline, sink, telemetry=telemetry)

    if current.raw:
        async with open_raw_receiver(config, current.pipeline, telemetry) as raw:
            yield Opened(raw, {"deliveries": raw})
        return
    if not (config.sinks or config.inbox):
        yield Opened(receiver(worker.in_turn(stdout) if worker else stdout), {"stdout": stdout})
        return
    async with open_sinks(config, current.registry) as sinks:
        if config.inbox is None:
            yield Opened(receiver(InTurn(list(sinks.values()))), dict(sinks))
            return
        keeps_house = worker is None or worker.is_first
        async with open_inbox(
            config, config.inbox, current.pipeline, sinks, keeps_house=keeps_house
        ) as inbox:
            yield Opened(receiver(inbox), {"inbox": inbox}, inbox)
