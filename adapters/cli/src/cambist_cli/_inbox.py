"""The inbox behind the commands: opened as the configuration says, and its errors told as the operator's."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from cambist import CambistError, Pipeline
from cambist.errors import ConfigurationError, PluginError, SinkError, place
from cambist.hookspecs import Sink
from cambist_cli._config import Config, Stored, load_stored
from cambist_cli._inbox_table import Inbox as InboxTable

if TYPE_CHECKING:
    from cambist_inbox import Archive, Inbox

logger = logging.getLogger("cambist.cli")

config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default="cambist.toml",
    show_default=True,
    help="The configuration file.",
)


@asynccontextmanager
async def open_inbox(
    config: Config,
    table: InboxTable,
    pipeline: Pipeline,
    sinks: Mapping[str, Sink],
    *,
    keeps_house: bool = True,
) -> AsyncIterator[Inbox]:
    """Open the inbox with all that belongs to it: what hands events on, and what drops the old.

    Args:
        config: The configuration.
        table: Its ``[inbox]``.
        pipeline: Makes the events.
        sinks: Where they are handed on to, by name.
        keeps_house: Whether this process drops the old, and warns. Of several on one inbox, one does.

    Raises:
        ConfigurationError: The inbox is not installed, or its database cannot be used.
    """
    require_inbox(config.path)
    from cambist_inbox import Archive, Inbox, Relay, Retention

    async with AsyncExitStack() as stack:
        with of_the_inbox(config.path):
            inbox = await stack.enter_async_context(
                Inbox(
                    pipeline,
                    table.url,
                    keys=table.keys,
                    sinks=tuple(sinks),
                    max_rejections=table.max_rejections,
                )
            )
            backlog: Mapping[str, int] = {}
            if keeps_house:
                async with Archive(table.url, keys=table.keys) as archive:
                    backlog = await archive.backlog()
        for name in sorted(backlog.keys() - sinks.keys()):
            logger.warning("%d events wait for the sink %r, which is not configured", backlog[name], name)
        if sinks:
            await stack.enter_async_context(Relay(inbox, sinks, attempts=table.attempts))
        if keeps_house:
            await stack.enter_async_context(Retention(inbox, table.bodies, table.rejections))
        yield inbox


@frozen
class Opened:
    """What a command works with.

    Attributes:
        stored: What the configuration says.
        archive: What is stored.
    """

    stored: Stored
    archive: Archive


@asynccontextmanager
async def open_archive(path: Path) -> AsyncIterator[Opened]:
    """Open what is stored.

    Raises:
        ConfigurationError: The file is at fault, the inbox is not installed, or there is none.
    """
    stored = load_stored(path)
    require_inbox(path)
    from cambist_inbox import Archive

    async with AsyncExitStack() as stack:
        with of_the_inbox(path):
            archive = await stack.enter_async_context(Archive(stored.inbox.url, keys=stored.inbox.keys))
        yield Opened(stored, archive)


def run(
    work: Coroutine[Any, Any, None], loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> None:
    """Run a command's work. An error of the database is told by its class: its text may hold a value."""
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_to_the_end(work))
    except (CambistError, click.ClickException, OSError, MemoryError):
        raise
    except Exception as error:
        if not type(error).__module__.startswith("sqlalchemy."):
            raise
        problem = f"the inbox's database failed: {place(getattr(error, 'orig', None) or error)}"
    else:
        return
    raise click.ClickException(problem)


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except BaseException:
        # A thread of SQLite whose file could not be opened has a last word for this loop, before it goes.
        for thread in threading.enumerate():
            if "_connection_worker_thread" in thread.name:
                await asyncio.to_thread(thread.join, 1)
        raise


def require_inbox(path: Path) -> None:
    """Look whether the inbox is installed.

    Raises:
        ConfigurationError: It is not.
    """
    if find_spec("cambist_inbox") is None:
        raise ConfigurationError(f"{path}: [inbox]: is not installed: install cambist-cli[inbox]")


@contextmanager
def of_the_inbox(path: Path) -> Iterator[None]:
    """Name the file and the table in the errors of what is opened here. None shows a URL."""
    try:
        yield
    except PluginError:
        raise
    except (ConfigurationError, SinkError) as error:
        problem = error.reason
    except CambistError:
        raise
    except Exception as error:  # noqa: BLE001  # a driver's text may hold the URL
        problem = f"url: the database cannot be used ({type(getattr(error, 'orig', None) or error).__name__})"
    else:
        return
    raise ConfigurationError(f"{path}: [inbox] {problem}")
