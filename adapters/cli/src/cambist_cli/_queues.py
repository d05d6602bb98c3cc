"""Queues behind the commands: opened as the configuration says, and their errors told as the operator's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cambist import Pipeline, Telemetry
from cambist.errors import ConfigurationError, PluginError, SinkError
from cambist.hookspecs import Sink
from cambist_cli._config import Config
from cambist_cli._queue_tables import Queue

if TYPE_CHECKING:
    from cambist_queue import Input, QueueTable, RawReceiver, Worker


def check_raw(config: Config, pipeline: Pipeline) -> None:
    """Look whether deliveries of these sources may go onto the queue as they come, before anything is opened.

    Raises:
        ConfigurationError: They may not, or there is no such queue.
    """
    queue = _deliveries(config)
    from cambist_queue import DeliveryOptions, address_of, check_card_numbers, split_options

    with _of(config.path, queue):
        options, rest = split_options(DeliveryOptions, queue.options)
        address_of(queue.url, rest)
        if not options.card_numbers:
            check_card_numbers(pipeline)


def _deliveries(config: Config) -> Queue:
    if config.deliveries is None:
        raise ConfigurationError(f"{config.path}: [deliveries]: is missing: --raw puts deliveries there")
    _require(config.path, config.deliveries)
    return config.deliveries


@asynccontextmanager
async def open_raw_receiver(
    config: Config, pipeline: Pipeline, telemetry: Telemetry | None
) -> AsyncIterator[RawReceiver]:
    """Open what puts deliveries on their queue as they come.

    Raises:
        ConfigurationError: There is no such queue, or it cannot be used.
    """
    queue = _deliveries(config)
    from cambist_queue import DeliveryOptions, Link, RawReceiver, address_of, split_options

    with _of(config.path, queue):
        options, rest = split_options(DeliveryOptions, queue.options)
        link = Link(address_of(queue.url, rest), options.needed, create=options.create)
        receiver = RawReceiver(
            pipeline,
            link,
            options.topic,
            order=options.order,
            card_numbers=options.card_numbers,
            telemetry=telemetry,
        )
    async with AsyncExitStack() as stack:
        with _of(config.path, queue):
            await stack.enter_async_context(link)
        yield receiver


def check_worker(config: Config, pipeline: Pipeline, sink: Sink | Sequence[Sink]) -> None:
    """Look whether workers may take deliveries of these sources off their queues.

    Raises:
        ConfigurationError: They may not.
    """
    from cambist_queue import Worker, check_records

    for queue in config.records:
        with _of(config.path, queue):
            check_records(pipeline, queue.source or "")
    with config.blamed():
        Worker(pipeline, sink, ())


@asynccontextmanager
async def open_worker(
    config: Config, pipeline: Pipeline, sink: Sink | Sequence[Sink]
) -> AsyncIterator[Worker]:
    """Open what takes deliveries off their queues, to a sink or several.

    Raises:
        ConfigurationError: There is no queue to read, or it cannot be used.
    """
    queues = [queue for queue in (config.deliveries, *config.records) if queue is not None]
    if not queues:
        raise ConfigurationError(f"{config.path}: there is neither [deliveries] nor [[records]] to read")
    _require(config.path, queues[0])
    from cambist_queue import Worker

    check_worker(config, pipeline, sink)
    async with AsyncExitStack() as stack:
        inputs = []
        for queue in queues:
            with _of(config.path, queue):
                inputs.append(await _open(queue, stack))
        yield await stack.enter_async_context(Worker(pipeline, sink, tuple(inputs)))


async def _open(queue: Queue, stack: AsyncExitStack) -> Input:
    from cambist_queue import WORKERS, DeliveryOptions, Input, Link, RecordOptions, address_of, split_options

    if queue.source is None:
        options, rest = split_options(DeliveryOptions, queue.options)
        link = await stack.enter_async_context(
            Link(address_of(queue.url, rest), options.needed, create=options.create)
        )
        return Input(link, options.topic, WORKERS, card_numbers=options.card_numbers)
    records, rest = split_options(RecordOptions, queue.options)
    link = Link(address_of(queue.url, rest), records.needed)
    return Input(await stack.enter_async_context(link), records.topic, records.group, queue.source)


def queue_tables(config: Config) -> tuple[tuple[Queue, QueueTable], ...]:
    """Return the tables of a configuration that are about queues.

    Raises:
        ConfigurationError: There is none, or the queue adapter is not installed.
    """
    sinks = (Queue(f"[[sinks]] {sink.name!r}", sink.url, sink.options, is_sink=True) for sink in config.sinks)
    queues = [queue for queue in (*sinks, config.deliveries, *config.records) if queue is not None]
    if queues:
        _require(config.path, queues[0])
        found = [(queue, table) for queue in queues if (table := queue.table()) is not None]
        if found:
            return tuple(found)
    raise ConfigurationError(f"{config.path}: no queue is in [[sinks]], [deliveries] or [[records]]")


async def init_queues(config: Config) -> AsyncIterator[str]:
    """Make the topics of a configuration; tell of each table which are there now.

    Raises:
        ConfigurationError: There is no queue, a table is malformed, or a topic is there in another form.
        SinkError: A broker is away.
    """
    for queue, table in queue_tables(config):
        from cambist_queue import make_topics

        with _of(config.path, queue):
            topics = await make_topics(table.kind, table.url, table.options)
        yield f"{queue.where}: {', '.join(topic.name for topic in topics)}"


def asyncapi_of(config: Config) -> dict[str, Any]:
    """Return the AsyncAPI document of a configuration's queues.

    Raises:
        ConfigurationError: There is no queue, or a table is malformed.
    """
    tables = [table for _, table in queue_tables(config)]
    from cambist_queue import asyncapi

    with config.blamed():
        return asyncapi(tables)


def _require(path: Path, queue: Queue) -> None:
    if find_spec("cambist_queue") is None:
        raise ConfigurationError(f"{path}: {queue.where}: is not installed: install cambist-cli[queue]")


@contextmanager
def _of(path: Path, queue: Queue) -> Iterator[None]:
    """Name the file and the table in the errors of what is opened here."""
    try:
        yield
    except PluginError:
        raise
    except (ConfigurationError, SinkError) as error:
        failure = type(error)(f"{path}: {queue.where} {error}")
    else:
        return
    raise failure
