"""Several processes that serve together, and what becomes of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from quayside import Configure, Serve, Server, coin, eventually


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def kill(server: Server, pid: int) -> None:
    """Kill a worker, and return when another one has taken its place."""
    others = {*server.workers()} - {pid}
    os.kill(pid, signal.SIGKILL)
    assert f"(process {pid}) ended by SIGKILL; another one starts in " in server.says("ended by")
    eventually(lambda: {*server.workers()} - others - {pid}, "another one starts")


def test_all_of_them_serve_and_end(start: Serve, configure: Configure) -> None:
    configure("workers = 3")
    server = start().listening()
    pids = server.workers()
    assert len(pids) == 3
    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(lambda number: server.post(coin(number)), range(60))} == {200}
    code, out, err = server.stop()
    assert (code, err) == (0, "")
    assert Counter(json.loads(line)["payment"]["id"] for line in out.splitlines()) == Counter(
        map(str, range(60))
    )
    assert not any(map(is_there, pids))


def test_one_that_dies_is_replaced_and_loses_nothing_that_waits(
    start: Serve, configure: Configure, tmp_path: Path
) -> None:
    configure("workers = 2", '[[sinks]]\nurl = "ledger:///dev/null"')
    server = start().listening()
    kill(server, server.workers()[0])
    for pid in server.workers():
        os.kill(pid, signal.SIGSTOP)
    with ExitStack() as stack:
        # Nobody takes these connections before one of those who could is replaced.
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            for _ in range(20)
        ]
        for connection in connections:
            connection.sendall(b"GET /webhooks/shop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for pid in server.workers():
            kill(server, pid)
        for connection in connections:
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    assert server.stop()[0] == 0


def test_one_that_takes_another_s_place_knows_the_last_reload(start: Serve, configure: Configure) -> None:
    configure("workers = 2")
    server = start().listening()
    configure("workers = 2", '[[sources]]\nname = "market"\nprovider = "mint"\nsecrets = ["first"]')
    server.send(signal.SIGHUP)
    server.says("reloaded ")
    for pid in server.workers():
        kill(server, pid)
    for _ in range(8):
        assert server.post(path="/webhooks/market", secret="first") == 200
    assert server.stop()[0] == 0


def test_one_that_cannot_reload_is_replaced_by_one_that_need_not(start: Serve, configure: Configure) -> None:
    """No worker keeps a secret that the others have not: here is one that only the supervisor can read."""
    configure("workers = 2")
    server = start().listening()
    before, own = {*server.workers()}, Path(f"/proc/self/task/{server.process.pid}/comm")
    secret = Path(str(own).replace("self", str(server.process.pid))).read_text().strip()
    configure(
        "workers = 2", f'[[sources]]\nname = "market"\nprovider = "mint"\nsecrets = [{{ file = "{own}" }}]'
    )
    server.send(signal.SIGHUP)
    assert server.says("reloaded cambist.toml").endswith(": sources shop, market\n")
    eventually(lambda: len({*server.workers()} - before) == 2, "others have taken their places")
    for _ in range(8):
        assert server.post(path="/webhooks/market", secret=secret) == 200
    code, _, err = server.stop()
    assert (code, err.count("not reloaded"), err.count("could not reload: another one takes its place")) == (
        0,
        2,
        2,
    )


def test_a_worker_that_is_told_by_another_is_not_replaced_for_it(start: Serve, configure: Configure) -> None:
    configure("workers = 2")
    server = start().listening()
    before = server.workers()
    path = configure("workers = 2")
    path.write_text("[[[")
    os.kill(before[0], signal.SIGHUP)
    server.says("not reloaded")
    server.send(signal.SIGHUP)
    server.says("not reloaded")
    assert server.workers() == before
    assert "another one" not in server.stop()[2]


def test_a_reload_while_no_worker_lives_is_done_at_once(
    start: Serve, configure: Configure, tmp_path: Path
) -> None:
    reef = f'[[sinks]]\nurl = "reef://{tmp_path}/reef"\n'
    configure("workers = 2", reef)
    server = start().listening()
    (tmp_path / "reef").touch()
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    waiting = set[str]()
    while len(waiting) < 2:  # both wait now, for a second
        waiting |= {*server.says("another one starts in 1.0 s").split()[3:4]}
    configure("workers = 2", reef + '[[sources]]\nname = "market"\nprovider = "mint"\nsecrets = ["first"]')
    server.send(signal.SIGHUP)
    server.says("reloaded cambist.toml: sources shop, market")
    (tmp_path / "reef").unlink()
    assert server.post(path="/webhooks/market", secret="first") == 200
    assert server.stop()[0] == 0


def test_one_that_keeps_ending_ends_them_all(start: Serve, configure: Configure, tmp_path: Path) -> None:
    configure("workers = 2", f'[[sinks]]\nurl = "reef://{tmp_path}/reef"')
    server = start().listening()
    pids = server.workers()
    (tmp_path / "reef").touch()
    os.kill(pids[0], signal.SIGKILL)
    code, out, err = server.end()
    *warnings, error = err.splitlines()
    assert (code, out) == (1, "")
    assert [line.rpartition(" ended ")[2] for line in warnings] == [
        "by SIGKILL; another one starts in 0.0 s",
        "with exit code 7; another one starts in 0.5 s",
        "with exit code 7; another one starts in 1.0 s",
        "with exit code 7; another one starts in 2.0 s",
    ]
    assert error == "cambist: error: worker 1 ended 5 times as soon as it started, now with exit code 7"
    assert not any(map(is_there, pids))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            '[[sinks]]\nurl = "shut://host"',
            "cambist: cambist.toml: [[sinks]] number 1 (shut): cannot be opened",
        ),
        ('[inbox]\nurl = "sqlite:////no/such/folder/inbox.db"', "cambist: cambist.toml: [inbox] "),
    ],
)
def test_what_is_wrong_is_told_once_and_ends_the_start(
    start: Serve, configure: Configure, more: str, expected: str
) -> None:
    configure("workers = 3", more)
    code, out, err = start().end()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(expected)


def test_a_port_that_is_taken(start: Serve, configure: Configure) -> None:
    configure("workers = 2")
    first = start().listening()
    path = configure("workers = 2")
    path.write_text(path.read_text().replace("port = 0", f"port = {first.port}"))
    code, out, err = start().end()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"cannot listen on 127.0.0.1 port {first.port} (Address already in use)" in err
    assert first.post() == 200


def test_they_do_not_outlive_their_supervisor(start: Serve, configure: Configure) -> None:
    configure("workers = 2")
    server = start().listening()
    pids = server.workers()
    server.process.kill()
    eventually(lambda: not any(map(is_there, pids)), "they end")
    assert not server.is_listening()


def test_lines_on_stdout_stay_whole(start: Serve, configure: Configure) -> None:
    """A pipe has room for 64 KiB: each of these lines has to wait for its reader."""
    configure("workers = 3")
    server = start().listening()
    notes = ["x" * 100_000, "y" * 100_000, "z" * 100_000]
    with ThreadPoolExecutor(6) as pool:
        bodies = [coin(number, note=notes[number % 3]) for number in range(30)]
        assert {*pool.map(server.post, bodies)} == {200}
    code, out, _ = server.stop()
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert Counter(event["payment"]["id"] for event in events) == Counter(map(str, range(30)))


def test_a_reader_that_is_gone_ends_them_all(
    configure: Configure, environ: dict[str, str], tmp_path: Path
) -> None:
    configure("workers = 2")
    with subprocess.Popen(
        [sys.executable, "-m", "cambist_cli", "serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        cwd=tmp_path,
    ) as process:
        assert process.stdout
        assert process.stderr
        port = int(process.stdout.readline().rpartition(":")[2])
        process.stdout.close()
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            assert Server.ask(connection, coin()) == 503
        assert process.wait(60) == 1
        assert "BrokenPipeError" in process.stderr.read()


def test_they_share_an_inbox(start: Serve, configure: Configure, tmp_path: Path) -> None:
    pytest.importorskip("cambist_inbox")
    ledger = tmp_path / "ledger.txt"
    configure("workers = 2", f'[inbox]\nurl = "sqlite:///inbox.db"\n[[sinks]]\nurl = "ledger://{ledger}"')
    server = start().listening()
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: server.post(coin(number % 20)), range(80))
        assert {*answers} == {200}
    eventually(lambda: ledger.exists() and ledger.read_text().count("evt_") == 20, "all are handed on")
    assert server.stop()[0] == 0
    lines = ledger.read_text().splitlines()
    assert Counter(line.partition(" ")[2] == "closed" for line in lines) == {False: 20, True: 2}
