"""A sink that keeps what does not become events: refused deliveries, and genuine ones that cannot be read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cambist import (
    Acknowledgement,
    Delivery,
    Pipeline,
    Processed,
    Provider,
    Receiver,
    Registry,
    Source,
    Verification,
)
from cambist.errors import CambistError, ConfigurationError, PayloadError, UnknownSource, VerificationError
from cambist.hookspecs import Store

Toy = Callable[..., Provider]
RegistryOf = Callable[..., Registry]
Signed = Callable[..., Delivery]

CARD = b"4111111111111111"
UNREADABLE = b'{"id": 1, "note": "4111111111111111"}'
GENUINE = Verification("hmac-sha256", "1")


class Shelf:
    """Keeps everything, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.refused: list[tuple[Delivery, CambistError]] = []
        self.quarantined: list[tuple[Delivery, PayloadError]] = []

    async def publish(self, processed: Processed) -> None:
        raise AssertionError("no event is expected")

    async def reject(self, delivery: Delivery, error: CambistError) -> None:
        self.refused.append((delivery, error))
        if self.failure:
            raise self.failure

    async def quarantine(self, delivery: Delivery, error: PayloadError) -> None:
        if self.failure:
            raise self.failure
        self.quarantined.append((delivery, error))


def receiver(
    toy: Toy, registry_of: RegistryOf, shelf: object, *, quarantine: bool, **changes: object
) -> Receiver:
    provider = toy(redact=lambda body: body.replace(CARD, b"*"), **changes)
    source = Source("shop", "toy", {"secrets": ["s3cret"]}, quarantine=quarantine)
    return Receiver(Pipeline([source], registry=registry_of(provider)), shelf)  # type: ignore[arg-type]


def test_a_shelf_is_a_store() -> None:
    assert isinstance(Shelf(), Store)


@pytest.mark.parametrize(
    ("delivery", "error", "status"),
    [
        (Delivery("nobody", {}, b"{}"), UnknownSource, 404),
        (Delivery("shop", {}, UNREADABLE), VerificationError, 401),
        (None, PayloadError, 400),
    ],
    ids=["of no source", "forged", "unreadable"],
)
async def test_a_refused_delivery_is_kept_without_card_numbers(
    delivery: Delivery | None,
    error: type[CambistError],
    status: int,
    toy: Toy,
    registry_of: RegistryOf,
    signed: Signed,
) -> None:
    shelf = Shelf()
    answer = await receiver(toy, registry_of, shelf, quarantine=False).receive(delivery or signed(UNREADABLE))
    ((kept, why),) = shelf.refused
    assert (answer.status, type(why)) == (status, error)
    assert CARD not in kept.body
    assert not shelf.quarantined


async def test_a_refused_delivery_is_refused_whether_or_not_it_can_be_kept(
    toy: Toy, registry_of: RegistryOf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf(OSError("no space for 4111111111111111"))
    answer = await receiver(toy, registry_of, shelf, quarantine=True).receive(
        Delivery("shop", {}, UNREADABLE)
    )
    assert answer.status == 401
    assert "was not kept: OSError at" in caplog.text
    assert CARD.decode() not in caplog.text


async def test_a_genuine_delivery_that_cannot_be_read_is_quarantined_where_the_source_asks_for_it(
    toy: Toy, registry_of: RegistryOf, signed: Signed
) -> None:
    shelf = Shelf()
    answer = await receiver(toy, registry_of, shelf, quarantine=True).receive(signed(UNREADABLE))
    ((kept, why),) = shelf.quarantined
    assert answer == Acknowledgement()
    assert why.verification == GENUINE
    assert CARD not in kept.body
    assert not shelf.refused


async def test_a_forged_delivery_is_never_quarantined(toy: Toy, registry_of: RegistryOf) -> None:
    shelf = Shelf()
    answer = await receiver(toy, registry_of, shelf, quarantine=True).receive(
        Delivery("shop", {}, UNREADABLE)
    )
    assert answer.status == 401
    assert not shelf.quarantined


async def test_what_cannot_be_quarantined_is_sent_again(
    toy: Toy, registry_of: RegistryOf, signed: Signed
) -> None:
    shelf = Shelf(OSError("no space"))
    answer = await receiver(toy, registry_of, shelf, quarantine=True).receive(signed(UNREADABLE))
    assert answer.status == 503
    assert not shelf.quarantined


async def test_the_answer_of_a_quarantined_delivery_is_the_providers_own(
    toy: Toy, registry_of: RegistryOf, signed: Signed
) -> None:
    own = Acknowledgement(202, b"{}", "application/json")
    answers = {"own": lambda *_: own, "made of events": lambda _, events: events[0]}
    found = {}
    for name, acknowledge in answers.items():
        acting = receiver(toy, registry_of, Shelf(), quarantine=True, acknowledge=acknowledge)
        found[name] = await acting.receive(signed(UNREADABLE))
    assert found == {"own": own, "made of events": Acknowledgement()}


def test_quarantine_without_a_store_stops_the_start(toy: Toy, registry_of: RegistryOf) -> None:
    async def on_event(event: object) -> None: ...

    with pytest.raises(ConfigurationError, match="source 'shop': quarantine: needs an inbox"):
        receiver(toy, registry_of, on_event, quarantine=True)


async def test_what_is_processed_shows_its_delivery_without_card_numbers(
    toy: Toy, registry_of: RegistryOf, signed: Signed
) -> None:
    body = b'{"id": 1, "state": "done", "amount": "0.10", "note": "4111111111111111"}'
    processed = receiver(toy, registry_of, Shelf(), quarantine=False).pipeline.process(signed(body))
    assert processed.delivery is not None
    assert processed.delivery.body == body.replace(CARD, b"*")
    assert processed.delivery.headers == signed(body).headers
    assert "delivery" not in repr(processed)
