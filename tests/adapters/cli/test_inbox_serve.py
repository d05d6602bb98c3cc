"""`cambist serve` with an inbox, and what its commands then show: real processes, sockets and signals."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cambist_inbox")

from cambist import from_json, to_json

SECRET = "the-s3cret"
KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in range(2)]
CONFIG = """
[server]
port = 0

[inbox]
url = "sqlite:///inbox.db"
{inbox}

[[sources]]
name = "shop"
provider = "mint"
quarantine = true
secrets = [{{ env = "MINT_SECRET" }}]
"""


def coin(number: int = 1, status: str = "struck", **more: Any) -> bytes:
    return json.dumps({"id": number, "amount": "1.050", "status": status, **more}).encode()


class Server:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), process.communicate(timeout=20)
        self.port = int(line.rpartition(":")[2])

    def post(self, body: bytes, signature: str | None = None) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        signature = signature or hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Mint-Signature": signature}
        connection.request("POST", "/webhooks/shop", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def stop(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


Serve = Callable[[], Server]


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    environ |= {"MINT_SECRET": SECRET, "KEY": KEYS[0], "NEW_KEY": KEYS[1]}
    return environ


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., None]:
    def configure(inbox: str = "", more: str = "") -> None:
        (tmp_path / "cambist.toml").write_text(CONFIG.format(inbox=inbox) + more)

    configure()
    return configure


@pytest.fixture
def serve(environ: dict[str, str], tmp_path: Path, configure: object) -> Iterator[Serve]:
    started: list[subprocess.Popen[str]] = []

    def serve() -> Server:
        process = subprocess.Popen(
            [sys.executable, "-m", "cambist_cli", "serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=tmp_path,
        )
        started.append(process)
        return Server(process)

    yield serve
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def command(cambist: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command within this process, with the secrets of the configuration."""
    for name, value in {"MINT_SECRET": SECRET, "KEY": KEYS[0], "NEW_KEY": KEYS[1]}.items():
        monkeypatch.setenv(name, value)
    return cambist


@pytest.fixture
def listed(command: Any) -> Callable[..., list[dict[str, Any]]]:
    """Run a command that lists, and return its documents."""

    def listed(*arguments: str) -> list[dict[str, Any]]:
        result = command(*arguments)
        assert (result.code, result.err) == (0, ""), result
        return [json.loads(line) for line in result.out.splitlines()]

    return listed


def test_what_got_a_2xx_is_stored_and_shown(serve: Serve, listed: Any, process: Any) -> None:
    server = serve()
    assert [server.post(coin(number)) for number in (1, 2, 2)] == [200, 200, 200]
    assert server.post(coin(3), signature="00") == 401
    assert server.post(b'{"id":"a"}') == 200, "quarantined"
    result = process("events", "--config", "cambist.toml", "--json")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert [to_json(from_json(line)).decode() for line in lines] == lines
    assert [json.loads(line)["payment"]["id"] for line in lines] == ["1", "2"]
    code, out, err = server.stop()
    assert (code, out) == (0, ""), "nothing on stdout: events are stored"
    assert SECRET not in err
    assert process("events").out == result.out
    assert [(d["id"], d["times"], d["problem"] is None) for d in listed("deliveries")] == [
        (1, 1, True),
        (2, 2, True),
        (3, 1, False),
    ]
    assert [d["id"] for d in listed("deliveries", "--quarantined")] == [3]
    (refused,) = listed("rejections", "--status", "401")
    assert refused["error"] == "VerificationError"
    assert listed("rejections", "--status", "400") == []
    assert listed("rejections", "1", "--body")[0]["body"] == coin(3).decode()
    assert [(p["reference"], p["status"]) for p in listed("payments")] == [
        ("1", "completed"),
        ("2", "completed"),
    ]
    (payment,) = listed("payments", "2")
    assert [each["verdict"] for each in payment["events"]] == ["applied"]
    assert listed("outbox") == []
    (delivery,) = listed("deliveries", "1", "--body")
    assert delivery["body"] == coin(1).decode()
    assert "body" not in listed("deliveries", "1")[0]
    assert listed("events", delivery["events"][0]["id"])[0]["payment"]["id"] == "1"


