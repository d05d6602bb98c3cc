"""A 2xx means that the delivery and its events are in the database, once."""

from __future__ import annotations

import asyncio
import json

import pytest
from attrs import evolve
from inbox_toy import KEY, OTHER_KEY, PIPELINE, START, about, delivery, item, rows, signed

from cambist import Delivery, Processed, Receiver, Secret, from_json, to_json
from cambist.errors import ConfigurationError, SinkError
from cambist_inbox import Inbox, _items
from cambist_inbox._schema import deliveries, events, outbox, payments, rejections


async def test_what_is_stored(url: str) -> None:
    given = about("1", "completed", minute=5, note="13a")
    async with Inbox(PIPELINE, url, sinks=["a", "b"]) as inbox:
        assert (await Receiver(PIPELINE, inbox).receive(given)).status == 200
        (stored,) = await rows(inbox, deliveries)
        (event,) = await rows(inbox, events)
        (payment,) = await rows(inbox, payments)
        waiting = await rows(inbox, outbox)
    assert (stored["source"], stored["provider"], stored["scheme"]) == ("shop", "toy", "hmac-sha256")
    assert stored["body"] == given.body
    assert stored["received_at"] == START
    assert stored["times"] == 1
    assert event["delivery_id"] == stored["id"]
    assert event["payment_id"] == payment["id"]
    assert event["verdict"] == "applied"
    assert event["document"] == to_json(PIPELINE.process(given).events[0])
    assert (event["reference"], event["merchant_reference"]) == ("1", "13a")
    assert payment["status"] == "completed"
    assert payment["occurred_at"] == event["occurred_at"] == PIPELINE.process(given).events[0].occurred_at
    assert [(row["sink"], row["event_seq"]) for row in waiting] == [("a", event["seq"]), ("b", event["seq"])]


async def test_only_the_headers_that_the_parser_reads_are_kept(url: str) -> None:
    given = delivery(item("1"), **{"X-Kind": "deposit", "Authorization": "Bearer s3cret", "Cookie": "c00kie"})
    async with Inbox(PIPELINE, url) as inbox:
        await Receiver(PIPELINE, inbox).receive(given)
        (stored,) = await rows(inbox, deliveries)
    assert json.loads(stored["headers"]) == [["X-Kind", "deposit"]]


async def test_what_comes_again_is_acknowledged_and_counted(url: str) -> None:
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        answers = [await receiver.receive(about("1")) for _ in range(3)]
        answers += await asyncio.gather(*(receiver.receive(about("1")) for _ in range(20)))
        (stored,) = await rows(inbox, deliveries)
        (event,) = await rows(inbox, events)
        assert len(await rows(inbox, outbox)) == 1
    assert {answer.status for answer in answers} == {200}
    assert stored["times"] == event["times"] == 23


async def test_the_same_at_another_run(url: str) -> None:
    for _ in range(2):
        async with Inbox(PIPELINE, url) as inbox:
            assert (await Receiver(PIPELINE, inbox).receive(about("1"))).status == 200
            (event,) = await rows(inbox, events)
    assert event["times"] == 2


async def test_a_redelivery_in_other_bytes_is_kept_without_a_second_event(url: str) -> None:
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        await receiver.receive(about("1"))
        await asyncio.gather(receiver.receive(about("1", sent=2)), receiver.receive(about("1", sent=3)))
        assert [row["times"] for row in await rows(inbox, deliveries)] == [1, 1, 1]
        (event,) = await rows(inbox, events)
        assert event["times"] == 3
        assert len(await rows(inbox, outbox)) == 1


async def test_known_and_new_events_in_one_delivery(url: str) -> None:
    async with Inbox(PIPELINE, url) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        await receiver.receive(delivery(item("1"), item("2")))
        await receiver.receive(delivery(item("2"), item("3")))
        first, second = await rows(inbox, deliveries)
        stored = await rows(inbox, events)
    assert [(row["reference"], row["delivery_id"], row["times"]) for row in stored] == [
        ("1", first["id"], 1),
        ("2", first["id"], 2),
        ("3", second["id"], 1),
    ]


