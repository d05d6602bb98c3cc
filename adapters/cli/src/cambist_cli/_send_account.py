"""The account that a simulation sends for: what it signs, and what it forges."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from string import ascii_letters, digits

from attrs import evolve, frozen

from cambist import Delivery, Pipeline, Route, Sample
from cambist.errors import ConfigurationError, PayloadError, VerificationError

_TRIES = 20


@frozen
class Account:
    """A source, as its provider sees it.

    Args:
        pipeline: Has this one source.
        path: The path of the receiver's URL.
    """

    pipeline: Pipeline
    path: str

    @property
    def route(self) -> Route:
        """The source."""
        (route,) = self.pipeline.routes
        return route

    def genuine(self, sample: Sample) -> Delivery:
        """Return a sample as it is delivered now.

        Raises:
            ConfigurationError: It cannot be signed, or would not pass here: as its receiver has the same
                settings, it would not pass there.
        """
        route = self.route
        names = {"source": route.source.name, "provider": route.provider.name}
        unsigned = Delivery(route.source.name, sample.headers, sample.body, datetime.now(UTC), self.path)
        try:
            headers = route.provider.signature(route.settings, unsigned)
            delivery = evolve(unsigned, headers=(*sample.headers, *headers))
            route.scheme.verify(delivery)
            self.pipeline.parse(delivery)
        except (ConfigurationError, VerificationError) as error:
            reason = f"{sample.name} cannot be sent as a genuine delivery: {error.reason}"
        except PayloadError as error:
            reason = f"{sample.name} is not of the documented form: {error.reason}"
        except Exception as error:  # noqa: BLE001  # the message of a plugin's error may hold a secret
            reason = (
                f"{sample.name} cannot be signed ({route.plugin_version} failed with {type(error).__name__})"
            )
        else:
            return delivery
        raise ConfigurationError(reason, **names)

    def forged(self, sample: Sample, seed: int) -> Delivery:
        """Return a sample with something changed after it was signed.

        That is a bit of the body, or a character of a header that proves it.

        Raises:
            ConfigurationError: Nothing of what proves it can be changed. Or as `genuine` does.
        """
        rng = Random(seed)  # noqa: S311  # which bit is no secret
        delivery = self.genuine(sample)
        for changed in self._changed(delivery, sample, rng):
            try:
                self.route.scheme.verify(changed)
            except VerificationError:
                return changed
        raise ConfigurationError(
            "--tamper: whatever is changed is accepted by these settings, so no forgery can be told",
            source=self.route.source.name,
            provider=self.route.provider.name,
        )

    def _changed(self, delivery: Delivery, sample: Sample, rng: Random) -> Iterator[Delivery]:
        pairs = list(delivery.headers.items_all())
        told = {name.lower() for name, _ in sample.headers}
        proofs = [index for index, (name, _) in enumerate(pairs) if name not in told]
        for _ in range(_TRIES):
            if delivery.body and (rng.random() < 0.5 or not proofs):
                body = bytearray(delivery.body)
                body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
                yield evolve(delivery, body=bytes(body))
            elif proofs:
                which = rng.choice(proofs)
                name, value = pairs[which]
                changed = [*pairs[:which], (name, _altered(value, rng)), *pairs[which + 1 :]]
                yield evolve(delivery, headers=changed)


def _altered(value: str, rng: Random) -> str:
    """Return a header's value with one letter or digit changed."""
    places = [index for index, character in enumerate(value) if character in ascii_letters + digits]
    if not places:
        return value
    at = rng.choice(places)
    alphabet = digits if value[at] in digits else ascii_letters
    return value[:at] + rng.choice(alphabet.replace(value[at], "")) + value[at + 1 :]
