"""`cambist send`, against receivers of every behaviour, over real sockets."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cambist import Delivery, Pipeline, Registry, Source
from cambist.errors import VerificationError

SECRET = "the-s3cret"
CUT = "cut"
Answer = Callable[["Stub", int], int | str]


class Stub(ThreadingHTTPServer):
    """Answers each request as it is told to, and keeps what came."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.received: list[Delivery] = []
        self.lock = threading.Lock()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/webhooks/shop"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell nothing: a sender that gives up is a part of these tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.received.append(Delivery("cli", list(self.headers.items()), body, path=self.path))
            number = len(self.server.received)
        answer = self.server.answer(self.server, number)
        if answer == CUT:
            self.close_connection = True
            return
        self.send_response(int(answer))
        if answer == 307:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stub() -> Iterator[Callable[[Answer], Stub]]:
    started: list[tuple[Stub, threading.Thread]] = []

    def start(answer: Answer) -> Stub:
        server = Stub(answer)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        started.append((server, thread))
        return server

    yield start
    for server, thread in started:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def send(cambist: Any) -> Any:
    def send(provider: str, url: str, *arguments: str, secret: str = SECRET) -> tuple[int, Any, str]:
        given = () if provider.startswith("--source") else ("--secret", secret)
        result = cambist("send", provider, url, *given, *arguments)
        assert SECRET not in result.out + result.err
        assert "Traceback" not in result.err
        return result.code, json.loads(result.out) if result.out else None, result.err

    return send


def counted(document: Any) -> dict[str, dict[str, int]]:
    answers: dict[str, dict[str, int]] = document["answers"]
    return answers


def ids(deliveries: list[Delivery]) -> set[str]:
    pipeline = Pipeline([Source("cli", "coinspaid", {"secrets": [SECRET]})])
    return {event.id for delivery in deliveries for event in pipeline.process(delivery).events}


def test_a_receiver_that_takes_forgeries_is_found_out(send: Any, stub: Any) -> None:
    server = stub(lambda *_: 200)
    code, document, err = send("coinspaid", server.url, "--count=4", "--tamper=0.5")
    assert code == 1
    assert counted(document) == {"genuine": {"200": 4}, "forged": {"200": 2}}
    assert (document["accepted_forgeries"], document["unexpected"]) == (2, 2)
    assert err == "cambist: FORGED DELIVERIES WERE ACCEPTED: 2. The receiver does not verify\n"
    pipeline = Pipeline([Source("cli", "coinspaid", {"secrets": [SECRET]})])
    refused = 0
    for delivery in server.received:
        try:
            pipeline.process(delivery)
        except VerificationError:
            refused += 1
    assert refused == 2


@pytest.mark.parametrize("option", ["--rate", "--speed", "--timeout", "--duplicate", "--tamper"])
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999"])
def test_a_number_has_to_be_one(cambist: Any, option: str, number: str) -> None:
    result = cambist("send", "coinspaid", "http://127.0.0.1:1/", f"--secret={SECRET}", f"{option}={number}")
    assert result.code == 2
    assert f"Invalid value for '{option}': " in result.err


@pytest.mark.parametrize("status", [302, 408, 429, 500, 503])
def test_a_forgery_has_to_be_refused_for_good(send: Any, stub: Any, status: int) -> None:
    server = stub(lambda stub, number: 200 if number == 1 else status)
    arguments = ("--count=1", "--tamper=1", "--concurrency=1")
    code, document, err = send("coinspaid", server.url, *arguments)
    assert (code, document["unexpected"], document["accepted_forgeries"]) == (1, 1, 0)
    assert err == "cambist: 1 of 2 deliveries were not answered as they should be\n"


def test_the_provider_tries_again(send: Any, stub: Any) -> None:
    server = stub(lambda stub, number: 503 if number <= 2 else 200)
    retries = ("--retries", "--speed=1000000", "--count=1")
    code, document, err = send("coinspaid", server.url, *retries)
    assert (code, err) == (0, "")
    assert counted(document) == {"genuine": {"200": 1}}
    assert (document["deliveries"], document["attempts"], document["retried"]) == (1, 3, 1)
    assert len(ids(server.received)) == 1


def test_and_gives_up_where_its_document_says_so(send: Any, stub: Any) -> None:
    server = stub(lambda *_: 503)
    code, document, _ = send("coinspaid", server.url, "--retries", "--speed=1000000", "--count=2")
    waits = Registry.load().providers["coinspaid"].provider.retries
    assert (code, counted(document)) == (1, {"genuine": {"503": 2}})
    assert len(server.received) == document["attempts"] == 2 * (1 + len(waits))


DAY = 24 * 60 * 60


