"""The way of one delivery: verified, decoded, parsed and stamped; pure, and the same for ever."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from cambist import (
    Acknowledgement,
    Anomaly,
    Delivery,
    EventDraft,
    Kind,
    Pipeline,
    Provider,
    Registry,
    Secret,
    Source,
    Status,
    Verification,
    to_json,
)
from cambist.errors import ConfigurationError, PayloadError, PluginError, UnknownSource, VerificationError
from cambist.verification import AllOf, AnyOf, ApiKey, Unverified

Toy = Callable[..., Provider]
PipelineOf = Callable[..., Pipeline]
RegistryOf = Callable[..., Registry]
Signed = Callable[..., Delivery]

BODY = b'{"id": 1, "state": "done", "amount": 0.10882300}'


def drafts(*identities: tuple[str, ...]) -> Callable[[Any, Any], list[EventDraft]]:
    return lambda payload, context: [
        EventDraft(kind=Kind.TEST, status=Status.UNKNOWN, identity=identity) for identity in identities
    ]


def test_a_delivery_becomes_a_stamped_event(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    delivery = signed(BODY)
    processed = pipeline_of(toy()).process(delivery)
    (event,) = processed.events
    assert str(event.amounts.received.amount) == "0.10882300"  # type: ignore[union-attr]
    assert (event.provider, event.source, event.kind, event.status) == (
        "toy",
        "shop",
        Kind.TEST,
        Status.COMPLETED,
    )
    assert event.payment.id == "1"
    assert event.received_at == delivery.received_at
    assert event.verification == processed.verification == Verification("hmac-sha256", "1")
    assert event.raw_digest == hashlib.sha256(BODY).hexdigest()
    assert event.plugin_version == "unreleased 0"
    assert event.anomalies == ()
    assert processed.acknowledgement == Acknowledgement(200, b"", None, ())


def test_what_is_odd_is_noted_and_stops_nothing(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    body = b'{"id": "7", "state": "melted", "amount": "1", "note": 5, "new": 1}'
    (event,) = pipeline_of(toy()).process(signed(body)).events
    assert (event.status, event.provider_status) == (Status.UNKNOWN, "melted")
    assert event.anomalies == (
        Anomaly("note", "is not a string"),
        Anomaly("new", "is a field that this release does not know"),
        Anomaly("state", "an unknown status (its word is in provider_status)"),
    )


# Written down from `printf '["toy","shop","1","done"]' | sha256sum`: no release may change it.
IDENTITY = "evt_ca1e2322d29f70cc5a487914d9a84859"


def test_an_identity_is_the_same_on_every_machine_for_ever(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    first, second = pipeline_of(toy()), pipeline_of(toy())
    event = first.process(signed(BODY)).events[0]
    assert event.id == IDENTITY
    assert to_json(second.process(signed(BODY)).events[0]) == to_json(event)
    later = evolve(signed(b" " + BODY), received_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert second.process(later).events[0].id == IDENTITY


def test_an_identity_tells_source_provider_and_parts_apart(
    toy: Toy, registry_of: RegistryOf, signed: Signed
) -> None:
    parts = [("a", "bc"), ("ab", "c"), ("abc",), ("a", "b", "c"), ("a", '","', "c"), ("a", ""), ("", "a")]
    registry = registry_of(toy(parse=drafts(*parts)), toy(name="other", parse=drafts(*parts)))
    sources = [
        Source(name, provider, {"secrets": ["s3cret"]})
        for name, provider in (("shop", "toy"), ("pos", "toy"), ("shop2", "other"))
    ]
    pipeline = Pipeline(sources, registry=registry)
    ids = [event.id for source in sources for event in pipeline.process(signed(b"{}", source.name)).events]
    assert len(set(ids)) == len(ids) == 3 * len(parts)


def test_parsing_again_neither_verifies_nor_tells_observers(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    seen: list[object] = []
    pipeline = pipeline_of(
        toy(),
        cambist_event=lambda event: seen.append(event),
        cambist_rejection=lambda error: seen.append(error),
    )
    stored = evolve(signed(BODY), headers={}, received_at=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(VerificationError):
        pipeline.process(stored)
    assert len(seen) == 1
    found = Verification("hmac-sha256", "old")
    processed = pipeline.parse(stored, found)
    assert (processed.verification, processed.events[0].verification) == (found, found)
    assert processed.events[0].received_at == stored.received_at
    assert pipeline.parse(stored).events[0].verification is None
    with pytest.raises(UnknownSource):
        pipeline.parse(evolve(stored, source="other"))
    assert len(seen) == 1


def test_the_provider_answers_with_its_events_in_sight(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    def acknowledge(delivery: Delivery, events: tuple[Any, ...]) -> Acknowledgement:
        return Acknowledgement(202, f"{len(events)} of {delivery.source}".encode(), "text/plain")

    pipeline = pipeline_of(toy(parse=drafts(("a",), ("b",)), acknowledge=acknowledge))
    processed = pipeline.process(signed(b"{}"))
    assert processed.acknowledgement == Acknowledgement(202, b"2 of shop", "text/plain")
    assert len(processed.events) == 2


def test_a_provider_may_decode_in_its_own_way(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    def decode(body: bytes) -> dict[str, str]:
        return dict(pair.split("=") for pair in body.decode().split("&"))

    (event,) = pipeline_of(toy(decode=decode)).process(signed(b"id=7&state=new&amount=1.50")).events
    assert event.amounts.received.amount == Decimal("1.50")  # type: ignore[union-attr]
    assert event.status is Status.CREATED


CARD = b'"4111111111111111"'


def redact(body: bytes) -> bytes:
    return body.replace(CARD, b'"****"')


def test_card_numbers_reach_the_parser_and_nobody_else(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    parsed: list[Any] = []
    rejected: list[Delivery] = []
    pipeline = pipeline_of(
        toy(redact=redact, parse=lambda payload, context: parsed.append(payload) or ()),
        cambist_rejection=lambda delivery: rejected.append(delivery),
    )
    genuine = signed(b"[%s]" % CARD)
    for delivery, error in ((genuine, PayloadError), (evolve(genuine, headers={}), VerificationError)):
        with pytest.raises(error):
            pipeline.process(delivery)
    assert parsed == [["4111111111111111"]]
    assert [delivery.body for delivery in rejected] == [b'["****"]'] * 2
    assert pipeline.redacted(genuine) == evolve(genuine, body=b'["****"]')


def test_the_digest_of_a_body_does_not_cover_card_numbers(
    toy: Toy, pipeline_of: PipelineOf, signed: Signed
) -> None:
    pipeline = pipeline_of(toy(redact=redact, parse=drafts(("a",))))
    (event,) = pipeline.process(signed(b"[%s]" % CARD)).events
    assert event.raw_digest == hashlib.sha256(b'["****"]').hexdigest()


def test_what_cannot_be_redacted_is_not_shown(toy: Toy, pipeline_of: PipelineOf) -> None:
    def broken(body: bytes) -> bytes:
        raise ValueError(body)

    rejected: list[Delivery] = []
    pipeline = pipeline_of(toy(redact=broken), cambist_rejection=lambda delivery: rejected.append(delivery))
    with pytest.raises(VerificationError) as caught:
        pipeline.process(Delivery("shop", {}, CARD))
    assert caught.value.__context__ is None
    assert [delivery.body for delivery in rejected] == [b""]


def test_threads_share_a_pipeline(toy: Toy, pipeline_of: PipelineOf, signed: Signed) -> None:
    pipeline = pipeline_of(toy())
    deliveries = [signed(b'{"id": %d, "state": "done", "amount": "0.%d"}' % (n, n)) for n in range(400)]
    alone = [pipeline.process(delivery) for delivery in deliveries]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(pipeline.process, deliveries)) == alone


def test_a_source_of_an_unknown_provider_tells_what_is_installed(toy: Toy, registry_of: RegistryOf) -> None:
    registry = registry_of(toy(), toy(name="ping"))
    with pytest.raises(ConfigurationError, match=r"source 'shop', provider 'tay': .*installed: ping, toy\)"):
        Pipeline([Source("shop", "tay")], registry=registry)
    with pytest.raises(ConfigurationError, match="installed: none"):
        Pipeline([Source("shop", "tay")], registry=registry_of())


@pytest.mark.parametrize(
    ("second", "problem"),
    [(("shop", None), "two sources have this name"), (("pos", "/hook"), "another source claims /hook too")],
)
def test_two_sources_share_neither_name_nor_path(
    second: tuple[str, str | None], problem: str, toy: Toy, registry_of: RegistryOf
) -> None:
    secrets = {"secrets": ["s3cret"]}
    name, path = second
    sources = [Source("shop", "toy", secrets, "/hook"), Source(name, "toy", secrets, path)]
    with pytest.raises(ConfigurationError, match=f"source '{name}': .*{problem}"):
        Pipeline(sources, registry=registry_of(toy()))


@pytest.mark.parametrize("scheme", [None, True, "hmac", ApiKey], ids=str)
def test_a_provider_whose_verification_is_no_scheme_is_refused(
    scheme: object, toy: Toy, pipeline_of: PipelineOf
) -> None:
    with pytest.raises(PluginError, match="not a scheme") as caught:
        pipeline_of(toy(verification=lambda settings: scheme))
    assert (caught.value.distribution, caught.value.source) == ("unreleased", "shop")


def test_a_source_that_verifies_nothing_is_warned_of(
    toy: Toy, pipeline_of: PipelineOf, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "cambist"):
        pipeline = pipeline_of(toy(verification=lambda settings: Unverified()))
    assert caplog.messages == ["source 'shop' accepts unverified deliveries, as its settings ask for"]
    processed = pipeline.process(Delivery("shop", {}, BODY))
    assert processed.events[0].verification == Verification("none")


OPEN, KEYED = Unverified(), ApiKey(secrets=(Secret("s3cret", "1"),), header="X-Key")


@pytest.mark.parametrize(
    ("scheme", "warned"),
    [
        (KEYED, False),
        (AnyOf(KEYED, OPEN), True),
        (AllOf(KEYED, OPEN), False),
        (AllOf(OPEN, OPEN), True),
        (AllOf(KEYED, AnyOf(KEYED, OPEN)), False),
        (AnyOf(KEYED, AllOf(OPEN, OPEN)), True),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_accepts_anything_is_warned_of_also_inside_of_a_combination(
    scheme: object, warned: bool, toy: Toy, pipeline_of: PipelineOf, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "cambist"):
        pipeline_of(toy(verification=lambda settings: scheme))
    assert bool(caplog.messages) is warned


def test_the_routes_of_a_pipeline_are_its_sources(toy: Toy, pipeline_of: PipelineOf) -> None:
    pipeline = pipeline_of(toy())
    (route,) = pipeline.routes
    assert (route.source.name, route.provider.name) == ("shop", "toy")
    assert pipeline.route("shop") is route
    assert pipeline.route("other") is None
