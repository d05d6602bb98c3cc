"""The tests that every provider has to pass. An author inherits them, and names the provider."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final

import pytest

from cambist._delivery import Delivery
from cambist._provider import Provider
from cambist.testing._authenticity import Authenticity
from cambist.testing._fields import Fields
from cambist.testing._hostile import BODIES, HostileBodies
from cambist.testing._identity import Identity
from cambist.testing._leaks import Leaks
from cambist.testing._numbers import Numbers
from cambist.testing._record import Record
from cambist.testing._replay import Replay
from cambist.testing._report import report
from cambist.testing._rotation import Rotation
from cambist.testing._settings import Settings
from cambist.testing._subject import Subject, subject_of
from cambist.testing._words import Words, status_words

# What the argument of a test stands for: the test runs once for each.
ARGUMENTS: Final[Mapping[str, Callable[[Subject], Iterable[Any]]]] = {
    "kit_case": lambda subject: subject.cases,
    "kit_event_case": lambda subject: subject.event_cases,
    "kit_account": lambda subject: subject.accounts,
    "kit_sample": lambda subject: subject.samples,
    "kit_body": lambda _: BODIES,
    # One is enough to say why a test is skipped.
    "kit_status": lambda subject: status_words(subject)[: None if subject.conformance.cases else 1],
    "kit_card_case": lambda subject: subject.event_cases[: None if subject.provider.redact else 1],
    "kit_redacted": lambda subject: BODIES[: None if subject.provider.redact else 1],
}
GUARDS: Final = ("test_no_standard_test_is_overridden", "test_the_class_is_in_order")
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class ProviderConformance(
    Replay, Identity, Words, Fields, Numbers, HostileBodies, Authenticity, Rotation, Leaks, Settings, Record
):
    """Replays a provider's cases, and then attacks it. Inherit from it, in a test file of pytest.

    Attributes:
        provider: The name of an installed provider, or a `Provider` itself.
        settings: The settings of a source, under which the attacks are made.
        cases: The folder of the cases, as `load_cases` reads it. Where several providers share one, those of
            this provider are taken. Without it the provider's samples stand in, and no event is compared.
        same_event: Groups of names of cases that are deliveries of one event.
        unreached: Words of ``statuses`` that no case has → the reason.
        waived: Tests that this provider cannot pass → the reason: ``test_name``, or ``test_name[case]`` for
            one case. They are skipped, and the reason is shown.
        unmasked: For a provider with ``redact``: names of fields whose digits stay → the reason.
        other_secret: Another secret that the settings accept, where a made-up text will not do.

    Raises:
        TypeError: A subclass overrides what notices that standard tests are overridden.

    Example:
        >>> class TestAcorn(ProviderConformance):
        ...     provider = "acorn"
        ...     settings = {"secrets": ["s3cret"]}
        ...     cases = Path(__file__).parent / "cases"
    """

    provider: ClassVar[str | Provider]
    settings: ClassVar[Mapping[str, Any]] = _NONE
    cases: ClassVar[Path | None] = None
    same_event: ClassVar[Sequence[Collection[str]]] = ()
    unreached: ClassVar[Mapping[str, str]] = _NONE
    waived: ClassVar[Mapping[str, str]] = _NONE
    unmasked: ClassVar[Mapping[str, str]] = _NONE
    other_secret: ClassVar[str | None] = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for name in GUARDS:
            if inspect.getattr_static(cls, name) is not STANDARD[name]:
                raise TypeError(
                    f"{cls.__name__} overrides {name}, which may not be: nothing else guards the rest"
                )
            if any(key.partition("[")[0] == name for key in cls.waived):
                raise TypeError(f"{cls.__name__} waives {name}, which cannot be waived")

    def sign(self, settings: Any, delivery: Delivery) -> Iterable[tuple[str, str]]:
        """Return the headers that make a delivery genuine. Override it where the provider cannot sign.

        Args:
            settings: The source's settings, as the provider's class. Sign with the first secret that holds.
            delivery: What to sign: its body, at its ``received_at``, without these headers.

        Raises:
            ConfigurationError: No header makes it genuine.
        """
        return subject_of(self).provider.signature(settings, delivery)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test once for each thing that its argument stands for. Part of the standard tests."""
        subject = subject_of(self)
        _ = subject.first_read  # before any test, so that what a delivery leaves behind is noticed
        for argument, values in ARGUMENTS.items():
            if argument in metafunc.fixturenames:
                found = list(values(subject))
                metafunc.parametrize(argument, found, ids=[each.name for each in found])

    @pytest.fixture(autouse=True)
    def cambist_waiver(self, request: pytest.FixtureRequest) -> None:
        """Skip what the class waives. Part of the standard tests."""
        name: str = request.node.name
        if reason := self.waived.get(name) or self.waived.get(name.partition("[")[0]):
            pytest.skip(f"waived: {reason}")

    def test_no_standard_test_is_overridden(self) -> None:
        """A test that is replaced, or set to None, tests nothing any more."""
        cls = type(self)
        report(
            "A standard test is waived with a reason (`waived`), and never overridden.",
            [
                f"{name}: is overridden"
                for name, standard in STANDARD.items()
                if inspect.getattr_static(cls, name, None) is not standard
            ],
        )

    def test_the_class_is_in_order(self) -> None:
        """What it declares is there: names of tests, of cases, of statuses, and of its own attributes."""
        report("What the class declares is there.", _disorder(type(self)))


def _disorder(cls: type[ProviderConformance]) -> Iterator[str]:
    subject = subject_of(cls)
    known = {each.name for values in ARGUMENTS.values() for each in values(subject)}
    for key in cls.waived:
        name, _, rest = key.partition("[")
        if name not in STANDARD:
            yield f"waived: there is no test {name!r}"
        if rest and rest.removesuffix("]") not in known:
            yield f"waived: {key!r} names no case"
    for name in sorted({name for group in cls.same_event for name in group} - known):
        yield f"same_event: there is no case {name!r}"
    words = {each.word for each in status_words(subject)}
    yield from (
        f"unreached: {word!r} is no word of the statuses" for word in cls.unreached if word not in words
    )
    if cls.unmasked and subject.provider.redact is None:
        yield "unmasked: the provider has no `redact`"
    for what in (cls.waived, cls.unreached, cls.unmasked):
        yield from (
            f"{key}: is declared without a reason" for key, reason in what.items() if not reason.strip()
        )
    for base in cls.__mro__[: cls.__mro__.index(ProviderConformance)]:
        for name in vars(base):
            close = difflib.get_close_matches(name, ATTRIBUTES, 1, 0.8)
            if close and name not in ATTRIBUTES:
                yield f"{name}: is no attribute; did you mean {close[0]!r}?"


ATTRIBUTES: Final = frozenset({*inspect.get_annotations(ProviderConformance), "sign"})
STANDARD: Final[Mapping[str, Any]] = {
    name: inspect.getattr_static(ProviderConformance, name)
    for name in dir(ProviderConformance)
    if name.startswith("test_") or name in ("cambist_waiver", "pytest_generate_tests")
}
