"""Replay: stored deliveries through today's mapping, and never an event more than there is."""

from __future__ import annotations

import asyncio
import base64
import json
import resource
from typing import Any

import pytest
from inbox_shifty import body, release, store, stored

from cambist import Kind, Pipeline, Receiver, Secret, Status, Verdict
from cambist_inbox import Archive, Filter, Inbox, Replayed, Result

KEY = Secret(base64.b64encode(bytes(32)).decode(), "k")
OLD = release()
NEW = release(
    {"paid": Status.COMPLETED, "waiting": Status.AWAITING_PAYMENT, "odd": Status.EXPIRED}, version="2"
)


async def replay(
    url: str, pipeline: Pipeline, wanted: Filter | None = None, *, keys: Any = (), **options: Any
) -> list[Replayed]:
    async with Archive(url, keys=keys) as archive:
        return [each async for each in archive.replay(pipeline, wanted or Filter(), **options)]


def results(outcomes: list[Replayed]) -> list[Result]:
    return [outcome.result for outcome in outcomes]


async def test_what_is_the_same_stays_as_it_is(url: str) -> None:
    await store(url, OLD, *(body({"id": number, "word": "paid"}) for number in range(3)))
    before = await stored(url)
    assert results(await replay(url, release(version="2"))) == [Result.UNCHANGED] * 3
    assert await stored(url) == before, "another release alone is no difference"


@pytest.mark.parametrize("keys", [(), (KEY,)], ids=["clear", "sealed"])
async def test_a_word_that_is_known_now(url: str, keys: tuple[Secret, ...]) -> None:
    deliveries = [
        body({"id": 1, "word": "waiting"}),
        body({"id": 1, "word": "odd"}),
        body({"id": 2, "word": "paid"}),
    ]
    await store(url, OLD, *deliveries, sinks=["shop"], keys=keys)
    before = await stored(url, keys=keys)
    assert [status for _, _, status, *_ in before["events"]] == ["awaiting_payment", "unknown", "completed"]

    dry = await replay(url, NEW, keys=keys, sinks=["shop"], dry_run=True)
    assert await stored(url, keys=keys) == before, "a dry run changes nothing"
    done = await replay(url, NEW, keys=keys, sinks=["shop"])
    assert dry == done
    assert results(done) == [Result.UNCHANGED, Result.CHANGED, Result.UNCHANGED]
    (change,) = done[1].changes
    assert [each[:3] for each in change.differences if each.path in ("status", "final")] == [
        ("final", False, True),
        ("status", "unknown", "expired"),
    ]
    assert json.loads(change.after)["plugin_version"] == "shifty 2"
    assert [(each.before, each.after) for each in done[1].verdicts] == [(Verdict.UNCHANGED, Verdict.APPLIED)]
    assert [(each.reference, each.before, each.after) for each in done[1].payments] == [
        ("1", Status.AWAITING_PAYMENT, Status.EXPIRED)
    ]

    after = await stored(url, keys=keys)
    assert [event[:2] for event in after["events"]] == [event[:2] for event in before["events"]]
    assert after["events"][1][2:5] == ("expired", "payment", "applied")
    assert after["events"][1][5] == change.after
    assert after["payments"][0][:3] == ("payment", "1", "expired")
    assert after["waiting"] == before["waiting"], "not handed on again"

    assert results(await replay(url, NEW, keys=keys, sinks=["shop"])) == [Result.UNCHANGED] * 3
    assert await stored(url, keys=keys) == after, "the second time changes nothing"


async def test_every_verdict_is_that_of_the_events_in_their_order(url: str) -> None:
    old = release({"waiting": Status.AWAITING_PAYMENT})
    words = ["waiting", "odd", "waiting"]
    deliveries = [body({"id": n, "word": word, "payment": "p", "minute": n}) for n, word in enumerate(words)]
    await store(url, old, *deliveries)
    assert [event[4] for event in (await stored(url))["events"]] == ["applied", "unchanged", "unchanged"]
    new = release({"waiting": Status.AWAITING_PAYMENT, "odd": Status.COMPLETED})
    _, outcome, _ = await replay(url, new)
    assert {(each.before, each.after) for each in outcome.verdicts} == {
        (Verdict.UNCHANGED, Verdict.APPLIED),
        (Verdict.UNCHANGED, Verdict.CONFLICTING),
    }
    after = await stored(url)
    assert [event[4] for event in after["events"]] == ["applied", "applied", "conflicting"]
    fresh = url.replace("inbox.db", "fresh.db")
    if fresh != url:
        await store(fresh, new, *deliveries)
        assert [event[:5] for event in (await stored(fresh))["events"]] == [e[:5] for e in after["events"]]


