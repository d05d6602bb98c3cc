"""Where the events of a server go."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from cambist import CambistError, Processed, Registry, to_json
from cambist.errors import ConfigurationError
from cambist.hookspecs import Sink
from cambist_cli._config import Config


class Stdout:
    """Prints one JSON event a line.

    Attributes:
        gone: Set once whoever read our output has closed it.
    """

    def __init__(self) -> None:
        self.gone: BrokenPipeError | None = None

    async def publish(self, processed: Processed) -> None:
        """Print all events and flush. A reader that has gone ends the server, for none comes back."""
        try:
            sys.stdout.buffer.write(b"".join(to_json(event) + b"\n" for event in processed.events))
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            self.gone = error
            signal.raise_signal(signal.SIGTERM)
            raise


class InTurn:
    """Publishes to several sinks, one after the other; the first that fails ends it."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    async def publish(self, processed: Processed) -> None:
        """Return when every sink has the events."""
        for sink in self._sinks:
            await sink.publish(processed)


@asynccontextmanager
async def open_sinks(config: Config, registry: Registry) -> AsyncIterator[dict[str, Sink]]:
    """Open the configured sinks, by name in their order, and close them in the end.

    Raises:
        ConfigurationError: No plugin brings a sink of this scheme, or it cannot be opened.
    """
    async with AsyncExitStack() as stack:
        sinks: dict[str, Sink] = {}
        for number, settings in enumerate(config.sinks, 1):
            # The URL may hold a password: an error tells its scheme alone.
            where = f"{config.path}: [[sinks]] number {number} ({settings.scheme})"
            factory = registry.sinks.get(settings.scheme)
            if factory is None:
                installed = ", ".join(registry.sinks) or "none"
                raise ConfigurationError(f"{where}: no plugin brings such a sink (installed: {installed})")
            try:
                opened = await stack.enter_async_context(factory(settings.url, settings.options))
            except CambistError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001
                problem = f"cannot be opened ({type(error).__name__})"
            else:
                sinks[settings.name] = opened
                continue
            raise ConfigurationError(f"{where}: {problem}")
        yield sinks
