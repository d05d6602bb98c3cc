"""Several that follow deliveries, as one."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from cambist import Acknowledgement, CambistError, Delivery, Processed, Telemetry, Watch


@frozen
class _Watches:
    watches: Sequence[Watch]

    def processed(self, processed: Processed) -> None:
        for watch in self.watches:
            watch.processed(processed)

    def failed(self, error: CambistError | None) -> None:
        for watch in self.watches:
            watch.failed(error)

    def ended(self, acknowledgement: Acknowledgement | None) -> None:
        for watch in reversed(self.watches):
            watch.ended(acknowledgement)


@frozen
class Together:
    """Tells each of several what becomes of a delivery.

    Args:
        each: Who is told, in this order.
    """

    each: Sequence[Telemetry]

    def received(self, delivery: Delivery) -> Watch:
        """See `cambist.Telemetry`."""
        return _Watches([telemetry.received(delivery) for telemetry in self.each])
