"""`cambist demo`: genuine callbacks accepted over real HTTP, a forged one refused."""

from __future__ import annotations

from typing import Any

import pytest

from cambist import Registry, from_json
from cambist.verification import HmacSignature

needs_coinspaid = pytest.mark.skipif(
    "coinspaid" not in Registry.load().providers, reason="cambist-coinspaid is not installed"
)


@needs_coinspaid
def test_events_on_stdout_and_comments_on_stderr(process: Any) -> None:
    result = process("demo")
    assert result.code == 0
    events = [from_json(line) for line in result.out.splitlines()]
    assert len(events) == 6
    assert {event.provider for event in events} == {"coinspaid"}
    assert {event.verification.scheme for event in events} == {"hmac-sha512"}
    assert "POST deposit: 713 bytes, signed in X-Processing-Signature\n  answered 200, 1 event" in result.err
    assert "the amount 6.53157512 -> 9.53157512" in result.err
    assert "cambist: warning: refused with 401: source 'demo'" in result.err
    assert result.err.endswith("6 of 6 genuine callbacks became events.\nThe forged one was refused.\n")


@needs_coinspaid
def test_a_verification_that_always_says_yes_fails_the_demo(
    cambist: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cambist import Verification

    monkeypatch.setattr(HmacSignature, "verify", lambda self, _: Verification(self.name))
    result = cambist("demo")
    assert result.code == 1
    assert "The forged one was NOT refused." in result.err
    assert result.err.endswith("cambist: the demo did not go as it should, see above\n")


@needs_coinspaid
def test_a_verification_that_always_says_no_fails_the_demo(
    cambist: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cambist.errors import VerificationError

    def refuse(*_: object) -> None:
        raise VerificationError("no")

    monkeypatch.setattr(HmacSignature, "verify", refuse)
    result = cambist("demo")
    assert (result.code, result.out) == (1, "")
    assert "0 of 6 genuine callbacks became events." in result.err


def test_without_the_provider(cambist: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "load", Registry)
    assert cambist("demo").failed() == "the demo sends CoinsPaid's callbacks: pip install cambist-coinspaid"
