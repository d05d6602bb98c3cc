"""The one place for secrets: masked in every repr, with a label and a time in which they hold."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NoReturn


class Secret:
    """A shared secret or a public key, which `repr`, `str`, pickle and copies of settings never show.

    Args:
        value: The secret itself. `reveal` gives it to whoever must compute with it.
        label: What the secret is called in events and logs.
        not_before: From when it holds, with a time zone; ``None`` for always.
        not_after: Until when it holds (this instant excluded).
    """

    # No attrs class: attrs.asdict would take it apart.
    __slots__ = ("_value", "label", "not_after", "not_before")

    def __init__(
        self, value: str, label: str, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> None:
        self._value = value
        self.label = label
        self.not_before = not_before
        self.not_after = not_after

    def reveal(self) -> str:
        """Return the secret's text."""
        return self._value

    def holds_at(self, when: datetime | None) -> bool:
        """Whether the secret is valid at this time; one with a window never holds at an unknown time."""
        if self.not_before is None and self.not_after is None:
            return True
        return (
            when is not None
            and (self.not_before is None or self.not_before <= when)
            and (self.not_after is None or when < self.not_after)
        )

    def __str__(self) -> str:
        return "****"

    def __repr__(self) -> str:
        return f"<Secret {self.label!r}>"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: pass a reference to it instead")


Secrets = tuple[Secret, ...]


def valid(secrets: Sequence[Secret], when: datetime | None) -> Iterator[Secret]:
    """Return the secrets that hold at this time, in the order of the settings."""
    return (secret for secret in secrets if secret.holds_at(when))


def matching(secrets: Sequence[Secret], given: bytes, when: datetime | None) -> Secret | None:
    """Return the valid secret that equals ``given``, compared in constant time; every one is compared."""
    found = None
    for secret in valid(secrets, when):
        if hmac.compare_digest(secret.reveal().encode(), given) and found is None:
            found = secret
    return found
