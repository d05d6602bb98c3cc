"""What a provider is: a record of data and functions, with nothing to inherit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from cambist._delivery import Acknowledgement, Delivery
from cambist._event import Anomaly, EventDraft, PaymentEvent
from cambist._json import decode
from cambist._lifecycle import Status
from cambist._payload import read
from cambist.errors import Fault, PayloadError

if TYPE_CHECKING:
    from cambist.verification import Scheme

T = TypeVar("T")


@frozen
class Sample:
    """A delivery as the provider's document shows it, for demonstrations and the simulator.

    Attributes:
        name: A short name: ``deposit``.
        body: The exact body.
        headers: Headers that are part of the message, without those that verification needs.
    """

    name: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Context:
    """What a parser knows beside the payload, and where it notes what did not fit.

    Attributes:
        delivery: The delivery: headers and times. Its body is already decoded.
        settings: The provider's settings.
        statuses: The provider's status words.
        anomalies: What was noted so far.
    """

    __slots__ = ("anomalies", "delivery", "settings", "statuses")

    def __init__(
        self, delivery: Delivery, settings: Any, statuses: Mapping[str, Mapping[str, Status]]
    ) -> None:
        self.delivery = delivery
        self.settings = settings
        self.statuses = statuses
        self.anomalies: list[Anomaly] = []

    def anomaly(self, path: str, problem: str) -> None:
        """Note what does not fit and does not stop the event. Never put a value into ``problem``."""
        self.anomalies.append(Anomaly(path, problem))

    def read(self, cls: type[T], document: object, path: str = "") -> T:
        """Return a decoded object as its ``TypedDict``; what is odd in it but not faulty is noted.

        The object is changed in place. Ask for what may be absent with ``get``.

        Args:
            cls: The ``TypedDict``.
            document: The decoded object.
            path: Where it stands in the payload, if it is a part of it: ``payload.transaction``.

        Raises:
            PayloadError: With every path that is missing or of another type.
        """
        instance, faults, odd = read(cls, document, path)
        if instance is None:
            raise PayloadError(faults)
        for where, problem in odd:
            self.anomaly(where, problem)
        return instance

    def status(self, group: str, word: str, path: str = "status") -> Status:
        """Return our status for the provider's word; an unknown word is noted and gives ``unknown``."""
        found = self.statuses.get(group, {}).get(word)
        if found is not None:
            return found
        self.anomaly(path, "an unknown status (its word is in provider_status)")
        return Status.UNKNOWN


def fault(path: str, problem: str) -> PayloadError:
    """Return the error for a payload that cannot become an event. Never put a value into ``problem``."""
    return PayloadError((Fault(path, problem),))


Parse = Callable[[Any, Context], Iterable[EventDraft]]
Acknowledge = Callable[[Delivery, tuple[PaymentEvent, ...]], Acknowledgement]
Sign = Callable[[Any, Delivery], tuple[tuple[str, str], ...]]

OK = Acknowledgement()


def _ok(_delivery: Delivery, _events: tuple[PaymentEvent, ...]) -> Acknowledgement:
    return OK


@frozen(kw_only=True)
class Provider:
    """Everything that Cambist needs to know of one kind of webhook.

    Args:
        name: What configuration calls it: ``coinspaid``.
        title: What people call it.
        documentation: Where the provider documents its webhooks.
        settings: An attrs class of the source's settings; unknown keys are refused. A check of its own raises
            `ConfigurationError`, which is told with the source's name and the path.
        verification: Makes the scheme from the settings.
        statuses: For each object that has statuses, the provider's word → ours.
        parse: Turns a decoded payload into at least one draft. Raises what `fault` returns if it cannot.
        acknowledge: Makes the answer; an empty 200 unless given.
        sign: Makes the headers of a genuine delivery for tests and simulations, where the scheme's own way
            is not enough.
        samples: Deliveries out of the provider's document.
        redact: Takes card numbers out of a raw body before anyone but the parser sees it; the parser must not
            pass them on. Never raises.
        decode: Turns the raw body into the payload; raises ``ValueError`` without any value in it.
        media_types: The content types that it sends.
        headers: The names of the headers that ``parse`` reads: a stored delivery keeps these.
        retries: How many seconds the provider waits before it delivers again what was not acknowledged, for
            the simulator: one number for each further attempt. Empty where its document tells nothing.
    """

    name: str
    title: str
    documentation: str
    settings: type
    verification: Callable[[Any], Scheme]
    statuses: Mapping[str, Mapping[str, Status]]
    parse: Parse
    acknowledge: Acknowledge = _ok
    sign: Sign | None = None
    samples: tuple[Sample, ...] = ()
    redact: Callable[[bytes], bytes] | None = None
    decode: Callable[[bytes], Any] = decode
    media_types: tuple[str, ...] = ("application/json",)
    headers: tuple[str, ...] = ()
    retries: tuple[float, ...] = ()

    def signature(self, settings: Any, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return the headers that make a delivery genuine, by ``sign`` or else by the scheme.

        Raises:
            ConfigurationError: The scheme cannot sign, or no secret holds at the delivery's time.
        """
        return self.sign(settings, delivery) if self.sign else self.verification(settings).sign(delivery)
