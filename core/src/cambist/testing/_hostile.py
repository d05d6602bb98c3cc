"""Bodies that no provider means to send, each properly signed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pytest
from attrs import evolve, frozen

from cambist.errors import PayloadError, place
from cambist.testing._json_paths import loaded
from cambist.testing._outcomes import attempt, listening
from cambist.testing._subject import CANNOT_SIGN, subject_of

LONGEST_S: Final = 10
"""How long the largest body, of ten mebibytes, may keep the processor busy."""


@frozen
class Hostile:
    """A body that is made of a genuine one.

    Attributes:
        name: What it is called.
        body: Makes it.
        refused: Whether it must be a PayloadError where JSON is read.
    """

    name: str
    body: Callable[[bytes], bytes]
    refused: bool = True


BODIES: Final = (
    Hostile("empty", lambda body: b""),
    Hostile("blank", lambda body: b" \n"),
    Hostile("not_utf8", lambda body: body[:1] + b'"\xff\xfe":1,' + body[1:]),
    Hostile("utf16", lambda body: body.decode(errors="replace").encode("utf-16")),
    Hostile("byte_order_mark", lambda body: b"\xef\xbb\xbf" + body),
    Hostile("no_json", lambda body: b"<html><body>502 Bad Gateway</body></html>"),
    Hostile("cut_off", lambda body: body.rstrip()[:-1]),
    Hostile("followed_by_more", lambda body: body + b"{}"),
    Hostile("half_a_surrogate_pair", lambda body: body[:1] + b'"x":"\\ud800",' + body[1:]),
    Hostile("nan", lambda body: b"NaN"),
    Hostile("nan_in_a_field", lambda body: body[:1] + b'"x":NaN,' + body[1:]),
    Hostile("infinity_in_a_field", lambda body: body[:1] + b'"x":-Infinity,' + body[1:]),
    Hostile("nested_lists", lambda body: b"[" * 100_000 + b"]" * 100_000),
    Hostile("nested_objects", lambda body: b'{"data":' * 100_000 + b"1" + b"}" * 100_000),
    Hostile("null", lambda body: b"null"),
    Hostile("true", lambda body: b"true"),
    Hostile("text", lambda body: b'"payment"'),
    Hostile("number", lambda body: b"7"),
    Hostile("empty_list", lambda body: b"[]", refused=False),
    Hostile("list_of_nulls", lambda body: b"[null]", refused=False),
    Hostile("list_around_it", lambda body: b"[" + body + b"]", refused=False),
    Hostile("empty_object", lambda body: b"{}", refused=False),
    Hostile("digits_5000", lambda body: b"7" * 5_000),
    Hostile("digits_5000_in_a_field", lambda body: body[:1] + b'"x":' + b"7" * 5_000 + b"," + body[1:],
            refused=False),
    Hostile("same_keys_twice", lambda body: body.strip()[:-1] + b"," + body.strip()[1:], refused=False),
    Hostile("text_of_10_mib", lambda body: b'"' + b"x" * 10 * 2**20 + b'"'),
    Hostile("text_of_10_mib_in_a_field",
            lambda body: body[:1] + b'"x":"' + b"7" * 10 * 2**20 + b'",' + body[1:], refused=False),
    Hostile("object_of_5000_keys",
            lambda body: body[:1] + b'"x":{' + b'"a":1,' * 4_999 + b'"b":1},' + body[1:], refused=False),
    Hostile("key_of_100000_characters", lambda body: body[:1] + b'"' + b"x" * 100_000 + b'":1,' + body[1:],
            refused=False),
)  # fmt: skip


class HostileBodies:
    """Tests of bodies that are genuine and no webhook."""

    def test_a_hostile_body_gives_events_or_one_error(self, kit_body: Hostile) -> None:
        """It is signed, so the answer is a PayloadError or events, and nothing else."""
        subject = subject_of(self)
        account = subject.accounts[0]
        genuine = account.delivery.body
        body = kit_body.body(genuine)
        delivery = subject.signed(account.route, evolve(account.delivery, body=body))
        if subject.cannot_sign(account.route, delivery):
            pytest.skip(CANNOT_SIGN)
        started = time.process_time()
        with listening() as log:
            outcome = attempt(subject.of(account).process, delivery, log)
        problem = outcome.complaint
        if problem is None and time.process_time() - started > LONGEST_S:
            problem = f"takes the processor for more than {LONGEST_S} seconds"
        if problem is None and kit_body.refused and loaded(genuine) is not None:
            problem = (
                None
                if isinstance(outcome.error, PayloadError)
                else ("is accepted" if outcome.error is None else "is refused as not genuine, and is genuine")
            )
        if problem is None and outcome.error is not None and len(str(outcome.error)) > 4_000:
            problem = "gives an error of more than 4,000 characters"
        if problem is not None:
            pytest.fail(f"{kit_body.name}: {problem}", pytrace=False)

    def test_redaction_takes_every_body(self, kit_redacted: Hostile) -> None:
        """`redact` never raises, and returns bytes."""
        subject = subject_of(self)
        redact = subject.provider.redact
        if redact is None:
            pytest.skip("the provider has no `redact`")
        problem = None
        started = time.process_time()
        try:
            if not isinstance(redact(kit_redacted.body(subject.event_cases[0].delivery.body)), bytes):
                problem = "does not return bytes"
        except Exception as error:  # noqa: BLE001  # its message may hold the body
            problem = f"raises {place(error)}"
        if problem is None and time.process_time() - started > LONGEST_S:
            problem = f"takes the processor for more than {LONGEST_S} seconds"
        if problem is not None:
            pytest.fail(f"{kit_redacted.name}: redact {problem}", pytrace=False)
