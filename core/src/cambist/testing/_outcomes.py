"""What became of an attack, and whether that is allowed: events, or exactly one error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import orjson
from attrs import frozen

from cambist._codec import from_json, to_plain
from cambist._delivery import Delivery
from cambist._event import PaymentEvent
from cambist._pipeline import Pipeline, Processed, Route
from cambist.errors import PayloadError, VerificationError, place

NO_FACTS: Final[dict[str, Any]] = {"id": "", "raw_digest": "", "anomalies": []}


@frozen
class Outcome:
    """What a call of the pipeline gave.

    Attributes:
        processed: The events and the answer, if it was accepted.
        error: The one error, if it was refused.
        complaint: What is not allowed about it.
        logged: What was logged meanwhile.
    """

    processed: Processed | None = None
    error: PayloadError | VerificationError | None = None
    complaint: str | None = None
    logged: tuple[str, ...] = ()

    @property
    def events(self) -> tuple[PaymentEvent, ...]:
        """The events; none if it was refused."""
        return self.processed.events if self.processed else ()

    @property
    def told(self) -> str:
        """All that may be read by people: the error, the anomalies and the log."""
        texts = list(self.logged)
        if self.error is not None:
            texts += [str(self.error), repr(self.error), *map(str, getattr(self.error, "faults", ()))]
        texts += [f"{anomaly.path} {anomaly.problem}" for event in self.events for anomaly in event.anomalies]
        return "\n".join(texts)


class _Handler(logging.Handler):
    def __init__(self, log: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self.log.append(text)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Keep what is logged by whatever logger, down to the least important."""
    log: list[str] = []
    root = logging.getLogger()
    handler, level = _Handler(log), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def attempt(
    call: Callable[[Delivery], Processed],
    delivery: Delivery,
    log: list[str],
    seen: set[bytes] | None = None,
) -> Outcome:
    """Return what `Pipeline.process` or `Pipeline.parse` makes of a delivery, and whether it may.

    Args:
        call: One of these.
        delivery: What it takes.
        log: What `listening` keeps.
        seen: Events that were found to survive JSON: one like them is not looked at again.
    """
    before = len(log)
    processed = error = complaint = None
    try:
        processed = call(delivery)
    except (PayloadError, VerificationError) as refusal:
        error = refusal
    except Exception as failure:  # noqa: BLE001  # the kit tells of it
        complaint = f"raises {place(failure)}"
    logged = tuple(log[before:])
    if error is not None:
        complaint = _of_error(error, logged)
    elif processed is not None:
        complaint = _of_events(processed.events, seen)
    return Outcome(processed, error, complaint, logged)


def read_again(pipeline: Pipeline, delivery: Delivery) -> Outcome:
    """Return what `Pipeline.parse` makes of a delivery."""
    with listening() as log:
        return attempt(pipeline.parse, delivery, log)


def refusal(route: Route, delivery: Delivery) -> str | None:
    """Return why a delivery that is not genuine was treated wrongly; nothing if the scheme refused it.

    The pipeline takes any exception of a scheme for a refusal. Here it is a fault: what it was meant to find
    out, it has not.
    """
    try:
        route.scheme.verify(delivery)
    except VerificationError:
        return None
    except Exception as error:  # noqa: BLE001  # the kit tells of it
        return f"raises {place(error)}"
    return "is accepted"


def _of_error(error: PayloadError | VerificationError, logged: tuple[str, ...]) -> str | None:
    if error.__context__ is not None or error.__cause__ is not None:
        return f"has a {type(error.__context__ or error.__cause__).__name__} behind its error"
    if isinstance(error, VerificationError):
        # The pipeline says so of a scheme that raised something else.
        return "makes the check itself fail" if "the check failed with" in error.reason else None
    if any("fault of the plugin" in problem for _, problem in error.faults):
        return f"fails inside of the plugin: {logged[-1] if logged else error.reason}"
    return None if error.faults else "is refused without a fault"


def _of_events(events: tuple[PaymentEvent, ...], seen: set[bytes] | None) -> str | None:
    for event in events:
        try:
            document = to_plain(event)
            facts = orjson.dumps({**document, **NO_FACTS})
            if seen is not None and facts in seen:
                continue
            same = from_json(orjson.dumps(document)) == event
        except Exception as error:  # noqa: BLE001  # the kit tells of it
            return f"gives an event that has no JSON ({type(error).__name__})"
        if not same:
            return "gives an event that is another one after JSON"
        if seen is not None:
            seen.add(facts)
    return None
