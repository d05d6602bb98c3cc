"""No proof at all, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from cambist._event import Verification
from cambist.verification._base import Replay

if TYPE_CHECKING:
    from cambist._delivery import Delivery


@frozen
class Unverified:
    """Accepts everything: only for a sender that signs nothing, and only where the operator asks for it."""

    @property
    def name(self) -> str:
        """``none``, which every event then reports."""
        return "none"

    @property
    def replay(self) -> Replay:
        """Nothing."""
        return Replay.NONE

    def verify(self, delivery: Delivery) -> Verification:
        """Accept. See `Scheme.verify`."""
        return Verification(self.name)

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return nothing."""
        return ()