async def test_the_same_bytes_under_two_headers_are_two_deliveries(url: str) -> None:
    """A parser may read a header: then the same bytes say two things, even in one batch."""
    both = [delivery(item("1"), **{"X-Kind": kind}) for kind in ("deposit", "withdrawal")]
    async with Inbox(PIPELINE, url) as inbox:
        await asyncio.gather(*map(Receiver(PIPELINE, inbox).receive, both))
        kept = {row["id"]: json.loads(row["headers"])[0][1] for row in await rows(inbox, deliveries)}
        stored = await rows(inbox, events)
        assert len(await rows(inbox, payments)) == 2
    assert sorted(kept.values()) == ["deposit", "withdrawal"]
    assert [(row["kind"], kept[row["delivery_id"]]) for row in stored] == [
        ("deposit", "deposit"),
        ("withdrawal", "withdrawal"),
    ]


async def test_a_thousand_events_of_some_payments_in_one_delivery(url: str) -> None:
    given = delivery(*(item(str(number), payment=str(number % 7)) for number in range(2500)))
    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        assert (await receiver.receive(given)).status == 200
        assert (await receiver.receive(given)).status == 200
        stored = await rows(inbox, events)
        assert len(await rows(inbox, payments)) == 7
        assert len(await rows(inbox, outbox)) == 2500
    assert [row["merchant_reference"] for row in stored] == [None] * 2500
    documents = [from_json(row["document"]) for row in stored]
    assert [event.id for event in documents] == [event.id for event in PIPELINE.process(given).events]
    assert {row["times"] for row in stored} == {2}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(evolve(about("1"), received_at=None), id="no time of arrival"),
        pytest.param(about("x" * 10_000), id="a payment's id of 10 kB"),
        pytest.param(about("a\0b", note="c\0d"), id="NUL"),
        pytest.param(about("🎲", note="\N{RIGHT-TO-LEFT OVERRIDE}"), id="beyond ASCII"),
        pytest.param(about("1", payment=None), id="about no payment"),
        pytest.param(about("1", minute=-1_000_000_000), id="long ago"),
        pytest.param(evolve(about("1"), remote="\0\ud800" * 500), id="a peer of nonsense"),
    ],
)
async def test_odd_ones_are_stored(url: str, given: Delivery) -> None:
    async with Inbox(PIPELINE, url) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        for _ in range(2):
            assert (await receiver.receive(given)).status == 200
        (event,) = await rows(inbox, events)
    assert event["times"] == 2
    assert event["document"] == to_json(PIPELINE.process(given).events[0])


async def test_long_identifiers_that_begin_alike_are_two_payments(url: str) -> None:
    async with Inbox(PIPELINE, url) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        for end in "ab":
            await receiver.receive(about("x" * 10_000 + end))
        assert len(await rows(inbox, payments)) == 2


async def test_half_a_character_is_refused_for_good_or_stored(url: str) -> None:
    """JSON can write half of a surrogate pair, which no UTF-8 can: never a 503 that repeats for ever."""
    given = signed(b'{"items": [{"id": "1", "state": "completed", "note": "\\ud800"}], "sent": 1.5}')
    async with Inbox(PIPELINE, url) as inbox:
        assert (await Receiver(PIPELINE, inbox).receive(given)).status in {200, 400}


async def test_one_that_cannot_be_stored_spares_the_others(url: str) -> None:
    async with Inbox(PIPELINE, url) as inbox:
        processed = [PIPELINE.process(about(str(number))) for number in range(50)]
        prepared = [_items.acceptance(each, _provider(), inbox.vault, START) for each in processed]
        prepared[20] = evolve(prepared[20], row={**prepared[20].row, "source": None})
        answers = await asyncio.gather(*map(inbox._commits.put, prepared), return_exceptions=True)
        stored = {row["reference"] for row in await rows(inbox, events)}
        assert [row["times"] for row in await rows(inbox, deliveries)] == [1] * 49
    assert [number for number, answer in enumerate(answers) if answer is not None] == [20]
    assert isinstance(answers[20], SinkError)
    assert stored == {str(number) for number in range(50)} - {"20"}


def _provider() -> _items.Provider:
    route = PIPELINE.route("shop")
    assert route is not None
    return route.provider


