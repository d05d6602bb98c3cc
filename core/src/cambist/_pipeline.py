"""The way of one delivery: look the source up, verify, decode, parse, stamp."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson
from attrs import evolve, field, frozen

from cambist._delivery import Acknowledgement, Delivery
from cambist._event import Anomaly, PaymentEvent, Verification
from cambist._provider import Context, Provider
from cambist._source import Source, structure_settings
from cambist.errors import (
    CambistError,
    ConfigurationError,
    Fault,
    PayloadError,
    PluginError,
    UnknownSource,
    VerificationError,
    place,
)
from cambist.verification import AllOf, AnyOf, IpAllowList, Scheme, Unverified

if TYPE_CHECKING:
    from cambist._registry import Registered, Registry

logger = logging.getLogger("cambist")
MAX_ANOMALIES: Final = 100
Observers = tuple[tuple[str, Callable[..., Any]], ...]


@frozen
class Processed:
    """What became of one delivery.

    Attributes:
        events: At least one event, in the order that the provider gave.
        verification: How the delivery was proven genuine; ``None`` where `Pipeline.parse` was not told.
        acknowledgement: What to answer once the events are durable.
        delivery: What they were made of, without card numbers, for a sink that stores it; ``None`` where
            there is none to show.
        trace: The W3C trace context of the delivery (`trace_context`), where the delivery is not shown.
    """

    events: tuple[PaymentEvent, ...]
    verification: Verification | None
    acknowledgement: Acknowledgement
    delivery: Delivery | None = field(default=None, repr=False)
    trace: Mapping[str, str] = field(factory=dict, repr=False)


@frozen
class Route:
    """A source made ready: everything that does not change from one delivery to the next."""

    source: Source
    provider: Provider
    settings: Any = field(repr=False)
    scheme: Scheme = field(repr=False)
    plugin_version: str


class Pipeline:
    """Turns deliveries into events. Pure and synchronous: no socket, no file, no clock; threads can share it.

    Args:
        sources: The configured accounts.
        registry: The plugins; the installed ones unless given.

    Raises:
        ConfigurationError: A source names a provider that is not installed, has a setting that is unknown
            or malformed, an empty secret, or a name that another has.

    Example:
        >>> pipeline = Pipeline([Source("shop", "coinspaid", {"secrets": ["s3cret"]})])
        >>> pipeline.process(Delivery("shop", headers, body)).events[0].status
        <Status.COMPLETED: 'completed'>
    """

    def __init__(self, sources: Iterable[Source], *, registry: Registry | None = None) -> None:
        if registry is None:
            from cambist._registry import Registry

            registry = Registry.load()
        self._routes: dict[str, Route] = {}
        for source in sources:
            if source.name in self._routes:
                raise ConfigurationError("two sources have this name", source=source.name)
            if source.path is not None and source.path in {known.source.path for known in self.routes}:
                raise ConfigurationError(f"path: another source claims {source.path} too", source=source.name)
            self._routes[source.name] = _route(source, registry)
        self._event_observers: Observers = registry.observers("cambist_event")
        self._rejection_observers: Observers = registry.observers("cambist_rejection")

    @property
    def routes(self) -> tuple[Route, ...]:
        """The configured sources, made ready."""
        return tuple(self._routes.values())

    def route(self, name: str) -> Route | None:
        """Return the source of this name, made ready; nothing if there is none."""
        return self._routes.get(name)

    def process(self, delivery: Delivery) -> Processed:
        """Verify a delivery and turn it into events.

        Raises:
            UnknownSource: No source has this name.
            VerificationError: It is not proven genuine.
            PayloadError: It is genuine, but not the documented form.
        """
        verification = None
        try:
            route = self._route(delivery)
            verification = _verify(route, delivery)
            processed = _normalise(route, delivery, verification)
        except CambistError as error:
            if isinstance(error, PayloadError):
                error.verification = verification
            if self._rejection_observers:
                _notify(self._rejection_observers, delivery=self.redacted(delivery), error=error)
            raise
        if self._event_observers:
            for event in processed.events:
                _notify(self._event_observers, event=event)
        return processed

    def parse(self, delivery: Delivery, verification: Verification | None = None) -> Processed:
        """Turn a stored delivery into events again, without verifying it and without telling observers.

        A check of time must not be repeated: what was fresh when it arrived is stale now.

        Args:
            delivery: As it was stored.
            verification: What `process` found when it arrived.

        Raises:
            UnknownSource: No source has this name.
            PayloadError: It is not the documented form.
        """
        return _normalise(self._route(delivery), delivery, verification)

    def redacted(self, delivery: Delivery) -> Delivery:
        """Return the delivery as it may be stored or shown: without card numbers in its body."""
        route = self._routes.get(delivery.source)
        if route is None or route.provider.redact is None:
            return delivery
        try:
            body = route.provider.redact(delivery.body)
        except Exception as error:  # noqa: BLE001  # its message may hold the number
            logger.error("%s failed: %s", route.plugin_version, place(error))  # noqa: TRY400
            body = b""
        return evolve(delivery, body=body)

    def _route(self, delivery: Delivery) -> Route:
        route = self._routes.get(delivery.source)
        if route is None:
            raise UnknownSource("no such source is configured", source=str(delivery.source)[:64])
        return route


def _route(source: Source, registry: Registry) -> Route:
    registered = registry.providers.get(source.provider)
    if registered is None:
        installed = ", ".join(registry.providers) or "none"
        raise ConfigurationError(
            f"there is no such provider (installed: {installed}); install the plugin that brings it",
            source=source.name,
            provider=source.provider,
        )
    settings = structure_settings(registered.provider.settings, source)
    scheme = _scheme(source, registered, settings)
    if _accepts_anything(scheme):
        logger.warning("source %r accepts unverified deliveries, as its settings ask for", source.name)
    version = f"{registered.distribution} {registered.version}"
    return Route(source, registered.provider, settings, scheme, version)


def _accepts_anything(scheme: Scheme) -> bool:
    if isinstance(scheme, AllOf):
        return all(map(_accepts_anything, scheme.schemes))
    if isinstance(scheme, AnyOf):
        return any(map(_accepts_anything, scheme.schemes))
    return isinstance(scheme, Unverified)


def _scheme(source: Source, registered: Registered, settings: Any) -> Scheme:
    reason = ""
    try:
        scheme: object = registered.provider.verification(settings)
        if isinstance(scheme, Scheme) and not isinstance(scheme, type):
            return AllOf(IpAllowList(networks=source.allow), scheme) if source.allow else scheme
        reason = f"its verification is a {type(scheme).__name__}, not a scheme"
    except ConfigurationError as error:
        raise ConfigurationError(error.reason, source=source.name, provider=source.provider) from None
    except Exception as error:  # noqa: BLE001  # the message of a plugin's error may hold a secret
        reason = f"its verification cannot be set up ({type(error).__name__})"
    raise PluginError(
        reason, distribution=registered.distribution, source=source.name, provider=source.provider
    )


# Errors are raised outside of the except blocks: a traceback that is kept or sent on would otherwise
# carry the inner exception, and with it values of the payload or of a secret.


def _verify(route: Route, delivery: Delivery) -> Verification:
    try:
        verification = route.scheme.verify(delivery)
        if verification.__class__ is Verification:
            return verification
        reason = "the scheme gave no verdict"
    except VerificationError as error:
        reason = error.reason
    except Exception as error:  # noqa: BLE001  # fails closed, whatever it is
        reason = f"the check failed with {type(error).__name__}, which counts as not genuine"
    raise VerificationError(reason, provider=route.provider.name, source=route.source.name)


def _normalise(route: Route, delivery: Delivery, verification: Verification | None) -> Processed:
    outcome = _outcome(route, delivery, verification)
    if isinstance(outcome, Processed):
        return outcome
    raise PayloadError(outcome, provider=route.provider.name, source=route.source.name)


def _outcome(
    route: Route, delivery: Delivery, verification: Verification | None
) -> Processed | tuple[Fault, ...]:
    """Return what becomes of a delivery, or its faults. The frame that raises must not hold the payload."""
    provider = route.provider
    try:
        payload = provider.decode(delivery.body)
    except Exception as error:  # noqa: BLE001
        return (Fault("", str(error) if error.__class__ is ValueError else "cannot be decoded"),)
    try:
        context = Context(delivery, route.settings, provider.statuses)
        drafts = tuple(provider.parse(payload, context))  # before the anomalies are read
        anomalies = _bounded(context.anomalies) if context.anomalies else ()
        redact = provider.redact
        kept = delivery if redact is None else evolve(delivery, body=redact(delivery.body))
        events = _stamp(drafts, route, kept, verification, anomalies)
        acknowledgement = provider.acknowledge(delivery, events)
    except PayloadError as error:
        return error.faults
    except Exception as error:  # noqa: BLE001  # its message may hold a value of the payload
        logger.error("%s failed: %s", route.plugin_version, place(error))  # noqa: TRY400
        return (Fault("", "cannot be read, which is a fault of the plugin: please report it"),)
    if acknowledgement.__class__ is not Acknowledgement:
        return (Fault("", "gets no acknowledgement: a fault of the plugin"),)
    if len(events) == 1 or len({event.id for event in events}) == len(events) > 0:
        return Processed(events, verification, acknowledgement, kept)
    return (Fault("", "gives no event, or two of one identity: a fault of the plugin"),)


def _bounded(anomalies: list[Anomaly]) -> tuple[Anomaly, ...]:
    """Return the anomalies, or the first of them and how many more there are: a body has room for many."""
    if len(anomalies) <= MAX_ANOMALIES:
        return tuple(anomalies)
    return (*anomalies[:MAX_ANOMALIES], Anomaly("", f"and {len(anomalies) - MAX_ANOMALIES} more"))


def _stamp(
    drafts: Iterable[Any],
    route: Route,
    delivery: Delivery,
    verification: Verification | None,
    anomalies: tuple[Anomaly, ...],
) -> tuple[PaymentEvent, ...]:
    provider, source = route.provider.name, route.source.name
    # Of the redacted body: a digest of one with a card number could be searched for the number.
    digest = sha256(delivery.body).hexdigest()
    events = []
    for draft in drafts:
        # A JSON list has one spelling for one list of strings, so no two identities run together.
        identity = orjson.dumps([provider, source, *draft.pop("identity")])
        events.append(
            PaymentEvent(
                id=f"evt_{sha256(identity).hexdigest()[:32]}",
                provider=provider,
                source=source,
                received_at=delivery.received_at,
                verification=verification,
                anomalies=anomalies,
                raw_digest=digest,
                plugin_version=route.plugin_version,
                **draft,
            )
        )
    return tuple(events)


def _notify(observers: Observers, **arguments: Any) -> None:
    for name, observer in observers:
        try:
            observer(**arguments)
        except Exception as error:  # noqa: BLE001  # its message may hold a value of the payload
            logger.error("observer %s failed: %s", name, place(error))  # noqa: TRY400
