"""Several schemes as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cambist._event import Verification
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification._base import Replay, Scheme

if TYPE_CHECKING:
    from cambist._delivery import Delivery


class AllOf:
    """Every one of these must pass. Reports all names, and the labels of those that have one."""

    def __init__(self, *schemes: Scheme) -> None:
        if not schemes:
            raise ConfigurationError("a combination needs at least one scheme")
        self.schemes = schemes

    @property
    def name(self) -> str:
        """The names, joined by ``+``."""
        return "+".join(scheme.name for scheme in self.schemes)

    @property
    def replay(self) -> Replay:
        """The best that one of them offers."""
        return max((scheme.replay for scheme in self.schemes), key=list(Replay).index)

    def verify(self, delivery: Delivery) -> Verification:
        """Ask each. See `Scheme.verify`."""
        labels = [scheme.verify(delivery).label for scheme in self.schemes]
        return Verification(self.name, "+".join(filter(None, labels)) or None)

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return the headers of all. See `Scheme.sign`."""
        return tuple(header for scheme in self.schemes for header in scheme.sign(delivery))


class AnyOf:
    """One of these must pass; the first that does is reported."""

    def __init__(self, *schemes: Scheme) -> None:
        if not schemes:
            raise ConfigurationError("a combination needs at least one scheme")
        self.schemes = schemes

    @property
    def name(self) -> str:
        """The names, joined by ``|``; each once."""
        return "|".join(dict.fromkeys(scheme.name for scheme in self.schemes))

    @property
    def replay(self) -> Replay:
        """The worst of them: a replay takes the weakest way."""
        return min((scheme.replay for scheme in self.schemes), key=list(Replay).index)

    def verify(self, delivery: Delivery) -> Verification:
        """Ask each until one agrees. See `Scheme.verify`."""
        reasons: list[str] = []
        for scheme in self.schemes:
            try:
                return scheme.verify(delivery)
            except VerificationError as error:
                reasons.append(f"{scheme.name}: {error.reason}")
        raise VerificationError("; ".join(dict.fromkeys(reasons)))

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return the headers of the first. See `Scheme.sign`."""
        return self.schemes[0].sign(delivery)
