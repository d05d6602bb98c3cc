"""What became of a delivery, in one word of a few."""

from __future__ import annotations

from typing import Final

from attrs import define

from cambist import Acknowledgement, CambistError
from cambist.errors import PayloadError, SinkError, UnknownSource, VerificationError

_OF_ERRORS: Final[dict[type[CambistError], str]] = {
    UnknownSource: "unknown_source",
    VerificationError: "not_verified",
    PayloadError: "payload",
    SinkError: "sink",
}
_OF_STATUSES: Final = {
    400: "cut_off",
    404: "not_found",
    408: "too_slow",
    413: "too_large",
    415: "media_type",
    429: "rate",
    503: "busy",
}


def of_refusal(status: int) -> str:
    """Return why a request was refused that the receiver did not see."""
    return _OF_STATUSES.get(status, "other")


@define
class Outcome:
    """One delivery's."""

    word: str = "accepted"

    def failed(self, error: CambistError | None) -> None:
        """See `cambist.Watch.failed`."""
        self.word = "internal" if error is None else _OF_ERRORS.get(type(error), "internal")

    def ended(self, acknowledgement: Acknowledgement | None) -> str:
        """Return the word. See `cambist.Watch.ended`."""
        if acknowledgement is None:
            return "cancelled"
        is_kept = self.word == "payload" and acknowledgement.status < 400
        return "quarantined" if is_kept else self.word
