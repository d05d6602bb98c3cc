"""`cambist serve`, as a process with a real socket and real signals."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from cambist import from_json

SECRET = "the-s3cret"
COIN = b'{"id":1,"amount":"1.050","status":"struck","note":"order-7"}'
SIGNATURE = hmac.new(SECRET.encode(), COIN, hashlib.sha256).hexdigest()
CONFIG = """
[server]
port = 0

[[sources]]
name = "shop"
provider = "mint"
secrets = [{ env = "MINT_SECRET" }]
"""


class Server:
    """A running server: its address was its first line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.stdout = process.stdout
        self.line = self.stdout.readline()
        self.port = int(self.line.rpartition(":")[2] or 0)

    def post(self, body: bytes = COIN, signature: str = SIGNATURE, path: str = "/webhooks/shop") -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Content-Type": "application/json", "X-Mint-Signature": signature}
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Return exit code, the rest of stdout, and stderr."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


Serve = Callable[..., Server]


@pytest.fixture
def serve(environ: dict[str, str], tmp_path: Path) -> Iterator[Serve]:
    started: list[subprocess.Popen[str]] = []

    def serve(more: str = "") -> Server:
        (tmp_path / "cambist.toml").write_text(CONFIG + more)
        process = subprocess.Popen(
            [sys.executable, "-m", "cambist_cli", "serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environ, "MINT_SECRET": SECRET},
            cwd=tmp_path,
        )
        started.append(process)
        return Server(process)

    yield serve
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_events_are_printed_before_the_answer(serve: Serve, number: signal.Signals) -> None:
    server = serve()
    assert server.line == f"listening on http://127.0.0.1:{server.port}\n"
    assert server.port > 0
    for _ in range(2):
        assert server.post() == 200
        event = from_json(server.stdout.readline())  # blocks if nothing was flushed
        assert (event.source, event.payment.id) == ("shop", "1")
        assert event.verification.label == "MINT_SECRET"
    assert server.stop(number) == (0, "", "")


def test_a_refusal_is_one_line_on_stderr(serve: Serve) -> None:
    server = serve()
    assert server.post(COIN.replace(b"1.050", b"9.050")) == 401
    assert server.post(path="/webhooks/other%0A") == 404
    assert server.post() == 200
    code, out, err = server.stop()
    assert (code, out.count("\n")) == (0, 1)
    first, second = err.splitlines()
    assert first.startswith("cambist: warning: refused with 401: source 'shop', provider 'mint': ")
    assert second.startswith("cambist: warning: refused with 404: source 'other\\n': ")
    assert SECRET not in err
    assert "9.050" not in err


def test_settings_of_the_server(serve: Serve) -> None:
    server = serve('path = "/v1/coin"\n[[sinks]]\nurl="ledger:///dev/null"\n')
    assert server.post(path="/v1/coin") == 200
    assert server.stop() == (0, "", "")


def test_every_sink_has_the_events_before_the_answer(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "ledger.txt"
    server = serve(
        "".join(f'[[sinks]]\nurl = "ledger://{path}"\nname = "{name}"\nlabel = "{name}"\n' for name in "ab")
    )
    assert server.post() == 200
    lines = path.read_text().splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["a", "b"]
    assert {json.loads(line.partition(" ")[2])["payment"]["id"] for line in lines} == {"1"}
    assert server.stop() == (0, "", "")
    assert path.read_text().splitlines()[2:] == ["b closed", "a closed"]


def test_a_reader_that_is_gone_ends_the_server(serve: Serve) -> None:
    server = serve()
    server.stdout.close()
    assert server.post() == 503
    assert server.process.wait(timeout=20) == 1
    assert server.process.stderr is not None
    (line,) = server.process.stderr.read().splitlines()
    assert line.startswith("cambist: error: refused with 503: source 'shop': ")
    assert "BrokenPipeError" in line


def test_an_unparsable_request_leaves_no_trace_of_itself(serve: Serve) -> None:
    server = serve()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"POST /webhooks/shop the-s3cret\r\n\r\n")
        assert b" 400 " in connection.recv(1000)
    assert server.post() == 200
    code, _, err = server.stop()
    assert (code, "Traceback" in err, SECRET in err) == (0, False, False)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            '[[sinks]]\nurl = "pigeon://user:the-s3cret@localhost"',
            "cambist.toml: [[sinks]] number 1 (pigeon): no plugin brings such a sink (installed: ",
        ),
        (
            '[[sinks]]\nurl = "shut://user:the-s3cret@localhost"',
            "cambist.toml: [[sinks]] number 1 (shut): cannot be opened (ConnectionRefusedError)",
        ),
        (
            'path = "/webhooks/coin"',
            "cambist.toml: source 'shop': path: /webhooks/coin lies under /webhooks/",
        ),
        ("[inbox]", "cambist.toml: [inbox] url: is missing"),
        ("colour = 1", "cambist.toml: source 'shop', provider 'mint': colour: is not known here"),
    ],
)
def test_what_is_wrong_stops_the_start(
    cambist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, expected: str
) -> None:
    monkeypatch.setenv("MINT_SECRET", SECRET)
    (tmp_path / "cambist.toml").write_text(CONFIG + more)
    assert cambist("serve").failed().startswith(expected)


def test_without_a_file(cambist: Any) -> None:
    error = cambist("serve", "--config", "other.toml").failed()
    assert error == "other.toml: cannot be read (No such file or directory)"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "(Address already in use)"),
        ("192.0.2.1", "(Cannot assign requested address)"),
        ("no.such.host.invalid", "cannot listen on no.such.host.invalid port"),
    ],
)
def test_an_address_that_cannot_be_listened_on(
    cambist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, expected: str
) -> None:
    monkeypatch.setenv("MINT_SECRET", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = CONFIG.replace("port = 0", f'host = "{host}"\nport = {port}')
        (tmp_path / "cambist.toml").write_text(text)
        error = cambist("serve").failed()
    assert error.startswith(f"cambist.toml: [server] cannot listen on {host} port {port} ")
    assert expected in error
