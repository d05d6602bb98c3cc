"""The hooks of a plugin. A plugin is a module that an entry point of the group ``cambist`` names.

::

    from cambist.hookspecs import hookimpl

    @hookimpl
    def cambist_register_providers():
        return [PROVIDER]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from pluggy import HookimplMarker, HookspecMarker

from cambist._delivery import Delivery
from cambist._event import PaymentEvent
from cambist._pipeline import Processed
from cambist._provider import Provider
from cambist.errors import CambistError, PayloadError

__all__ = [
    "ENTRY_POINT_GROUP",
    "Sink",
    "SinkFactory",
    "Store",
    "cambist_event",
    "cambist_register_providers",
    "cambist_register_sinks",
    "cambist_rejection",
    "hookimpl",
]

ENTRY_POINT_GROUP: Final = "cambist"
_hookspec = HookspecMarker("cambist")
hookimpl = HookimplMarker("cambist")


class Sink(Protocol):
    """Where events go.

    It may have an ``async def ready()`` that returns when it can be reached, and raises if it cannot: the
    ``/readyz`` of a server asks it.
    """

    async def publish(self, processed: Processed) -> None:
        """Return when all events are durable; raise if they are not."""
        ...


@runtime_checkable
class Store(Sink, Protocol):
    """A sink that also keeps what does not become events. `Receiver` sees by these methods that it does."""

    async def reject(self, delivery: Delivery, error: CambistError) -> None:
        """Keep a refused delivery and why, as far as there is room; never make the sender wait.

        Card numbers are taken out of the delivery. It proves nothing: its content may be an attacker's.
        """
        ...

    async def quarantine(self, delivery: Delivery, error: PayloadError) -> None:
        """Return when a genuine delivery that cannot be read is durable, to be read again by a later release.

        Its ``error.verification`` says how it was proven genuine.
        """
        ...


SinkFactory: TypeAlias = Callable[[str, Mapping[str, Any]], AbstractAsyncContextManager[Sink]]
"""Opens a sink from its URL and the further keys of its configuration, and closes it."""


@_hookspec
def cambist_register_providers() -> Iterable[Provider]:  # type: ignore[empty-body]
    """Return the providers that this plugin adds. Called once, at start."""


@_hookspec
def cambist_register_sinks() -> Mapping[str, SinkFactory]:  # type: ignore[empty-body]
    """Return URL scheme → factory for each sink that this plugin adds. Called once, at start."""


@_hookspec
def cambist_event(event: PaymentEvent) -> None:
    """Observe an event that was just made. What it raises is logged by name and goes no further."""


@_hookspec
def cambist_rejection(delivery: Delivery, error: CambistError) -> None:
    """Observe a delivery that was refused. What it raises is logged by name and goes no further."""