def test_filters_and_limits(serve: Serve, listed: Any, command: Any) -> None:
    server = serve()
    for number, status in enumerate(["struck", "clipped", "melted", "struck"], 1):
        assert server.post(coin(number, status, note=f"order-{number}")) == 200
    server.stop()

    def ids(*arguments: str) -> list[str]:
        return [event["payment"]["id"] for event in listed("events", *arguments)]

    assert ids("--status", "completed") == ["1", "4"]
    assert ids("--status", "unknown") == ["3"]
    assert ids("--payment", "2") == ["2"]
    assert ids("--merchant-reference", "order-3") == ["3"]
    assert ids("--limit", "2") == ["3", "4"], "the newest, which come last"
    assert ids("--status", "completed", "--limit", "1") == ["4"]
    assert ids("--source", "other") == []
    assert ids("--verdict", "applied", "--kind", "payment", "--provider", "mint") == ["1", "2", "3", "4"]
    assert ids("--since", "1h") == ["1", "2", "3", "4"]
    assert ids("--until", "1h") == []
    assert ids("--since", "2100-01-01") == []
    assert (
        command("events", "--since", "2026-01-01T00:00:00")
        .failed(2)
        .startswith("Invalid value for '--since'")
    )
    for never in ("999999d", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert command("events", "--since", never).failed(2).startswith("Invalid value for '--since'")
    for name in ("deliveries", "payments", "rejections", "outbox retry", "replay --delivery"):
        assert "is not in the range" in command(*name.split(), str(2**63)).failed(2)
    assert ids("--payment", "\udcff") == [], "what is no text"
    assert command("events", "evt_\udcff").failed() == "there is no event of this id"
    assert command("events", "evt_none").failed() == "there is no event of this id"
    assert command("deliveries", "99").failed() == "there is no delivery of this number"


def test_events_reach_the_sinks_by_name(
    serve: Serve, configure: Any, listed: Any, command: Any, tmp_path: Path
) -> None:
    sinks = [f'[[sinks]]\nurl = "ledger://{tmp_path}/{name}.txt"\n' for name in "ab"]
    configure(more=sinks[0] + sinks[1])
    server = serve()
    assert server.post(coin()) == 200
    deadline = time.monotonic() + 20
    while not all((tmp_path / f"{name}.txt").exists() for name in "ab") and time.monotonic() < deadline:
        time.sleep(0.05)
    code, out, err = server.stop()
    assert (code, out, err) == (0, "", "")
    for name in "ab":
        event, closed = (tmp_path / f"{name}.txt").read_text().splitlines()
        assert json.loads(event.partition(" ")[2])["payment"]["id"] == "1"
        assert closed == "ledger closed"
    assert listed("outbox") == []


def test_what_waits_for_a_sink_that_is_not_configured_any_more_is_seen_and_kept(
    serve: Serve, configure: Any, listed: Any, tmp_path: Path
) -> None:
    configure(more='[[sinks]]\nname = "books"\nurl = "ledger:///no/such/folder"\n')
    server = serve()
    assert server.post(coin()) == 200
    server.stop()
    configure()
    server = serve()
    _, _, err = server.stop()
    assert "1 events wait for the sink 'books', which is not configured" in err
    (entry,) = listed("outbox")
    assert (entry["sink"], entry["configured"]) == ("books", False)
    configure(more=f'[[sinks]]\nname = "books"\nurl = "ledger://{tmp_path}/books.txt"\n')
    with closing(sqlite3.connect(tmp_path / "inbox.db")) as connection, connection:
        connection.execute("UPDATE outbox SET due_at = '1970-01-01 00:00:00.000000'")
    server = serve()
    deadline = time.monotonic() + 20
    while not (tmp_path / "books.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    server.stop()
    assert listed("outbox") == []
    assert "evt_" in (tmp_path / "books.txt").read_text()


def test_dead_letters_are_seen_and_retried(serve: Serve, configure: Any, listed: Any, command: Any) -> None:
    configure("attempts = 1", '[[sinks]]\nurl = "ledger:///no/such/folder"\n')
    server = serve()
    assert server.post(coin()) == 200
    deadline = time.monotonic() + 20
    while not listed("outbox", "--dead") and time.monotonic() < deadline:
        time.sleep(0.1)
    server.stop()
    (entry,) = listed("outbox")
    assert (entry["state"], entry["sink"], entry["attempts"]) == ("dead", "ledger", 1)
    assert command("outbox", "retry").failed(2).startswith("Give the IDs of dead letters, or --all.")
    result = command("outbox", "retry", "99")
    assert (result.code, result.out) == (1, "0 dead letters wait again\n")
    assert command("outbox", "retry", str(entry["id"])).out == "1 dead letters wait again\n"
    (entry,) = listed("outbox")
    assert (entry["state"], entry["attempts"]) == ("waiting", 0)
    assert command("outbox", "retry", "--all").out == "0 dead letters wait again\n"


def test_at_rest(serve: Serve, configure: Any, listed: Any, command: Any, tmp_path: Path) -> None:
    def everything() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("inbox.db*"))

    server = serve()
    assert server.post(coin(note="first-note")) == 200
    assert server.post(coin(7, note="refused-note"), signature="00") == 401
    assert b"first-note" in everything()
    server.stop()

    configure('keys = [{ env = "KEY", label = "2025" }]')
    server = serve()
    assert server.post(coin(2, note="second-note")) == 200
    result = command("rekey")
    assert result.code == 0
    assert result.out.splitlines() == ["3 rows encrypted with 2025", "5 rows are of the key 2025"]
    server.stop()
    for word in ("first-note", "second-note", "refused-note", SECRET, KEYS[0]):
        # What tells payments apart is a column; its body and its document are not in clear.
        assert b'"note": "' + word.encode() not in everything()
        assert b'"merchant_reference":"' + word.encode() not in everything()
    assert [event["payment"]["id"] for event in listed("events")] == ["1", "2"]

    configure('keys = [{ env = "NEW_KEY", label = "2026" }, { env = "KEY", label = "2025" }]')
    assert command("rekey").out.splitlines() == [
        "5 rows encrypted with 2026",
        "5 rows are of the key 2026",
        "nothing is left of the key 2025: remove it",
    ]
    assert command("rekey").out.startswith("0 rows encrypted")
    configure('keys = [{ env = "NEW_KEY", label = "2026" }]')
    assert len(listed("events")) == 2

    configure('keys = [{ env = "KEY", label = "2025" }]')
    result = command("events")
    assert (result.code, result.out) == (1, "")
    *rows, last = result.err.splitlines()
    assert [line.partition(":")[0] for line in rows] == ["cambist", "cambist"]
    assert last == "cambist: 2 events could not be opened"
    assert all(key not in result.err for key in KEYS)
    assert command("rekey").code == 1

    configure('keys = [{ env = "NEW_KEY", label = "2026" }]')
    assert command("rekey", "--decrypt").out.splitlines() == [
        "5 rows decrypted",
        "5 rows are in clear",
        "nothing is left of the key 2026: remove it",
    ]
    assert [event["payment"]["merchant_reference"] for event in listed("events")] == [
        "first-note",
        "second-note",
    ]


def test_a_row_that_was_changed_or_swapped_is_told_and_the_others_are_printed(
    serve: Serve, configure: Any, command: Any, tmp_path: Path
) -> None:
    configure('keys = [{ env = "KEY" }]')
    server = serve()
    assert [server.post(coin(number)) for number in (1, 2, 3, 4)] == [200] * 4
    server.stop()
    with closing(sqlite3.connect(tmp_path / "inbox.db")) as connection, connection:
        documents = dict(connection.execute("SELECT seq, document FROM events").fetchall())
        changed = documents[1][:-1] + bytes([documents[1][-1] ^ 1])
        for seq, document in ((1, changed), (2, documents[3]), (3, documents[2])):
            connection.execute("UPDATE events SET document = ? WHERE seq = ?", (document, seq))
    result = command("events")
    assert result.code == 1
    (line,) = result.out.splitlines()
    assert json.loads(line)["payment"]["id"] == "4"
    assert [line.split(":")[1] for line in result.err.splitlines()[:-1]] == [
        " event 1",
        " event 2",
        " event 3",
    ]


def test_a_document_in_clear_that_is_another_s_is_told(serve: Serve, command: Any, tmp_path: Path) -> None:
    server = serve()
    assert [server.post(coin(number)) for number in (1, 2, 3)] == [200] * 3
    server.stop()
    with closing(sqlite3.connect(tmp_path / "inbox.db")) as connection, connection:
        connection.execute(
            "UPDATE events SET document = (SELECT document FROM events WHERE seq=1) WHERE seq=2"
        )
        connection.execute("UPDATE events SET document = '{\n}' WHERE seq=3")
    result = command("events")
    assert (result.code, result.out.count("\n")) == (1, 1)
    assert result.err.splitlines()[-1] == "cambist: 2 events could not be opened"


def test_backup_while_serving_and_restore(serve: Serve, listed: Any, command: Any, tmp_path: Path) -> None:
    server = serve()
    assert server.post(coin(1)) == 200
    assert command("backup", "copy.db").out.startswith("wrote copy.db (")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert server.post(coin(2)) == 200
    assert command("backup", "copy.db").failed().endswith("copy.db is there already: name a file that is not")
    assert command("restore", "copy.db").failed().endswith("use --force to replace it")
    assert command("restore", "--force", "copy.db").failed().endswith("is in use: end `cambist serve` first")
    assert server.post(coin(3)) == 200, "it goes on"
    server.stop()
    assert len(listed("events")) == 3
    assert command("restore", "--force", "copy.db").code == 0
    assert [event["payment"]["id"] for event in listed("events")] == ["1"]
    (tmp_path / "copy.db").write_bytes(b"nothing of ours")
    assert "is no inbox" in command("restore", "--force", "copy.db").failed()
    assert not list(tmp_path.glob(".cambist-*"))
    server = serve()
    assert server.post(coin(2)) == 200
    server.stop()
    assert len(listed("events")) == 2


def test_prune_keeps_events_and_quarantine(
    serve: Serve, configure: Any, listed: Any, command: Any, tmp_path: Path
) -> None:
    server = serve()
    assert server.post(coin(1)) == 200
    assert server.post(b'{"id":"a"}') == 200
    assert server.post(coin(3), signature="00") == 401
    server.stop()
    assert command("prune").out == "dropped 0 bodies and 0 refused deliveries\n"
    with closing(sqlite3.connect(tmp_path / "inbox.db")) as connection, connection:
        for table in ("deliveries", "rejections"):
            connection.execute(f"UPDATE {table} SET stored_at = '2020-01-01 00:00:00.000000'")
    configure('keep_bodies_days = "forever"\nkeep_rejections_days = "forever"')
    assert command("prune").out == "dropped 0 bodies and 0 refused deliveries\n"
    configure()
    assert command("prune").out == "dropped 1 bodies and 1 refused deliveries\n"
    assert [row["has_body"] for row in listed("deliveries")] == [False, True]
    assert len(listed("events")) == 1
    result = command("replay")
    assert result.code == 0
    assert "1 skipped, their body was dropped" in result.err
    assert "1 still in quarantine" in result.err


def test_output_that_nobody_reads_ends_quietly(serve: Serve, environ: dict[str, str], tmp_path: Path) -> None:
    server = serve()
    assert server.post(coin()) == 200
    server.stop()
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "cambist_cli", "events"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=environ,
        cwd=tmp_path,
        check=False,
        timeout=60,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")