async def test_a_lost_race_counts_nothing_twice(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cambist_inbox import _store

    write, failures = _store.write, iter([_store.RaceError, _store.RaceError])

    def late(*arguments: object) -> None:
        write(*arguments)  # type: ignore[arg-type]
        if failure := next(failures, None):
            raise failure

    monkeypatch.setattr(_store, "write", late)
    async with Inbox(PIPELINE, url) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        await asyncio.gather(*(receiver.receive(about("1")) for _ in range(3)))
        (stored,) = await rows(inbox, deliveries)
        (event,) = await rows(inbox, events)
    assert stored["times"] == event["times"] == 3


async def test_what_is_refused_is_kept(url: str) -> None:
    forged = Delivery(
        "shop", {"X-Signature": "00", "Authorization": "s3cret"}, b"x" * 100_000, START, remote="::1"
    )
    async with Inbox(PIPELINE, url) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        assert (await receiver.receive(forged)).status == 401
        assert (await receiver.receive(signed(b"[]"))).status == 400
        assert (await receiver.receive(Delivery("nobody\0\ud800", {}, b"secrets"))).status == 404
        await inbox.__aexit__(None, None, None)
        first, second, third = await rows(inbox, rejections)
        assert await rows(inbox, deliveries) == []
    assert (first["status"], first["error"], first["remote"]) == (401, "VerificationError", "::1")
    assert first["body"] == b"x" * _items.REJECTED_BODY
    assert first["size"] == 100_000
    assert (second["status"], second["body"]) == (400, b"[]")
    assert (third["status"], third["source"], third["body"], third["digest"]) == (
        404,
        "nobody\\0\\ud800",
        None,
        None,
    )


async def test_refused_ones_are_bounded(url: str) -> None:
    async with Inbox(PIPELINE, url, max_rejections=10) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        for number in range(35):
            await receiver.receive(Delivery("shop", {}, str(number).encode()))
        await inbox.__aexit__(None, None, None)
        assert [row["body"] for row in await rows(inbox, rejections)] == [
            str(number).encode() for number in range(25, 35)
        ]


async def test_quarantine(url: str) -> None:
    given = signed(b'{"items": "none"}', "lenient")
    async with Inbox(PIPELINE, url) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        answers = await asyncio.gather(*(receiver.receive(given) for _ in range(3)))
        answers.append(await receiver.receive(given))
        (stored,) = await rows(inbox, deliveries)
        assert await rows(inbox, events) == []
        assert await rows(inbox, rejections) == []
    assert {answer.status for answer in answers} == {200}
    assert (stored["times"], stored["body"], stored["scheme"]) == (4, given.body, "hmac-sha256")
    assert "items" in stored["problem"]


async def test_at_rest(url: str) -> None:
    given = about("1", note="a secret note")
    refused = Delivery("shop", {}, b"a secret note")
    keys = [Secret(KEY, "2026"), Secret(OTHER_KEY, "2025")]
    async with Inbox(PIPELINE, url, keys=keys) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        await receiver.receive(given)
        await receiver.receive(refused)
        await inbox.__aexit__(None, None, None)
        (stored,) = await rows(inbox, deliveries)
        (event,) = await rows(inbox, events)
        (rejection,) = await rows(inbox, rejections)
        for row, column in ((stored, "body"), (event, "document"), (rejection, "body")):
            assert b"secret" not in row[column]
            assert row["key_id"] == inbox.vault.key_id
        assert (
            inbox.vault.open(stored["body"], stored["key_id"], f"delivery {stored['digest']}") == given.body
        )
        document = inbox.vault.open(event["document"], event["key_id"], event["id"])
    assert from_json(document) == PIPELINE.process(given).events[0]


async def test_a_delivery_that_is_not_shown_is_not_taken(sqlite: str) -> None:
    async with Inbox(PIPELINE, sqlite) as inbox:
        processed = PIPELINE.process(about("1"))
        for other in (
            evolve(processed, delivery=None),
            evolve(processed, delivery=evolve(processed.delivery, source="other")),
        ):
            assert isinstance(other, Processed)
            with pytest.raises(SinkError, match="not shown or of another pipeline"):
                await inbox.publish(other)


def test_two_sinks_of_one_name(sqlite: str) -> None:
    with pytest.raises(ConfigurationError, match="two have one name"):
        Inbox(PIPELINE, sqlite, sinks=["a", "a"])


async def test_a_listener_that_fails_changes_nothing(sqlite: str) -> None:
    heard = []

    def fail() -> None:
        heard.append(1)
        raise RuntimeError

    async with Inbox(PIPELINE, sqlite) as inbox:
        forget = inbox.on_commit(fail)
        receiver = Receiver(PIPELINE, inbox)
        assert (await receiver.receive(about("1"))).status == 200
        forget()
        assert (await receiver.receive(about("1"))).status == 200
        (event,) = await rows(inbox, events)
    assert heard == [1]
    assert event["times"] == 2
