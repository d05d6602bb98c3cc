"""How a server ends: in order, at once, or at the end of its time."""

from __future__ import annotations

import signal
import socket
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from quayside import Configure, Serve, Server, eventually


@pytest.fixture
def later() -> Callable[[Callable[[], int]], Future[int]]:
    """Do something in a thread."""
    return ThreadPoolExecutor(1).submit


Later = Callable[[Callable[[], int]], "Future[int]"]


def gate(tmp_path: Path) -> str:
    return f'[[sinks]]\nurl = "gate://{tmp_path}/gate.open"'


def held_up(server: Server, later: Later, tmp_path: Path) -> Future[int]:
    """Return a request that has got as far as the gate."""
    answer = later(server.post)
    eventually((tmp_path / "gate.awaited").exists, "the request is under way")
    return answer


@pytest.mark.parametrize(("number", "loop"), [(signal.SIGTERM, "asyncio"), (signal.SIGINT, "uvloop")])
def test_what_is_under_way_is_answered(
    start: Serve, configure: Configure, later: Later, tmp_path: Path, number: signal.Signals, loop: str
) -> None:
    configure(f'loop = "{loop}"', gate(tmp_path))
    server = start().listening()
    answer = held_up(server, later, tmp_path)
    server.send(number)
    eventually(lambda: not server.is_listening(), "it stops listening")
    assert not answer.done()
    (tmp_path / "gate.open").touch()
    assert answer.result() == 200
    assert server.end() == (0, "", "")


@pytest.mark.parametrize(
    ("number", "loop", "workers"),
    [
        (signal.SIGTERM, "asyncio", 1),
        (signal.SIGINT, "uvloop", 1),
        (signal.SIGTERM, "uvloop", 2),
        (signal.SIGINT, "asyncio", 2),
    ],
)
def test_the_second_signal_ends_it_at_once(
    start: Serve,
    configure: Configure,
    later: Later,
    tmp_path: Path,
    number: signal.Signals,
    loop: str,
    workers: int,
) -> None:
    configure(f'loop = "{loop}"\nworkers = {workers}', gate(tmp_path))
    server = start().listening()
    pids = server.workers()
    answer = held_up(server, later, tmp_path)
    server.send(number)
    if workers == 1:
        eventually(lambda: not server.is_listening(), "it stops listening")
    else:
        eventually(lambda: len(server.workers()) == 1, "a worker that has nothing to do ends")
    server.send(number)
    assert server.end() == (128 + number, "", "")
    assert isinstance(answer.exception(), ConnectionError)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "its workers end")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_cannot_end_is_ended(
    start: Serve, configure: Configure, tmp_path: Path, workers: int
) -> None:
    configure(f"workers = {workers}\nshutdown_timeout_s = 1", f'[[sinks]]\nurl = "lock://{tmp_path}/never"')
    server = start().listening()
    assert server.post() == 200
    code, _, err = server.stop()
    assert code == 1
    late = "cambist: error: not at its end within 1 seconds: what is under way is given up"
    assert err.splitlines() == [late] * workers


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_is_starting_ends(
    start: Serve, configure: Configure, tmp_path: Path, workers: int
) -> None:
    configure(f"workers = {workers}", f'[[sinks]]\nurl = "slip://{tmp_path}/slip.open"')
    server = start()
    eventually((tmp_path / "slip.awaited").exists, "it opens its sinks")
    assert server.stop() == (0, "", "")


def test_a_request_that_waits_for_its_commit_is_stored_and_answered(
    start: Serve, configure: Configure, later: Later, tmp_path: Path
) -> None:
    pytest.importorskip("cambist_inbox")
    configure(more='[inbox]\nurl = "sqlite:///inbox.db"')
    server = start().listening()
    with closing(sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = later(server.post)
        server.send(signal.SIGTERM)
        eventually(lambda: not server.is_listening(), "it stops listening")
        assert not answer.done()
        other.execute("ROLLBACK")
        assert answer.result() == 200
        assert server.end() == (0, "", "")
        assert other.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_the_service_manager_is_told(start: Serve, configure: Configure, tmp_path: Path) -> None:
    for workers in (1, 2):
        configure(f"workers = {workers}")
        path = tmp_path / f"notify-{workers}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(60)
            server = start(NOTIFY_SOCKET=str(path)).listening()
            server_told = [manager.recv(1000)]
            server.send(signal.SIGHUP)
            server_told += [manager.recv(1000), manager.recv(1000)]
            server.says("reloaded")
            server.send(signal.SIGTERM)
            server_told += [manager.recv(1000)]
            assert server.end()[0] == 0
        assert [told.partition(b"\nMONOTONIC_USEC=")[0].decode() for told in server_told] == [
            "READY=1",
            "RELOADING=1",
            "READY=1",
            "STOPPING=1",
        ]
