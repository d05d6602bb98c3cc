"""What every scheme is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from cambist.errors import ConfigurationError, VerificationError

if TYPE_CHECKING:
    from cambist._delivery import Delivery
    from cambist._event import Verification
    from cambist._secrets import Secrets


class Replay(StrEnum):
    """What stops a captured delivery from being sent again."""

    NONE = "none"
    """Nothing in the delivery does: deduplicate by event id."""
    FRESHNESS = "freshness"
    """A signed time: after the tolerance it is refused. Deduplicate within it."""


@runtime_checkable
class Scheme(Protocol):
    """One way to prove a delivery genuine."""

    @property
    def name(self) -> str:
        """What events report: ``hmac-sha512``."""
        ...

    @property
    def replay(self) -> Replay:
        """What the scheme itself does against replays."""
        ...

    def verify(self, delivery: Delivery) -> Verification:
        """Return how the delivery was proven genuine.

        Raises:
            VerificationError: It was not. The reason holds no secret and no part of the delivery.
        """
        ...

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return the headers that make this delivery pass, made with the first secret that holds.

        Raises:
            ConfigurationError: The scheme holds no secret that can sign.
        """
        ...


def require_secrets(secrets: Secrets) -> None:
    """Refuse a scheme that would have nothing to compare with."""
    if not secrets:
        raise ConfigurationError("at least one secret is needed")
    if any(not secret.reveal() for secret in secrets):
        raise ConfigurationError("a secret is empty")


def only_value(delivery: Delivery, header: str) -> str:
    """Return the single value of a header; several different ones are an attempt to confuse.

    Raises:
        VerificationError: The header is missing, empty, or repeated with another value.
    """
    values = set(delivery.headers.get_all(header))
    if not values:
        raise VerificationError(f"header {header} is missing")
    if len(values) > 1:
        raise VerificationError(f"header {header} is repeated with different values")
    value = values.pop()
    if not value:
        raise VerificationError(f"header {header} is empty")
    return value


def no_secret_holds(delivery: Delivery) -> VerificationError:
    """Return the error for a delivery at a time at which no secret is valid."""
    if delivery.received_at is None:
        return VerificationError("the secrets have validity windows, and the delivery has no received_at")
    return VerificationError("no secret is valid at the time of arrival")