@pytest.mark.parametrize("relay", [False, True])
async def test_changed_events_are_handed_on_again_when_asked(url: str, relay: bool) -> None:
    await store(url, OLD, body({"id": 1, "word": "odd"}), body({"id": 2, "word": "paid"}), sinks=["a"])
    async with Archive(url) as archive, archive.database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM outbox")  # the sink has them
    await replay(url, NEW, sinks=["a", "b"], relay=relay)
    changed = (await stored(url))["events"][0][1]
    assert (await stored(url))["waiting"] == ([("a", changed), ("b", changed)] if relay else [])


async def test_an_entry_that_waits_already_takes_the_event_as_it_is_then(url: str) -> None:
    await store(url, OLD, body({"id": 1, "word": "odd"}), sinks=["a"])
    waiting = (await stored(url))["waiting"]
    await replay(url, NEW, sinks=["a"], relay=True)
    assert (await stored(url))["waiting"] == waiting


@pytest.mark.parametrize(
    "identity",
    [
        lambda item: (str(item["id"]), str(item["word"]), "new"),
        lambda item: (str(item["id"]),),
    ],
    ids=["longer", "shorter"],
)
async def test_other_identities_are_told_and_not_applied(url: str, identity: Any) -> None:
    await store(url, OLD, body({"id": 1, "word": "odd"}), body({"id": 2, "word": "paid"}))
    before = await stored(url)
    changed = release(NEW.routes[0].provider.statuses["word"], identity=identity)  # type: ignore[arg-type]
    for _ in range(2):
        outcomes = await replay(url, changed)
        assert results(outcomes) == [Result.OTHER_IDENTITY] * 2
        assert all(outcome.result.failed and outcome.problem for outcome in outcomes)
        assert await stored(url) == before


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)], ids=["one more", "one less"])
async def test_more_events_or_less_are_other_identities(url: str, before: int, after: int) -> None:
    await store(url, release(copies=before), body({"id": 1, "word": "paid"}))
    as_it_was = await stored(url)
    assert results(await replay(url, release(copies=after))) == [Result.OTHER_IDENTITY]
    assert await stored(url) == as_it_was


async def test_an_event_that_came_with_another_delivery_first_stays_that_one_s(url: str) -> None:
    first, second = {"id": 1, "word": "odd"}, {"id": 2, "word": "odd"}
    await store(url, OLD, body(first), body(first, second), body(second, first))
    assert len((await stored(url))["events"]) == 2
    outcomes = await replay(url, NEW)
    assert results(outcomes) == [Result.CHANGED, Result.CHANGED, Result.UNCHANGED]
    assert [len(outcome.changes) for outcome in outcomes] == [1, 1, 0]
    assert len((await stored(url))["events"]) == 2


async def test_quarantine_is_left_once(url: str) -> None:
    unknown = body({"id": 1, "colour": "red", "word": "paid"}, source="lenient")
    await store(url, OLD, unknown, body({"id": 1, "word": "waiting"}, source="lenient"), sinks=["a"])
    assert results(await replay(url, OLD, sinks=["a"])) == [Result.QUARANTINED, Result.UNCHANGED]
    knowing = release(knows=("id", "colour"))
    before = await stored(url)
    dry = await replay(url, knowing, sinks=["a"], dry_run=True)
    assert await stored(url) == before
    done = await replay(url, knowing, Filter(quarantined=True), sinks=["a"])
    assert done == dry[:1]
    assert results(done) == [Result.RELEASED]
    assert done[0].changes[0].before is None
    after = await stored(url)
    assert [event[2:5] for event in after["events"]] == [
        ("awaiting_payment", "payment", "applied"),
        ("completed", "payment", "applied"),
    ]
    assert after["payments"][0][2] == "completed"
    assert [problem for _, problem, _ in after["deliveries"]] == [None, None]
    assert len(after["waiting"]) == 2
    assert results(await replay(url, knowing, sinks=["a"])) == [Result.UNCHANGED] * 2
    assert await stored(url) == after


async def test_what_cannot_be_read_any_more_is_told(url: str) -> None:
    await store(url, release(knows=("id", "colour")), body({"id": 1, "colour": "red", "word": "paid"}))
    before = await stored(url)
    (outcome,) = await replay(url, OLD)
    assert (outcome.result, outcome.problem) == (Result.UNREADABLE, "has a member that is not known")
    assert await stored(url) == before