@pytest.mark.parametrize(
    ("provider", "first", "count", "least", "most"),
    [
        ("coinspaid", (60, 300, 900), 12, DAY, 26 * 60 * 60),
        ("anyspend", (60, 600, 3600), 3, 4260, 4260),
        ("alchemypay-card", (600, 600, 600), 29, DAY, DAY),
        ("stellar-anchor", (1, 2, 4), 10, 811, 811),
    ],
)
def test_the_documented_retries(
    provider: str, first: tuple[int, ...], count: int, least: int, most: int
) -> None:
    waits = Registry.load().providers[provider].provider.retries
    assert waits[:3] == first
    assert len(waits) == count
    assert least <= sum(waits) <= most


def test_without_retries_one_answer_counts(send: Any, stub: Any) -> None:
    server = stub(lambda stub, number: 503 if number <= 2 else 200)
    code, document, err = send("coinspaid", server.url, "--count=3", "--concurrency=1")
    assert (code, counted(document)) == (1, {"genuine": {"200": 1, "503": 2}})
    assert err == "cambist: 2 of 3 deliveries were not answered as they should be\n"


def test_a_forgery_is_not_tried_again(send: Any, stub: Any) -> None:
    server = stub(lambda stub, number: 200 if number == 1 else 401)
    arguments = ("--retries", "--speed=1000000", "--count=1", "--tamper=1", "--concurrency=1")
    code, document, _ = send("coinspaid", server.url, *arguments)
    assert (code, document["attempts"], len(server.received)) == (0, 2, 2)


def test_a_connection_that_is_cut(send: Any, stub: Any) -> None:
    server = stub(lambda stub, number: CUT if number == 1 else 200)
    code, document, _ = send("coinspaid", server.url, "--count=2", "--concurrency=1")
    assert (code, counted(document)) == (1, {"genuine": {"200": 1, "ServerDisconnectedError": 1}})
    again = stub(lambda stub, number: CUT if number == 1 else 200)
    code, document, _ = send("coinspaid", again.url, "--count=1", "--retries", "--speed=1000000")
    assert (code, counted(document)) == (0, {"genuine": {"200": 1}})


def test_nobody_is_followed_elsewhere(send: Any, stub: Any) -> None:
    server = stub(lambda stub, number: 307 if number == 1 else 200)
    code, document, _ = send("coinspaid", server.url, "--count=1")
    assert (code, counted(document), len(server.received)) == (1, {"genuine": {"307": 1}}, 1)


def test_nobody_listens(send: Any, stub: Any) -> None:
    server = stub(lambda *_: 200)
    url = server.url
    server.shutdown()
    server.server_close()
    code, document, _ = send("coinspaid", url, "--count=1")
    assert (code, counted(document)) == (1, {"genuine": {"ClientConnectorError": 1}})
    assert document["p50_ms"] is None


def test_an_answer_that_does_not_come(send: Any, stub: Any) -> None:
    def answer(stub: Stub, number: int) -> int:
        stub.released.wait()
        return 200

    code, document, _ = send("coinspaid", stub(answer).url, "--count=1", "--timeout=0.2")
    (name,) = counted(document)["genuine"]
    assert (code, name.endswith("TimeoutError")) == (1, True)


def test_a_run_can_be_made_again(send: Any, stub: Any) -> None:
    def bodies(*arguments: str) -> list[bytes]:
        server = stub(lambda *_: 200)
        code, _, _ = send("coinspaid", server.url, "--count=15", "--concurrency=1", *arguments)
        assert code == 0
        return [delivery.body for delivery in server.received]

    samples = [sample.body for sample in Registry.load().providers["coinspaid"].provider.samples]
    first = bodies("--seed=1")
    assert first[: len(samples)] == samples
    assert bodies("--seed=1") == first
    assert bodies("--seed=2") != first
    assert bodies("--seed=1", "--shuffle") != first
    assert sorted(bodies("--seed=1", "--shuffle")) == sorted(first)


def test_bodies_of_ones_own(send: Any, stub: Any, coin: str) -> None:
    server = stub(lambda *_: 200)
    code, document, _ = send("mint", server.url, coin, "-H", "X-Trace: 1", "--count=3", "--concurrency=1")
    assert (code, counted(document)) == (0, {"genuine": {"200": 3}})
    assert server.received[0].body == Path(coin).read_bytes()
    assert len({delivery.body for delivery in server.received}) == 3
    assert {delivery.headers["x-trace"] for delivery in server.received} == {"1"}
    assert {delivery.headers["content-type"] for delivery in server.received} == {"application/json"}


