"""How long the client waits, how often it tries, and how much it reads."""

from __future__ import annotations

from typing import Any

from attrs import Attribute, field, frozen

from cambist.errors import ConfigurationError


def _positive(_: object, attribute: Attribute[Any], value: Any) -> None:
    if not (isinstance(value, int | float) and 0 < value < float("inf")):
        raise ConfigurationError(f"limits, {attribute.name}: is not a number above zero")


def _not_negative(_: object, attribute: Attribute[Any], value: Any) -> None:
    if not (isinstance(value, int | float) and 0 <= value < float("inf")):
        raise ConfigurationError(f"limits, {attribute.name}: is not a number from zero")


@frozen(kw_only=True)
class Limits:
    """The limits of every call.

    Args:
        attempts: How often a request is sent at most, the first time included.
        connect_s: How long connecting may take, in seconds.
        attempt_s: How long one attempt may take, in seconds.
        delivery_s: How much longer it may take where AnySpend delivers before it answers, as with a test: it
            waits 30 seconds for the endpoint.
        total_s: How long a call may take, all its attempts and the waits between them included, in seconds.
        first_wait_s: How long to wait after the first attempt, in seconds; twice as long after each further
            one.
        longest_wait_s: How long to wait at most, in seconds. If the API asks for more, no further attempt is
            made.
        jitter_s: Up to this much is added to each wait at random, in seconds.
        max_body: The largest answer that is read, in bytes.

    Raises:
        ConfigurationError: One of them is no number, or not above zero.
    """

    attempts: int = field(default=4, validator=_positive)
    connect_s: float = field(default=10, validator=_positive)
    attempt_s: float = field(default=20, validator=_positive)
    delivery_s: float = field(default=30, validator=_not_negative)
    total_s: float = field(default=90, validator=_positive)
    first_wait_s: float = field(default=0.5, validator=_not_negative)
    longest_wait_s: float = field(default=20, validator=_not_negative)
    jitter_s: float = field(default=0.5, validator=_not_negative)
    max_body: int = field(default=4 * 1024 * 1024, validator=_positive)
