"""Retention, new keys and copies, on what is stored and while more is."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from inbox_shifty import body, release, store, stored

from cambist import Delivery, Receiver, Secret
from cambist.errors import ConfigurationError
from cambist_inbox import Archive, Filter, Inbox, Retention, backup, restore

PIPELINE = release()
OLD, NEW = (Secret(base64.b64encode(bytes([n]) * 32).decode(), str(n)) for n in (1, 2))
DAY = timedelta(days=1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def paid(number: int) -> Delivery:
    return body({"id": number, "word": "paid"})


def whole(folder: Path) -> bytes:
    """Return every byte that the database has on the disk."""
    return b"".join(path.read_bytes() for path in folder.glob("inbox.db*"))


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def names(keys: dict[str | None, int], archive: Archive) -> dict[str | None, int]:
    return {archive.key_name(key): total for key, total in keys.items()}


async def test_what_is_old_is_dropped_and_events_stay(url: str) -> None:
    for days in (100, 91, 89):
        await store(url, PIPELINE, paid(days), clock=lambda days=days: NOW - days * DAY)
    async with Archive(url, clock=lambda: NOW) as archive:
        steps = [step async for step in archive.prune(90 * DAY, 30 * DAY)]
        assert sum(step.bodies for step in steps) == 2
        assert steps[-1].done == steps[-1].total
        assert [row["has_body"] async for row in archive.deliveries()] == [False, False, True]
        assert len([archive.document(row) async for row in archive.events()]) == 3
        again = [step async for step in archive.prune(90 * DAY, None)]
        assert again == [], "what was dropped already is not stepped over each time"


async def test_what_is_in_quarantine_keeps_its_body(url: str) -> None:
    unreadable = body({"id": 1, "colour": "red"}, source="lenient")
    await store(url, PIPELINE, unreadable, clock=lambda: NOW - 100 * DAY)
    async with Archive(url, clock=lambda: NOW) as archive:
        assert sum([step.bodies async for step in archive.prune(90 * DAY, None)]) == 0


async def test_many_are_dropped_in_steps_while_deliveries_are_taken(url: str) -> None:
    async with Inbox(PIPELINE, url, clock=lambda: NOW - 100 * DAY) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        await asyncio.gather(*(receiver.receive(paid(n)) for n in range(1000)))
    async with Inbox(PIPELINE, url, clock=lambda: NOW) as inbox, Archive(url, clock=lambda: NOW) as archive:
        receiver = Receiver(PIPELINE, inbox)
        fresh = 1000
        dropped = 0
        async for step in archive.prune(90 * DAY, None):
            dropped += step.bodies
            assert step.bodies <= 200
            assert (await receiver.receive(paid(fresh))).status == 200
            fresh += 1
        assert dropped == 1000
        assert [row["id"] async for row in archive.deliveries() if row["has_body"]] == list(
            range(1001, fresh + 1)
        )


async def test_the_server_drops_by_itself(url: str) -> None:
    await store(url, PIPELINE, paid(1), clock=lambda: NOW - 100 * DAY)
    async with (
        Inbox(PIPELINE, url, clock=lambda: NOW) as inbox,
        Archive(url) as archive,
        Retention(inbox, every_s=0.01),
    ):
        for _ in range(500):
            if [row["has_body"] async for row in archive.deliveries()] == [False]:
                break
            await asyncio.sleep(0.01)
        assert [row["has_body"] async for row in archive.deliveries()] == [False]


async def test_nothing_that_was_dropped_is_left_in_the_file(sqlite: str, tmp_path: Path) -> None:
    card = "4111111111111111"
    await store(sqlite, release(knows=("id", "card")), body({"id": 1, "word": "paid", "card": card * 2000}))
    assert card.encode() in whole(tmp_path)
    async with Archive(sqlite, clock=lambda: datetime.now(UTC) + DAY) as archive:
        assert sum([step.bodies async for step in archive.prune(timedelta(0), None)]) == 1
    assert card.encode() not in whole(tmp_path)


async def test_another_key_while_deliveries_are_taken(url: str) -> None:
    await store(url, PIPELINE, *map(paid, range(30)))
    before = (await stored(url))["events"]
    async with Inbox(PIPELINE, url, keys=[NEW]) as inbox, Archive(url, keys=[NEW]) as archive:
        receiver = Receiver(PIPELINE, inbox)
        rekey = asyncio.create_task(_run(archive.rekey()))
        for number in range(30, 60):
            assert (await receiver.receive(paid(number))).status == 200
        await rekey
        assert names(await archive.keys(), archive) == {"2": 120}
        assert [archive.document(row) async for row in archive.events()][:30] == [
            event[5] for event in before
        ]
        assert await _run(archive.rekey()) == 0


async def _run(steps: Any) -> int:
    return sum([step.changed async for step in steps])


async def test_a_rekey_that_was_ended_goes_on(url: str) -> None:
    await store(url, PIPELINE, *map(paid, range(250)), keys=[OLD])
    async with Archive(url, keys=[NEW, OLD]) as archive:
        steps = archive.rekey()
        first = await anext(steps)
        await steps.aclose()  # type: ignore[attr-defined]
        assert (first.changed, first.problems) == (200, ())
        assert names(await archive.keys(), archive) == {"1": 300, "2": 200}
        assert await _run(archive.rekey()) == 300
        assert names(await archive.keys(), archive) == {"2": 500}
    async with Archive(url, keys=[NEW]) as archive:
        assert len([archive.document(row) async for row in archive.events()]) == 250


async def test_what_cannot_be_opened_is_left_and_told(url: str) -> None:
    await store(url, PIPELINE, paid(1), keys=[OLD])
    await store(url, PIPELINE, paid(2))
    async with Archive(url, keys=[NEW]) as archive:
        steps = [step async for step in archive.rekey()]
        assert sum(step.changed for step in steps) == 2
        problems = [problem for step in steps for problem in step.problems]
        assert len(problems) == 2
        assert all("is not configured" in problem for problem in problems)
    async with Archive(url, keys=[NEW, OLD]) as archive:
        assert len([archive.document(row) async for row in archive.events()]) == 2


async def test_a_copy_while_deliveries_are_taken_is_whole(sqlite: str, tmp_path: Path) -> None:
    async with Inbox(PIPELINE, sqlite) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        await asyncio.gather(*map(receiver.receive, map(paid, range(2000))))
        copying = asyncio.create_task(asyncio.to_thread(backup, sqlite, tmp_path / "copy.db"))
        taken = 0
        while not copying.done():
            assert (await receiver.receive(paid(2000 + taken))).status == 200
            taken += 1
        await copying
    restored = f"sqlite:///{tmp_path}/restored.db"
    restore(restored, tmp_path / "copy.db")
    events = (await stored(restored))["events"]
    assert 2000 <= len(events) <= 2000 + taken
    assert events == (await stored(sqlite))["events"][: len(events)]
    assert (tmp_path / "restored.db").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert not {f"copy.db-{rest}" for rest in ("wal", "shm", "journal")} & set(files(tmp_path))


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE cambist_inbox_version SET version_num = '9999'", "newer release"),
        ("DROP TABLE cambist_inbox_version", "is no inbox"),
    ],
)
async def test_a_copy_that_is_not_ours_is_refused(
    sqlite: str, tmp_path: Path, statement: str, problem: str
) -> None:
    await store(sqlite, PIPELINE, paid(1))
    copy = tmp_path / "copy.db"
    backup(sqlite, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(statement)
    with pytest.raises(ConfigurationError, match=problem):
        restore(f"sqlite:///{tmp_path}/new.db", copy)
    assert not (tmp_path / "new.db").exists()


async def test_a_damaged_copy_is_refused(sqlite: str, tmp_path: Path) -> None:
    await store(sqlite, PIPELINE, *map(paid, range(200)))
    copy = tmp_path / "copy.db"
    backup(sqlite, copy)
    good = copy.read_bytes()
    copy.write_bytes(good[:8192] + b"\xff" * 4096 + good[12288:])
    with pytest.raises(ConfigurationError, match="damaged"):
        restore(f"sqlite:///{tmp_path}/new.db", copy)


async def test_a_log_that_is_left_over_is_not_taken_for_the_copy_s(sqlite: str, tmp_path: Path) -> None:
    await store(sqlite, PIPELINE, paid(1))
    backup(sqlite, tmp_path / "copy.db")
    (tmp_path / "new.db-wal").write_bytes(b"of another")
    with pytest.raises(ConfigurationError, match="is left of another database"):
        restore(f"sqlite:///{tmp_path}/new.db", tmp_path / "copy.db")


@pytest.mark.parametrize("was_there", [True, False])
async def test_what_a_server_has_stored_while_a_copy_is_put_back_stays(
    sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    await store(sqlite, PIPELINE, paid(1))
    backup(sqlite, tmp_path / "copy.db")
    target = sqlite if was_there else f"sqlite:///{tmp_path}/new.db"
    looks = 0

    def start(path: Path) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:  # the first look is at the copy, the second at what is put in the inbox's place
            asyncio.run(serve())

    async def serve() -> None:
        await held.__aenter__()
        assert (await Receiver(PIPELINE, held).receive(paid(2))).status == 200
        if was_there:
            held_open.append(sqlite3.connect(tmp_path / "inbox.db", check_same_thread=False))
            held_open[0].execute("SELECT count(*) FROM events").fetchone()
        await held.__aexit__(None, None, None)

    held, held_open = Inbox(PIPELINE, target), list[sqlite3.Connection]()
    monkeypatch.setattr("cambist_inbox._backup.check", start)
    with pytest.raises(ConfigurationError, match="is in use" if was_there else "is there already"):
        await asyncio.to_thread(restore, target, tmp_path / "copy.db", force=was_there)
    for each in held_open:
        each.close()
    async with Archive(target) as archive:
        assert [row["reference"] async for row in archive.events(last=1)] == ["2"]
    assert not [name for name in files(tmp_path) if name.startswith(".cambist-")]


async def test_a_copy_is_for_sqlite(postgres: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="pg_dump"):
        backup(postgres, tmp_path / "copy.db")


async def test_lists_are_flat_pages_of_what_was_there(url: str) -> None:
    await store(url, PIPELINE, *map(paid, range(30)))
    async with Archive(url) as archive, Inbox(PIPELINE, url) as inbox:
        seen = []
        async for row in archive.events():
            if not seen:
                await Receiver(PIPELINE, inbox).receive(paid(99))
            seen.append(row["reference"])
        assert seen == [str(n) for n in range(30)], "what comes meanwhile comes after it"
        assert [row["reference"] async for row in archive.events(last=2)] == ["29", "99"]
        assert [row["reference"] async for row in archive.events(Filter(payment="7"))] == ["7"]
        assert [row["reference"] async for row in archive.events(Filter(status="unknown"), last=5)] == []
        with pytest.raises(ValueError, match="cannot be filtered by sink"):
            [row async for row in archive.events(Filter(sink="a"))]


@pytest.mark.parametrize(
    "url_of",
    [
        "sqlite:///{folder}/none.db",
        "postgresql://someone:pa55word@127.0.0.1:1/none",
        "postgresql://postgres:pa55word@127.0.0.1:5432/no_such_database",
    ],
)
async def test_there_is_no_inbox(url_of: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="url: ") as caught:
        async with Archive(url_of.format(folder=tmp_path)):
            pass
    assert "pa55word" not in str(caught.value)
    assert not (tmp_path / "none.db").exists()


async def test_a_database_without_our_tables(url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):
        (tmp_path / "inbox.db").touch()
    with pytest.raises(ConfigurationError, match="there are no tables of ours"):
        async with Archive(url):
            pass