def test_what_cannot_be_varied_is_told(
    send: Any, stub: Any, coin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cambist_cli._send_run.variations", lambda *_: None)
    server = stub(lambda *_: 200)
    code, _, err = send("mint", server.url, coin, "--count=2")
    assert (code, err) == (0, "coin.json: no other event can be made of it: it is sent as it is\n")
    assert len({delivery.body for delivery in server.received}) == 1
    assert send("mint", server.url, coin, "--count=1")[2] == ""


def test_what_is_not_of_the_documented_form(send: Any, tmp_path: Path) -> None:
    (tmp_path / "coin.json").write_text('{"id":1}')
    code, document, err = send("mint", URL, "coin.json")
    assert (code, document) == (1, None)
    assert "coin.json is not of the documented form: " in err


def test_a_path_that_is_signed(send: Any, stub: Any, coin: str) -> None:
    server = stub(lambda *_: 200)
    assert send("mint-path", server.url, coin)[0] == 0
    pipeline = Pipeline([Source("cli", "mint-path", {"secrets": [SECRET]})])
    assert pipeline.process(server.received[0]).events
    assert send("mint-path", server.url, coin, "--path=/other")[0] == 0
    with pytest.raises(VerificationError):
        pipeline.process(server.received[1])


def test_no_more_than_so_many_in_a_second(send: Any, stub: Any) -> None:
    server = stub(lambda *_: 200)
    code, document, _ = send("coinspaid", server.url, "--count=3", "--rate=10")
    assert code == 0
    assert document["seconds"] >= 0.2  # the third is not begun before


def test_on_a_terminal_there_is_a_table(stub: Any, environ: dict[str, str], tmp_path: Path) -> None:
    server = stub(lambda stub, number: 401 if number == 2 else 200)
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "cambist_cli",
            "send",
            "coinspaid",
            server.url,
            f"--secret={SECRET}",
            "--count=1",
            "--tamper=1",
            "--concurrency=1",
            "--seed=7",
        ],
        stdin=subprocess.DEVNULL,
        stdout=inner,
        stderr=inner,
        env={**environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
        cwd=tmp_path,
    )
    os.close(inner)
    shown = b""
    try:
        while chunk := os.read(outer, 65536):
            shown += chunk
    except OSError:  # Linux says so when the other side is closed
        pass
    os.close(outer)
    assert process.wait(timeout=30) == 0
    lines = [line.split() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).splitlines()]
    assert ["│", "genuine", "│", "200", "│", "1", "│"] in lines
    assert ["│", "forged", "│", "401", "│", "1", "│"] in lines
    assert ["--seed", "7", "sends", "the", "same", "again"] in lines
    assert "Sending" in shown.decode()


URL = "http://127.0.0.1:9/webhooks/shop"


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("coinspaid",), 2, "Give PROVIDER and then a URL like"),
        ((URL,), 2, "Give PROVIDER and then a URL like"),
        (("coinspaid", "ftp://host/x"), 2, "Give PROVIDER and then a URL like"),
        (("gold", URL), 1, "there is no such provider"),
        (("coinspaid", URL), 1, "secrets: is missing"),
        (("coinspaid", URL, "nowhere.json", "--secret=x"), 1, "nowhere.json: cannot be read"),
        (("mint", URL, "--secret=x"), 1, "the provider has no samples: give a FILE"),
        (("pennywhistle", URL, "--secret=x", "--retries"), 1, "no document tells when pennywhistle"),
        (("stellar-anchor", URL, "--set=auth=none", "--tamper=1"), 1, "no forgery can be told"),
        (
            (
                "stellar-wallet",
                URL,
                "--set=signing_key=GA7J7RTSZ6P2RPJZCEOQ54N5CK3UOEL2CXJLRTZNGKUCN26B24NYW5NO",
                "--set=callback_host=wallet.example",
            ),
            1,
            "only the sender, who has the private key, can sign with ed25519",
        ),
        (
            ("alchemypay-card", URL, "--set=auth=ip", '--set=networks=["203.0.113.7"]'),
            1,
            "order cannot be sent as a genuine delivery: the address of the sender is not known",
        ),
        (("--source=shop", URL), 1, "cambist.toml: cannot be read"),
        (("--source=shop", URL, "--secret=x"), 2, "--source has its settings in the configuration"),
        (("coinspaid", URL, "--secret=x", "--tamper=1.5"), 2, "1.5 is not in the range"),
        (("coinspaid", URL, "--secret=x", "--rate=0"), 2, "0"),
    ],
)
def test_what_cannot_be_sent(cambist: Any, arguments: tuple[str, ...], code: int, expected: str) -> None:
    assert expected in cambist("send", *arguments).failed(code)


def test_a_source_that_is_not_configured(cambist: Any, tmp_path: Path) -> None:
    (tmp_path / "cambist.toml").write_text("[[sources]]\nname = 'a'\nprovider = 'mint'\nsecrets = ['x']\n")
    assert cambist("send", "--source=b", URL).failed() == (
        "cambist.toml: [[sources]]: none is called 'b' (there are: a)"
    )