async def test_an_event_of_another_payment_now(url: str) -> None:
    deliveries = [body({"id": n, "word": "paid" if n == 2 else "waiting", "payment": "p"}) for n in (1, 2)]
    await store(url, OLD, *deliveries, sinks=["a"])
    refund = release(kind=lambda item: Kind.WITHDRAWAL if item["id"] == 2 else Kind.PAYMENT)
    _, outcome = await replay(url, refund)
    assert {(each.before, each.after) for each in outcome.payments} == {
        (Status.COMPLETED, Status.AWAITING_PAYMENT),
        (None, Status.COMPLETED),
    }
    after = await stored(url)
    assert [row[:3] for row in after["payments"]] == [
        ("payment", "p", "awaiting_payment"),
        ("withdrawal", "p", "completed"),
    ]
    every = release(kind=lambda _: Kind.WITHDRAWAL)
    await replay(url, every)
    assert [row[:3] for row in (await stored(url))["payments"]] == [("withdrawal", "p", "completed")]
    assert results(await replay(url, every)) == [Result.UNCHANGED] * 2
    async with Inbox(every, url, sinks=["a"]) as inbox:  # and what is stored still works
        assert (await Receiver(every, inbox).receive(deliveries[0])).status == 200
    assert len((await stored(url))["events"]) == 2


async def test_a_redaction_that_is_new_takes_the_words_out_of_what_is_stored(sqlite: str) -> None:
    showing = release(knows=("id", "card"))
    await store(sqlite, showing, body({"id": 1, "word": "paid", "card": "4111111111111111"}))
    hiding = release(knows=("id", "card"), redact=lambda raw: raw.replace(b"4111111111111111", b"****"))
    (outcome,) = await replay(sqlite, hiding)
    assert [each.path for each in outcome.changes[0].differences] == ["raw_digest"]
    async with Archive(sqlite) as archive:
        row, _ = await archive.delivery(1)  # type: ignore[misc]
        assert b"4111" not in (archive.body(row) or b"")
    assert results(await replay(sqlite, hiding)) == [Result.UNCHANGED]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), [1, 2, 3]),
        (Filter(source="lenient"), [3]),
        (Filter(status="unknown"), [2, 3]),
        (Filter(number=2), [2]),
        (Filter(quarantined=True), []),
    ],
)
async def test_which_deliveries(sqlite: str, wanted: Filter, expected: list[int]) -> None:
    odd = {"id": 2, "word": "odd"}
    await store(sqlite, OLD, body({"id": 1, "word": "paid"}), body(odd), body(odd, source="lenient"))
    assert [outcome.delivery_id for outcome in await replay(sqlite, NEW, wanted)] == expected


async def test_a_wrong_key_and_a_source_that_is_gone(sqlite: str) -> None:
    await store(sqlite, OLD, body({"id": 1, "word": "paid"}), keys=[KEY])
    (outcome,) = await replay(sqlite, NEW)
    assert outcome.result is Result.SEALED
    await store(sqlite, OLD, body({"id": 2, "word": "paid"}))
    gone = release()
    del gone._routes["shop"]
    assert results(await replay(sqlite, gone, keys=[KEY])) == [Result.NO_SOURCE] * 2


async def test_beside_a_receiver_and_another_replay(url: str) -> None:
    """Whoever comes first: each event is there once, and each payment stands where its events say."""
    numbers = range(40)
    await store(
        url, OLD, *(body({"id": n, "word": "odd", "payment": str(n % 4)}) for n in numbers), sinks=["a"]
    )

    async def receive() -> None:
        async with Inbox(NEW, url, sinks=["a"]) as inbox:
            receiver = Receiver(NEW, inbox)
            deliveries = [
                body({"id": n, "word": word, "payment": str(n % 4)})
                for n in numbers
                for word in ("paid", "odd")
            ]
            for start in range(0, len(deliveries), 8):
                answers = await asyncio.gather(*map(receiver.receive, deliveries[start : start + 8]))
                assert {answer.status for answer in answers} == {200}

    _, one, other = await asyncio.gather(
        receive(), replay(url, NEW, sinks=["a"]), replay(url, NEW, sinks=["a"])
    )
    assert not any(outcome.result.failed for outcome in [*one, *other])
    after = await stored(url)
    assert len(after["events"]) == 80
    assert sum(outcome.result is Result.CHANGED for outcome in [*one, *other]) >= 40
    assert {row[2] for row in after["payments"]} == {"completed"}
    assert set(results(await replay(url, NEW, sinks=["a"]))) == {Result.UNCHANGED}
    assert await stored(url) == after


async def test_ten_thousand_deliveries_in_the_memory_of_a_few(sqlite: str) -> None:
    async with Inbox(OLD, sqlite) as inbox:
        receiver = Receiver(OLD, inbox)
        for start in range(0, 10_000, 200):
            batch = [
                body({"id": n, "word": "odd" if n % 50 == 0 else "paid"}) for n in range(start, start + 200)
            ]
            await asyncio.gather(*map(receiver.receive, batch))
    counts = dict.fromkeys(Result, 0)
    peaks = []
    async with Archive(sqlite) as archive:
        async for outcome in archive.replay(NEW):
            counts[outcome.result] += 1
            if sum(counts.values()) in (2_000, 10_000):
                peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert (counts[Result.CHANGED], counts[Result.UNCHANGED]) == (200, 9_800)
    assert peaks[1] - peaks[0] < 16 * 1024, "KiB more, for four times as many"
