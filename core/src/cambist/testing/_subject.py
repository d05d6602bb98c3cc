"""What is under test: a provider, the deliveries that are known of it, and ways to make more of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

from attrs import evolve, frozen

from cambist._codec import to_json
from cambist._delivery import Delivery
from cambist._event import EventDraft
from cambist._pipeline import Pipeline, Processed, Route
from cambist._provider import Context, Provider
from cambist._registry import Registered, Registry
from cambist._source import Source
from cambist.errors import ConfigurationError
from cambist.hookspecs import hookimpl
from cambist.testing._cases import Case, load_cases
from cambist.testing._schemes import placed

if TYPE_CHECKING:
    from cambist.testing._conformance import ProviderConformance

ARRIVAL = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""When a sample arrives, which has no time of its own."""

CANNOT_SIGN: Final = "only the sender can sign: give the class a method `sign(settings, delivery)`"


@frozen(eq=False)
class Account:
    """Settings under which a delivery is proven genuine, and such a delivery.

    Attributes:
        name: ``settings`` for those of the class, else the first case that has them.
        route: The source, made ready.
        delivery: A genuine delivery with no header beside those that prove it.
    """

    name: str
    route: Route
    delivery: Delivery


class Subject:
    """The provider that a conformance class names, alone in a registry of its own."""

    def __init__(self, conformance: type[ProviderConformance]) -> None:
        self.conformance = conformance
        self.settings: Mapping[str, Any] = dict(conformance.settings)
        self.registered = _registered(conformance.provider)
        self.provider = self.registered.provider
        self.registry = self.registry_with(self.provider)
        self._pipelines: dict[str, Pipeline] = {}

    def registry_with(self, provider: Provider) -> Registry:
        """Return a registry of this provider and no other, as the same release brings it."""
        registry = Registry()
        plugin = SimpleNamespace(cambist_register_providers=hookimpl(lambda: [provider]))
        registry.register(plugin, distribution=self.registered.distribution, version=self.registered.version)
        return registry

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The cases of this provider; its samples where no folder is given."""
        folder = self.conformance.cases
        if folder is None:
            if not self.samples:
                raise ValueError("the provider has no samples: give a folder of cases")
            return self.samples
        cases = tuple(case for case in load_cases(folder) if case.provider == self.provider.name)
        if all("error" in case.expected for case in cases):
            raise ValueError(f"{folder}: holds no case of {self.provider.name!r} that gives events")
        return cases

    @cached_property
    def first_read(self) -> Mapping[str, list[bytes] | None]:
        """What each delivery gave when it was read for the first time: the events as JSON."""
        return {case.name: self.read(case) for case in self.event_cases}

    def read(self, case: Case) -> list[bytes] | None:
        """Return the events of a case as JSON; nothing if there is none."""
        try:
            return [to_json(event) for event in self.of(case).parse(case.delivery).events]
        except Exception:  # noqa: BLE001  # other tests tell of it
            return None

    @cached_property
    def event_cases(self) -> tuple[Case, ...]:
        """The cases that give events."""
        return tuple(case for case in self.cases if "error" not in case.expected)

    @cached_property
    def samples(self) -> tuple[Case, ...]:
        """The provider's samples as cases without an expectation, genuine under the class's settings."""
        route = self.route(self.settings)
        made = []
        for sample in self.provider.samples:
            bare = Delivery(
                route.source.name,
                sample.headers,
                sample.body,
                ARRIVAL,
                f"/webhooks/{route.source.name}",
            )
            delivery = self.signed(route, placed(bare, route.scheme))
            made.append(Case(sample.name, self.provider.name, self.settings, delivery, {}))
        return tuple(made)

    def pipeline(
        self, settings: Mapping[str, Any], source: str = "conformance", registry: Registry | None = None
    ) -> Pipeline:
        """Return a pipeline with one source of these settings; kept, unless the registry is another."""
        if registry is not None:
            return Pipeline([Source(source, self.provider.name, settings)], registry=registry)
        key = f"{source} {_key(settings)}"
        if key not in self._pipelines:
            made = Pipeline([Source(source, self.provider.name, settings)], registry=self.registry)
            self._pipelines[key] = made
        return self._pipelines[key]

    def route(self, settings: Mapping[str, Any], source: str = "conformance") -> Route:
        """Return a source of these settings, made ready."""
        (route,) = self.pipeline(settings, source).routes
        return route

    def watched(self, case: Case, keep: Callable[[Any], object]) -> Callable[[Delivery], Processed]:
        """Return a `Pipeline.parse` for a case that shows each identity before it is hashed."""

        def parse(payload: Any, context: Context) -> tuple[EventDraft, ...]:
            drafts = tuple(self.provider.parse(payload, context))
            for draft in drafts:
                keep(draft["identity"])
            return drafts

        registry = self.registry_with(evolve(self.provider, parse=parse))
        return self.pipeline(case.settings, case.delivery.source, registry).parse

    def of(self, subject: Case | Account) -> Pipeline:
        """Return the pipeline that a case, or an account's delivery, goes through."""
        settings = subject.settings if isinstance(subject, Case) else subject.route.source.settings
        return self.pipeline(settings, subject.delivery.source)

    def proof(self, route: Route, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """Return the headers that make a delivery genuine; none where the scheme has none to make."""
        try:
            return tuple(self.conformance().sign(route.settings, delivery))
        except ConfigurationError:
            return ()

    def cannot_sign(self, route: Route, delivery: Delivery) -> bool:
        """Whether there is no way to make a delivery genuine: the private key is the sender's."""
        return not self.proof(route, delivery) and not is_genuine(route, delivery)

    def signed(self, route: Route, delivery: Delivery) -> Delivery:
        """Return the delivery with the headers that prove it, in place of those it had."""
        proof = self.proof(route, delivery)
        return evolve(delivery, headers=[*without(delivery, (name for name, _ in proof)), *proof])

    @cached_property
    def accounts(self) -> tuple[Account, ...]:
        """The class's settings, and each other ones under which a case is proven genuine."""
        first = self.event_cases[0].delivery
        found = {_key(self.settings): self._account("settings", self.settings, first)}
        for case in self.event_cases:
            if case.expected and _key(case.settings) not in found:
                found[_key(case.settings)] = self._account(case.name, case.settings, case.delivery)
        return tuple(found.values())

    def _account(self, name: str, settings: Mapping[str, Any], delivery: Delivery) -> Account:
        route = self.route(settings, delivery.source)
        if name == "settings":
            delivery = placed(delivery, route.scheme)
        signed = self.signed(route, delivery)
        proof = {header.lower() for header, _ in self.proof(route, delivery)}
        for header in [name for name in signed.headers if name not in proof]:
            fewer = evolve(signed, headers=without(signed, [header]))
            if is_genuine(route, fewer):
                signed = fewer
        return Account(name, route, signed)


def without(delivery: Delivery, names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the headers of a delivery but those of these names."""
    gone = {name.lower() for name in names}
    return [(name, value) for name, value in delivery.headers.items_all() if name not in gone]


def is_genuine(route: Route, delivery: Delivery) -> bool:
    """Whether the scheme accepts a delivery."""
    try:
        route.scheme.verify(delivery)
    except Exception:  # noqa: BLE001  # what it may raise is another test's
        return False
    return True


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps(dict(settings), default=str, sort_keys=True)


_subjects: dict[object, Subject] = {}


def subject_of(test: object) -> Subject:
    """Return what a test tests, or a conformance class; made once for the class."""
    conformance = cast("type[ProviderConformance]", test if isinstance(test, type) else type(test))
    if conformance not in _subjects:
        _subjects[conformance] = Subject(conformance)
    return _subjects[conformance]


@cache
def installed() -> Registry:
    """Return the installed plugins."""
    return Registry.load()


def _registered(provider: str | Provider) -> Registered:
    name = provider if isinstance(provider, str) else provider.name
    found = installed().providers.get(name)
    if isinstance(provider, Provider):
        return Registered(
            provider, found.distribution if found else "unreleased", found.version if found else "0"
        )
    if found is None:
        names = ", ".join(installed().providers) or "none"
        raise LookupError(
            f"no installed plugin brings the provider {name!r} (installed: {names}): "
            "install the package in this environment, or set `provider` to the record itself"
        )
    return found
