"""What is logged as JSON: one object a line. What belongs to one delivery has one identifier."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from contextvars import Token
from typing import Any, Final

from attrs import define, field, frozen
from structlog.contextvars import bind_contextvars, merge_contextvars, reset_contextvars
from structlog.processors import JSONRenderer, TimeStamper
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict

from cambist import Acknowledgement, CambistError, Delivery, Processed, Watch
from cambist.errors import UnknownSource
from cambist_aiohttp import Outcome
from cambist_cli._log import kind_of, shown

deliveries: Final = logging.getLogger("cambist.deliveries")


_extra = ExtraAdder(("source", "provider", "remote", "status", "outcome", "events"))


def _of_a_delivery(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add what the line of a delivery tells. What others add to theirs is not shown."""
    return _extra(logger, method, event) if event["_record"].name == deliveries.name else event


def _guarded(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Show of a message and of an exception what may be shown."""
    event["event"] = shown(event["_record"], event["event"])
    event.pop("stack_info", None)
    if kind := kind_of(event.pop("exc_info", None)):
        event["exception"] = kind
    return event


JSON: Final = ProcessorFormatter(
    foreign_pre_chain=[
        merge_contextvars,
        _of_a_delivery,
        add_log_level,
        add_logger_name,
        TimeStamper(fmt="iso", utc=True),
    ],
    processors=[_guarded, ProcessorFormatter.remove_processors_meta, JSONRenderer()],
)


@frozen
class DeliveryLog:
    """Logs a line for each delivery, and marks all others that it causes. A `cambist.Telemetry`."""

    def received(self, delivery: Delivery) -> Watch:
        """See `cambist.Telemetry`."""
        # Drawn, and not made of the body: its digest could be searched for a card number.
        return _Watch(bind_contextvars(delivery=secrets.token_hex(8)), delivery.source, delivery.remote)


@define
class _Watch:
    tokens: Mapping[str, Token[Any]]
    source: str | None
    remote: str | None
    provider: str | None = None
    events: tuple[str, ...] = ()
    outcome: Outcome = field(factory=Outcome)

    def processed(self, processed: Processed) -> None:
        self.provider = processed.events[0].provider
        self.events = tuple(event.id for event in processed.events)

    def failed(self, error: CambistError | None) -> None:
        self.outcome.failed(error)
        if isinstance(error, UnknownSource):
            self.source = None  # it is whatever the sender wrote
        elif error is not None and error.provider:
            self.provider = error.provider

    def ended(self, acknowledgement: Acknowledgement | None) -> None:
        told = {
            "source": self.source,
            "provider": self.provider,
            "remote": self.remote,
            "status": acknowledgement and acknowledgement.status,
            "outcome": self.outcome.ended(acknowledgement),
            "events": self.events,
        }
        deliveries.info("delivery", extra=told)
        reset_contextvars(**self.tokens)
