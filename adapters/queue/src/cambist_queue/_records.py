"""A provider's own queue: what may be read off it."""

from __future__ import annotations

from cambist import Pipeline
from cambist.errors import ConfigurationError
from cambist.verification import Unverified


def check_records(pipeline: Pipeline, source: str) -> None:
    """See that a source takes records, which carry no proof: whoever may write on the queue is trusted.

    Raises:
        ConfigurationError: There is no such source, or it asks for a proof.
    """
    route = pipeline.route(source)
    if route is None:
        raise ConfigurationError("there is no such source", source=source)
    if not isinstance(route.scheme, Unverified):
        raise ConfigurationError(
            f"asks for {route.scheme.name}, and a record carries no proof: set its auth to none, and see "
            "that nobody else may write on the queue",
            source=source,
        )
