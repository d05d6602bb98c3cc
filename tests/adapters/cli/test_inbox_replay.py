"""`cambist replay` and what is stored of cards: through the command line, on real files."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cambist_inbox")

from cambist import Delivery, Pipeline, Receiver, Source
from cambist_inbox import Inbox

SOURCES = """
[[sources]]
name = "shop"
provider = "mint-open"
quarantine = true
"""
CARD = "4111111111111111"


def receive(folder: Path, source: Source, *bodies: bytes) -> list[int]:
    async def receive() -> list[int]:
        pipeline = Pipeline([source])
        async with Inbox(pipeline, f"sqlite:///{folder}/inbox.db") as inbox:
            receiver = Receiver(pipeline, inbox)
            return [(await receiver.receive(Delivery(source.name, {}, body))).status for body in bodies]

    return asyncio.run(receive())


def coin(number: int, status: str) -> bytes:
    return json.dumps({"id": number, "amount": "1.050", "status": status}).encode()


@pytest.fixture
def stored(cambist: Any, tmp_path: Path) -> Path:
    """An inbox whose first event another release made: it did not know the word."""
    (tmp_path / "cambist.toml").write_text('[inbox]\nurl = "sqlite:///inbox.db"\n' + SOURCES)
    source = Source("shop", "mint-open", quarantine=True)
    assert receive(tmp_path, source, coin(1, "struck"), coin(2, "struck"), b'{"id":"a"}') == [200] * 3
    with closing(sqlite3.connect(tmp_path / "inbox.db")) as connection, connection:
        (document,) = connection.execute("SELECT document FROM events WHERE seq = 1").fetchone()
        older = json.loads(document) | {"status": "unknown", "final": False}
        older = json.dumps(older, separators=(",", ":")).encode()
        connection.execute("UPDATE events SET document = ?, status = 'unknown' WHERE seq = 1", (older,))
        connection.execute("UPDATE payments SET status = 'unknown', untimed = 'unknown' WHERE id = 1")
    return tmp_path


def test_what_is_different_is_shown_and_then_stored(cambist: Any, stored: Path) -> None:
    dry = cambist("replay", "--dry-run", "--json")
    (line, quarantined) = [json.loads(line) for line in dry.out.splitlines()]
    assert (line["delivery"], line["result"]) == (1, "changed")
    (event,) = line["events"]
    assert event["differences"] == ["final", "status"]
    assert (event["before"]["status"], event["after"]["status"]) == ("unknown", "completed")
    assert line["payments"] == [{"payment": "1", "before": "unknown", "after": "completed"}]
    assert quarantined["result"] == "quarantined"
    assert dry.err == "3 deliveries (dry run): 1 changed, 1 unchanged, 1 still in quarantine\n"
    assert json.loads(cambist("payments", "1").out)["status"] == "unknown"

    done = cambist("replay", "--unknown", "--json")
    assert json.loads(done.out) == line
    assert done.err == "1 deliveries: 1 changed\n"
    assert json.loads(cambist("payments", "1").out)["status"] == "completed"
    assert cambist("replay", "--unknown").err == "0 deliveries: none\n"
    assert "1 changed" not in cambist("replay").err


def test_on_a_terminal(cambist: Any, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cambist_cli._replay.wants_json", lambda as_json: as_json)
    lines = cambist("replay", "--delivery", "1").out.splitlines()
    assert lines[0] == "delivery 1: changed"
    assert lines[1].endswith(": final no -> yes; status unknown -> completed")
    assert lines[-1] == "  payment 1: unknown -> completed"


def test_other_identities_are_an_error(cambist: Any, stored: Path) -> None:
    with closing(sqlite3.connect(stored / "inbox.db")) as connection, connection:
        (document,) = connection.execute("SELECT document FROM events WHERE seq = 2").fetchone()
        other = json.dumps(json.loads(document) | {"id": "evt_other"}).encode()
        connection.execute("UPDATE events SET id = 'evt_other', document = ? WHERE seq = 2", (other,))
    result = cambist("replay", "--delivery", "2")
    assert result.code == 1
    assert "1 not applied: their events would be others" in result.err
    assert result.err.endswith("cambist: 1 deliveries could not be replayed\n")
    assert len(cambist("events").out.splitlines()) == 2


def test_wrong_usage(cambist: Any, stored: Path) -> None:
    assert (
        cambist("replay", "--unknown", "--status", "failed")
        .failed(2)
        .startswith("Give --status or --unknown")
    )
    assert cambist("deliveries", "--body").failed(2).startswith("Give an ID with --body.")


def test_no_card_number_and_no_secret_reaches_the_file(cambist: Any, tmp_path: Path) -> None:
    pytest.importorskip("cambist_alchemypay")
    secret = "the-path-s3cret"
    cases = Path(__file__).parents[2] / "plugins/alchemypay/cases"
    body = (
        (cases / "order_card_number_elsewhere.http")
        .read_bytes()
        .replace(b"\r\n", b"\n")
        .partition(b"\n\n")[2]
    )
    source = Source("cards", "alchemypay-card", {"auth": "path", "secrets": [secret]}, quarantine=True)
    with_number = body.replace(b"}", b',"cardNumber":"' + CARD.encode() + b'"}', 1)

    async def deliver() -> list[int]:
        pipeline = Pipeline([source])
        async with Inbox(pipeline, f"sqlite:///{tmp_path}/inbox.db") as inbox:
            receiver = Receiver(pipeline, inbox)
            answers = []
            for path in (f"/webhooks/cards/{secret}", "/webhooks/cards/another"):
                for sent in (body, with_number, b'{"cardNo":"' + CARD.encode() + b'"'):
                    answers.append((await receiver.receive(Delivery("cards", {}, sent, path=path))).status)
            return answers

    assert set(asyncio.run(deliver())) == {200, 401}
    (tmp_path / "cambist.toml").write_text('[inbox]\nurl = "sqlite:///inbox.db"\n')
    shown = cambist("events").out + cambist("rejections").out
    for number in (1, 2, 3):
        for command in ("deliveries", "rejections"):
            shown += cambist(command, str(number), "--body").out
    everything = b"".join(path.read_bytes() for path in tmp_path.glob("inbox.db*")) + shown.encode()
    assert b"cards" in everything
    for hidden in (CARD, "5567665457839662", "5567 6654 5783 9662", "4111-1111-1111-1111", secret):
        assert hidden.encode() not in everything
