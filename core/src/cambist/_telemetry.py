"""What a receiver tells of each delivery to whoever measures, traces or logs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from cambist.errors import place

if TYPE_CHECKING:
    from cambist._delivery import Acknowledgement, Delivery
    from cambist._pipeline import Processed
    from cambist.errors import CambistError

logger = logging.getLogger("cambist")


class Watch(Protocol):
    """Follows one delivery. The receiver reads no clock: who wants a time takes it when it is told."""

    def processed(self, processed: Processed) -> None:
        """It is genuine and has become events; the sink gets them next."""
        ...

    def failed(self, error: CambistError | None) -> None:
        """It was refused, or its events not stored (`SinkError`); without an error the fault is ours."""
        ...

    def ended(self, acknowledgement: Acknowledgement | None) -> None:
        """It is answered; or given up without an answer, since the request was cancelled."""
        ...


class Telemetry(Protocol):
    """Follows deliveries. What it raises is logged by its place and changes no answer."""

    def received(self, delivery: Delivery) -> Watch:
        """Return what follows this delivery. Nothing of it is proven yet."""
        ...


@frozen
class Guarded:
    """A watch whose failures stop nothing, and of which there may be none.

    Args:
        watch: What is told.
    """

    watch: Watch | None = None

    @classmethod
    def of(cls, telemetry: Telemetry, delivery: Delivery) -> Guarded:
        """Return what follows a delivery."""
        try:
            return cls(telemetry.received(delivery))
        except Exception as error:  # noqa: BLE001
            logger.error("telemetry failed: %s", place(error))  # noqa: TRY400
            return NONE

    def processed(self, processed: Processed) -> None:
        """See `Watch`."""
        if self.watch is not None:
            _tell(self.watch.processed, processed)

    def failed(self, error: CambistError | None) -> None:
        """See `Watch`."""
        if self.watch is not None:
            _tell(self.watch.failed, error)

    def ended(self, acknowledgement: Acknowledgement | None) -> None:
        """See `Watch`."""
        if self.watch is not None:
            _tell(self.watch.ended, acknowledgement)


NONE = Guarded()


def _tell(tell: Callable[[Any], object], what: object) -> None:
    try:
        tell(what)
    except Exception as error:  # noqa: BLE001
        logger.error("telemetry failed: %s", place(error))  # noqa: TRY400
