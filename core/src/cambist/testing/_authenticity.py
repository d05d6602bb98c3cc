"""Deliveries that are not genuine: each is refused, and refused on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final

import pytest
from attrs import evolve

from cambist._delivery import Delivery
from cambist.errors import VerificationError
from cambist.testing._forgeries import Pair, changed_bodies, flipped, malformed, other_places
from cambist.testing._outcomes import attempt, listening, refusal
from cambist.testing._report import report
from cambist.testing._schemes import canonical_forms, covers_body, parts, proves_nothing
from cambist.testing._subject import Account, Subject, subject_of, without
from cambist.verification import IpAllowList

HOUR: Final = timedelta(hours=1)
# Longer than any tolerance that a case may set for its own purposes.
MONTH: Final = timedelta(days=31)


class Authenticity:
    """Tests of the verification, for each account: the class's settings, and those of the cases."""

    def test_a_genuine_delivery_is_accepted(self, kit_account: Account) -> None:
        """What `sign` signs passes, and the scheme reports itself."""
        subject = subject_of(self)
        problem = refusal(kit_account.route, kit_account.delivery)
        if problem is None:
            pytest.fail(
                "the delivery that the provider signs is refused: give the provider a `sign`, "
                "or this class a method `sign(settings, delivery)`",
                pytrace=False,
            )
        if problem != "is accepted":
            pytest.fail(f"a genuine delivery {problem}", pytrace=False)
        verification = kit_account.route.scheme.verify(kit_account.delivery)
        named = kit_account.route.scheme.name.split("|")
        if verification.scheme not in (*named, kit_account.route.scheme.name):
            pytest.fail("the verification reports another scheme than the one that checked", pytrace=False)
        with listening() as log:
            outcome = attempt(subject.of(kit_account).process, kit_account.delivery, log)
        if outcome.complaint or isinstance(outcome.error, VerificationError):
            pytest.fail(f"a genuine delivery {outcome.complaint or 'is refused'}", pytrace=False)

    def test_a_changed_body_is_refused(self, kit_account: Account) -> None:
        """One bit flipped anywhere, cut off anywhere, one byte more, or written again by a JSON library."""
        _skip_unproven(kit_account)
        if not covers_body(kit_account.route.scheme):
            pytest.skip(f"{kit_account.route.scheme.name} says nothing of the body")
        forms = canonical_forms(kit_account.route.scheme)
        body = kit_account.delivery.body
        report(
            "A body that was changed on the way is refused.",
            _accepted(
                kit_account,
                (
                    (what, evolve(kit_account.delivery, body=other))
                    for what, other in changed_bodies(body)
                    # What is signed in another form than the raw one may have any spelling of that form.
                    if other != body and not any(_form(form, other) == _form(form, body) for form in forms)
                ),
            ),
        )

    def test_a_missing_header_is_refused(self, kit_account: Account) -> None:
        """Each header that proves a delivery is needed."""
        _skip_unproven(kit_account)
        names = _proof(kit_account)
        report(
            "Without one of the headers that prove it, a delivery is refused.",
            _accepted(
                kit_account,
                [
                    *((f"header {n}", _with(kit_account, without(kit_account.delivery, [n]))) for n in names),
                    *([("all of them", _with(kit_account, []))] if names else []),
                ],
            ),
        )

    def test_a_malformed_header_is_refused(self, kit_account: Account) -> None:
        """Empty, garbage, not ASCII, cut off anywhere, or one character too long."""
        _skip_unproven(kit_account)
        report(
            "A malformed header is refused with a VerificationError.",
            _accepted(
                kit_account,
                (
                    (f"header {name}, {what}", _with(kit_account, _replaced(kit_account, name, [value])))
                    for name in _proof(kit_account)
                    for what, value in malformed(kit_account.delivery.headers[name])
                ),
            ),
        )

    def test_a_header_with_one_bit_flipped_is_refused(self, kit_account: Account) -> None:
        """But for the case of a letter where the case says nothing: in hex, and in `Bearer`."""
        _skip_unproven(kit_account)
        report(
            "A header that is wrong in one bit is refused.",
            _accepted(
                kit_account,
                (
                    (
                        f"header {name}, character {index}",
                        _with(kit_account, _replaced(kit_account, name, [value])),
                    )
                    for name in _proof(kit_account)
                    for index, value in flipped(kit_account.delivery.headers[name])
                ),
            ),
        )

    def test_a_repeated_header_proves_nothing_new(self, kit_account: Account) -> None:
        """The same value twice is no error of the check. With a wrong one, the order does not matter."""
        _skip_unproven(kit_account)
        found = []
        for name in _proof(kit_account):
            value = kit_account.delivery.headers[name]
            twice = refusal(
                kit_account.route, _with(kit_account, _replaced(kit_account, name, [value, value]))
            )
            found += [f"header {name}, twice: {twice}"] if twice not in (None, "is accepted") else []
            for what, wrong in {"garbage": "cambist-canary", "empty": "", "not ASCII": "é"}.items():
                before, after = (
                    refusal(kit_account.route, _with(kit_account, _replaced(kit_account, name, values)))
                    for values in ([wrong, value], [value, wrong])
                )
                found += [
                    f"header {name}, with one that is {what}: {problem}"
                    for problem in (before, after)
                    if problem not in (None, "is accepted")
                ]
                if before != after:
                    found.append(f"header {name}, with one that is {what}: the order decides")
            both = refusal(
                kit_account.route, _with(kit_account, _replaced(kit_account, name, ["cambist-canary"] * 2))
            )
            found += [f"header {name}, garbage twice: {both}"] if both else []
        report("A header that is repeated is accepted or refused, whichever value comes first.", found)

    def test_another_place_is_refused(self, kit_account: Account) -> None:
        """Where the path or the sender's address is the proof, any other one is refused."""
        _skip_unproven(kit_account)
        places = list(other_places(kit_account.delivery, kit_account.route.scheme))
        if not places:
            pytest.skip("neither the path nor the address is what proves it")
        report("Another path, or another address of the sender, is refused.", _accepted(kit_account, places))

    def test_a_time_that_is_off_is_refused(self, kit_account: Account) -> None:
        """A delivery is stale after an hour, and one that is signed an hour ahead is refused, too."""
        _skip_unproven(kit_account)
        subject = subject_of(self)
        if not _signs_time(subject, kit_account):
            pytest.skip(f"{kit_account.route.scheme.name} has no signed time: `replay` says so")
        arrival = kit_account.delivery.received_at
        off = HOUR if kit_account.name == "settings" else MONTH
        found = []
        if arrival is not None:
            found = [
                ("a stale delivery", evolve(kit_account.delivery, received_at=arrival + off)),
                ("a delivery of the future", evolve(kit_account.delivery, received_at=arrival - off)),
            ]
        found.append(("without a time of arrival", evolve(kit_account.delivery, received_at=None)))
        report("A signed time has to be near the time of arrival, either way.", _accepted(kit_account, found))


