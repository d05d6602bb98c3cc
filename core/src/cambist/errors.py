"""Every error that Cambist raises, and whose fault each one is.

::

    CambistError
    ├── ConfigurationError          the operator's: a source, a setting, a secret        500
    │   └── PluginError             a plugin's: it cannot be loaded, or breaks its contract 500
    ├── DeliveryError               the sender's: this one delivery
    │   ├── UnknownSource           no source has this name                              404
    │   ├── VerificationError       not proven genuine                                   401
    │   └── PayloadError            genuine, but not the documented form                 400
    └── SinkError                   ours: the events could not be made durable           503

A message names the provider, the source, the key or the path, and what to do next. It never
holds a secret, a card number, or any value out of a payload.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

if TYPE_CHECKING:
    from cambist._event import Verification

__all__ = [
    "CambistError",
    "ConfigurationError",
    "DeliveryError",
    "Fault",
    "PayloadError",
    "PluginError",
    "SinkError",
    "UnknownSource",
    "VerificationError",
    "place",
]


# A body of a mebibyte has room for 100,000 faults; a message and an answer have not.
SHOWN_FAULTS: Final = 20


class Fault(NamedTuple):
    """One thing that is wrong, and where.

    Attributes:
        path: Where: ``transactions[0].amount``; empty for the whole document.
        problem: What is wrong there, never the value that stands there.
    """

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


def place(error: BaseException) -> str:
    """Return an error's class and where it was raised, for a log: its message may hold a payload's value."""
    import traceback  # costs more than all of this module, and is seldom needed

    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    last = frames[-1]
    return f"{type(error).__name__} at {os.path.basename(last.filename)}:{last.lineno} in {last.name}"  # noqa: PTH119


class CambistError(Exception):
    """The root of all errors raised by Cambist.

    Attributes:
        reason: What is wrong and what to do, without the names below.
        provider: The provider's name, where known.
        source: The source's name, where known.
        status_hint: The HTTP status that answers this error.
    """

    status_hint: ClassVar[int] = 500

    def __init__(self, reason: str, *, provider: str | None = None, source: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.provider = provider
        self.source = source

    def __str__(self) -> str:
        names = [f"{what} {name!r}" for what, name in self._names() if name]
        return f"{', '.join(names)}: {self.reason}" if names else self.reason

    def _names(self) -> Iterable[tuple[str, str | None]]:
        return (("source", self.source), ("provider", self.provider))


class ConfigurationError(CambistError):
    """A source, a setting or a secret is wrong. Raised at start, never for a delivery."""


class PluginError(ConfigurationError):
    """A plugin cannot be loaded, or does not keep the contract of the hooks.

    Attributes:
        distribution: The installed distribution at fault, where known.
    """

    def __init__(
        self,
        reason: str,
        *,
        distribution: str | None = None,
        provider: str | None = None,
        source: str | None = None,
    ) -> None:
        super().__init__(reason, provider=provider, source=source)
        self.distribution = distribution

    def _names(self) -> Iterable[tuple[str, str | None]]:
        return (("distribution", self.distribution), *super()._names())


class DeliveryError(CambistError):
    """A delivery cannot become events. Only its subclasses are raised."""

    status_hint = 400


class UnknownSource(DeliveryError):  # noqa: N818  # the name is what a reader looks for
    """No source of this name is configured."""

    status_hint = 404


class VerificationError(DeliveryError):
    """The delivery is not proven genuine: forged, replayed, stale, or signed with another secret."""

    status_hint = 401


class PayloadError(DeliveryError):
    """The delivery is genuine, but its body is not of the documented form.

    Attributes:
        faults: Every faulty path, at least one. The message shows the first 20.
        verification: How the delivery was proven genuine, where that is known.
    """

    status_hint = 400

    def __init__(
        self, faults: Iterable[Fault], *, provider: str | None = None, source: str | None = None
    ) -> None:
        self.faults = tuple(faults)
        self.verification: Verification | None = None
        shown = [str(fault) for fault in self.faults[:SHOWN_FAULTS]]
        if len(self.faults) > SHOWN_FAULTS:
            shown.append(f"and {len(self.faults) - SHOWN_FAULTS} more")
        super().__init__("; ".join(shown), provider=provider, source=source)


class SinkError(CambistError):
    """The events could not be made durable, so that the provider has to deliver again."""

    status_hint = 503
