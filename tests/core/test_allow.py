"""A source that names networks takes deliveries only from them, and only what is proven genuine, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from cambist import Delivery, Pipeline, Provider, Registry, Source, Verification
from cambist.errors import ConfigurationError, VerificationError

BODY = b'{"id": 1, "state": "done", "amount": 1}'
SETTINGS = {"secrets": [{"value": "s3cret", "label": "new"}]}
Made = Callable[..., Pipeline]


@pytest.fixture
def made(toy: Callable[..., Provider], registry_of: Callable[..., Registry]) -> Made:
    def made(*allow: str) -> Pipeline:
        return Pipeline([Source("shop", "toy", SETTINGS, allow=allow)], registry=registry_of(toy()))

    return made


@pytest.mark.parametrize(
    ("remote", "problem"),
    [
        ("203.0.113.7", None),
        ("::ffff:203.0.113.7", None),
        ("2001:db8::1", None),
        ("203.0.114.7", "the address of the sender is not on the allow list"),
        ("2001:db9::1", "the address of the sender is not on the allow list"),
        (None, "the address of the sender is not known"),
        ("", "the address of the sender is malformed or hidden"),
    ],
)
def test_only_from_there(
    made: Made, signed: Callable[..., Delivery], remote: str | None, problem: str | None
) -> None:
    pipeline, delivery = made("203.0.113.0/24", "2001:db8::/32"), evolve(signed(BODY), remote=remote)
    if problem is None:
        assert pipeline.process(delivery).events
        return
    with pytest.raises(VerificationError, match=problem):
        pipeline.process(delivery)


def test_no_address_makes_up_for_a_signature(made: Made, signed: Callable[..., Delivery]) -> None:
    forged = evolve(signed(BODY), body=BODY.replace(b"1", b"2"), remote="203.0.113.7")
    with pytest.raises(VerificationError, match="signature"):
        made("203.0.113.7").process(forged)


def test_no_header_makes_up_for_an_address(made: Made, signed: Callable[..., Delivery]) -> None:
    """The edge knows the proxies; what it makes of their word is the delivery's address."""
    delivery = signed(BODY)
    headers = [*delivery.headers.items_all(), ("X-Forwarded-For", "203.0.113.7")]
    with pytest.raises(VerificationError, match="not on the allow list"):
        made("203.0.113.7").process(evolve(delivery, headers=headers, remote="192.0.2.1"))


def test_events_are_the_same_and_tell_both_proofs(made: Made, signed: Callable[..., Delivery]) -> None:
    delivery = evolve(signed(BODY), remote="203.0.113.7")
    (free,), (bound,) = (made(*allow).process(delivery).events for allow in ((), ("203.0.113.7",)))
    assert free.verification == Verification("hmac-sha256", "new")
    assert bound.verification == Verification("ip-allow-list+hmac-sha256", "new")
    assert evolve(bound, verification=None) == evolve(free, verification=None)


def test_a_stored_delivery_is_read_from_anywhere(made: Made, signed: Callable[..., Delivery]) -> None:
    assert made("203.0.113.7").parse(signed(BODY)).events


@pytest.mark.parametrize("wrong", ["203.0.113.7/24", "example.org", "*", ""])
def test_a_network_that_is_none_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="source 'shop': allow: an address or network is malformed"):
        Source("shop", "toy", SETTINGS, allow=("203.0.113.7", wrong))