def _skip_unproven(account: Account) -> None:
    if proves_nothing(account.route.scheme):
        pytest.skip("the settings ask for no verification")


def _accepted(account: Account, forgeries: Iterable[tuple[str, Delivery]]) -> Iterator[str]:
    for what, delivery in forgeries:
        if problem := refusal(account.route, delivery):
            yield f"{what}: {problem}"


def _proof(account: Account) -> list[str]:
    """Return the headers that prove a genuine delivery. It has no other, but for what a proxy writes."""
    written = {part.header.lower() for part in parts(account.route.scheme) if isinstance(part, IpAllowList)}
    return [name for name in account.delivery.headers if name not in written]


def _with(account: Account, headers: Iterable[Pair]) -> Delivery:
    return evolve(account.delivery, headers=headers)


def _replaced(account: Account, name: str, values: Iterable[str | bytes]) -> list[Pair]:
    return [*without(account.delivery, [name]), *((name, value) for value in values)]


def _form(canonical: Callable[[bytes], bytes], body: bytes) -> bytes | None:
    try:
        return canonical(body)
    except Exception:  # noqa: BLE001  # a body without a form is refused
        return None


def _signs_time(subject: Subject, account: Account) -> bool:
    """Whether the proof changes with the time of arrival, or the scheme says that it does."""
    if account.route.scheme.replay != "none":
        return True
    arrival = account.delivery.received_at
    if arrival is None:
        return False
    later = evolve(account.delivery, received_at=arrival + HOUR)
    return subject.proof(account.route, later) != subject.proof(account.route, account.delivery)
