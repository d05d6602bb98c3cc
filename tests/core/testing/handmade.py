"""Hazel's verification as one writes it without the core's schemes, and with one fault each."""

from __future__ import annotations

import contextlib
import hmac
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve, frozen

from cambist import Secret, Verification
from cambist.errors import VerificationError
from cambist.verification import Replay

from .hazel import Settings

SIGNATURE, TIME = "X-Hazel-Signature", "X-Hazel-Timestamp"


@frozen
class Handmade:
    """A scheme as one writes it without the core's; each method can be replaced."""

    settings: Settings
    tolerance: timedelta = timedelta(minutes=5)

    name = "hmac-sha256"
    replay = Replay.FRESHNESS

    def verify(self, delivery: Any) -> Verification:
        given, time = delivery.headers.get_all(SIGNATURE), delivery.headers.get_all(TIME)
        if len(set(given)) != 1 or len(set(time)) != 1 or delivery.received_at is None:
            raise VerificationError("the signature or the time is missing or repeated")
        if not (time[0].isascii() and time[0].isdigit() and len(time[0]) < 12):
            raise VerificationError("the time is malformed")
        self.check(delivery.received_at - datetime.fromtimestamp(int(time[0]), UTC))
        for secret in self.secrets(delivery.received_at):
            if self.equal(self.signature(secret, time[0], delivery.body), given[0]):
                return Verification(self.name, secret.label)
        raise VerificationError("the signature is not of this body and these secrets")

    def sign(self, delivery: Any) -> tuple[tuple[str, str], ...]:
        time = str(int(delivery.received_at.timestamp()))
        (secret, *_) = self.settings.secrets
        return ((TIME, time), (SIGNATURE, self.signature(secret, time, delivery.body)))

    def signature(self, secret: Secret, time: str, body: bytes) -> str:
        message = f"{time}.".encode() + body
        return "sha256=" + hmac.new(secret.reveal().encode(), message, "sha256").hexdigest()

    def secrets(self, when: datetime) -> Iterable[Secret]:
        return [secret for secret in self.settings.secrets if secret.holds_at(when)]

    def check(self, age: timedelta) -> None:
        if abs(age) > self.tolerance:
            raise VerificationError("the time is too far off")

    def equal(self, expected: str, given: str) -> bool:
        prefix, _, digits = given.partition("=")
        whole = f"{prefix}={digits.lower()}"
        return hmac.compare_digest(expected.encode(), whole.encode(errors="surrogateescape"))


class AlwaysTrue(Handmade):
    def verify(self, delivery: Any) -> Verification:
        return Verification(self.name, self.settings.secrets[0].label)


class ComparesText(Handmade):
    def equal(self, expected: str, given: str) -> bool:
        return hmac.compare_digest(expected, given)


class Prefix(Handmade):
    def equal(self, expected: str, given: str) -> bool:
        return len(given) > 20 and expected.startswith(given)


class Timeless(Handmade):
    def check(self, age: timedelta) -> None:
        pass


class TakesTheFuture(Handmade):
    def check(self, age: timedelta) -> None:
        if age > self.tolerance:
            raise VerificationError("the time is too far off")


class TakesTheExpired(Handmade):
    def secrets(self, when: datetime) -> Iterable[Secret]:
        return [
            secret for secret in self.settings.secrets if not secret.not_before or secret.not_before <= when
        ]


class FirstSecret(Handmade):
    def secrets(self, when: datetime) -> Iterable[Secret]:
        return list(super().secrets(when))[:1]


class NoLabel(Handmade):
    def verify(self, delivery: Any) -> Verification:
        return evolve(super().verify(delivery), label=None)


class TellsTheSecret(Handmade):
    def verify(self, delivery: Any) -> Verification:
        try:
            return super().verify(delivery)
        except VerificationError:
            raise VerificationError(f"not signed with {self.settings.secrets[0].reveal()}") from None


class TellsTheSignature(Handmade):
    def verify(self, delivery: Any) -> Verification:
        try:
            return super().verify(delivery)
        except VerificationError:
            raise VerificationError(f"{delivery.headers.get(SIGNATURE)!r} is wrong") from None


class FirstValue(Handmade):
    def verify(self, delivery: Any) -> Verification:
        headers = {name: delivery.headers[name] for name in (SIGNATURE, TIME) if name in delivery.headers}
        return super().verify(evolve(delivery, headers=headers))


class OtherJson(Handmade):
    def signature(self, secret: Secret, time: str, body: bytes) -> str:
        with contextlib.suppress(ValueError, RecursionError):
            body = json.dumps(json.loads(body)).encode()
        return super().signature(secret, time, body)


class TimeUnsigned(Handmade):
    def signature(self, secret: Secret, time: str, body: bytes) -> str:
        return super().signature(secret, "0", body)


class BodyUnsigned(Handmade):
    def signature(self, secret: Secret, time: str, body: bytes) -> str:
        return super().signature(secret, time, body[:40])
