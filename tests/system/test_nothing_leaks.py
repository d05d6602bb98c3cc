"""All that a server emits in a full run, searched for every secret, card number and value of a payload.

A real `cambist serve` with every provider, an inbox, metrics, traces and either form of log. It gets genuine
deliveries, forged and malformed ones, and secrets where they do not belong.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from cambist import Pipeline, Route, Sample, Source

from .served import HOST, SIGNING_KEY, forged, signed

CARD = "4111111111111111"
VALUE = "v4lue-of-a-payload"
SECRETS = {
    "cards": "s3cret-of-cards",
    "cards-path": "s3cret-of-cards-in-the-path",
    "anyspend": "s3cret-of-anyspend",
    "order": "s3cret-of-orders",
    "coins": "s3cret-of-coins",
    "anchor": "s3cret-of-the-anchor",
}
SOURCES = [
    Source("cards", "alchemypay-card", {"auth": "signed", "secrets": [SECRETS["cards"]]}),
    Source("cards-path", "alchemypay-card", {"auth": "path", "secrets": [SECRETS["cards-path"]]}),
    Source("anyspend", "anyspend", {"secrets": [SECRETS["anyspend"]]}),
    Source("order", "anyspend-order", {"api_keys": [SECRETS["order"]]}),
    Source("coins", "coinspaid", {"secrets": [SECRETS["coins"]], "api_key": "account"}),
    Source("anchor", "stellar-anchor", {"auth": "jwt", "secrets": [SECRETS["anchor"]]}),
    Source("wallet", "stellar-wallet", {"signing_key": SIGNING_KEY, "callback_host": HOST}),
]
KEY = "c2VjcmV0LW9mLXRoZS1pbmJveC1vZi0zMi1ieXRlcyE="
# The SDK is the user's: this one writes every span into a file.
SDK = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
trace.set_tracer_provider(TracerProvider())
line = lambda span: span.to_json(indent=None) + "\\n"
exporter = ConsoleSpanExporter(out=open("spans", "a"), formatter=line)
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
"""


def configured(admin: int, form: str) -> str:
    """Return the configuration, its secrets in the environment."""
    lines = [
        f'[server]\nport = 0\nadmin = "127.0.0.1:{admin}"\ntraces = true\ntrust_traceparent = true',
        f'[log]\nformat = "{form}"',
        '[inbox]\nurl = "sqlite:///inbox.db"\nkeys = [{ env = "KEY_OF_THE_INBOX" }]',
    ]
    for source in SOURCES:
        lines.append(f'[[sources]]\nname = "{source.name}"\nprovider = "{source.provider}"')
        for key, value in source.settings.items():
            reference = f'[{{ env = "{_variable(source.name)}" }}]'
            lines.append(f"{key} = {reference if isinstance(value, list) else json.dumps(value)}")
    return "\n".join(lines)


def _variable(source: str) -> str:
    return f"OF_{source.upper().replace('-', '_')}"


@define
class Run:
    """A server, and all that it has emitted."""

    folder: Path
    process: subprocess.Popen[str]
    port: int
    admin: int
    answers: list[str] = field(init=False, factory=list)
    emitted: dict[str, str] = field(init=False, factory=dict)

    def post(self, path: str, body: bytes, headers: Sequence[tuple[str, str]]) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest("POST", path)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        connection.endheaders(body)
        return self._answered(connection)

    def ask(self, path: str) -> str:
        connection = HTTPConnection("127.0.0.1", self.admin, timeout=30)
        connection.request("GET", path)
        assert self._answered(connection) == 200
        return self.answers[-1]

    def raw(self, data: bytes) -> None:
        """Send what a client library would not."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)  # it is for the sender alone, who has written it

    def end(self) -> None:
        """End the server, and gather all that it has emitted."""
        self.emitted["metrics"] = self.ask("/metrics")
        self.emitted["readiness"] = self.ask("/readyz")
        self.process.send_signal(signal.SIGTERM)
        self.emitted["stdout"], _ = self.process.communicate(timeout=30)
        self.emitted["stderr"] = (self.folder / "stderr").read_text()
        assert self.process.returncode == 0
        self.emitted["answers"] = "\n".join(self.answers)
        self.emitted["traces"] = (self.folder / "spans").read_text()
        with sqlite3.connect(self.folder / "inbox.db") as database:
            rows = database.execute("SELECT reason FROM rejections").fetchall()
        self.emitted["reasons"] = "\n".join(reason for (reason,) in rows)

    def stored(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("inbox.db*")))

    def _answered(self, connection: HTTPConnection) -> int:
        answer = connection.getresponse()
        self.answers.append(f"{answer.getheaders()} {answer.read().decode()}")
        connection.close()
        return answer.status


@pytest.fixture(params=["json", "text"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        admin = free.getsockname()[1]
    (tmp_path / "cambist.toml").write_text(configured(admin, request.param))
    (tmp_path / "sitecustomize.py").write_text(SDK)
    environ = {_variable(source): secret for source, secret in SECRETS.items()}
    with (tmp_path / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "cambist_cli", "serve"],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **environ, "KEY_OF_THE_INBOX": KEY, "PYTHONPATH": str(tmp_path)},
        )
    assert process.stdout is not None
    yield Run(tmp_path, process, int(process.stdout.readline().rpartition(":")[2] or 0), admin)
    process.kill()
    process.communicate()


def with_values(route: Route, sample: Sample) -> Sample:
    """Return a sample with a field that nobody knows, and for a card's provider with a card's number."""
    document = json.loads(sample.body)
    document["unlisted"] = VALUE
    if "card" in route.provider.name:
        document |= {"cardNumber": CARD, "note": f"paid with {CARD}"}
    return evolve(sample, body=json.dumps(document).encode())


def malformed(route: Route) -> list[bytes]:
    """Return bodies that are not of the documented form, each with a value."""
    texts = [f'["{VALUE}"]', f'{{"{VALUE}": {{"cardNumber": "{CARD}"}}}}', f'{{"id": "{VALUE}', f'"{CARD}"']
    return [text.encode() for text in texts]


def send_all(run: Run, routes: Sequence[Route]) -> tuple[int, int]:
    """Send genuine, forged and malformed deliveries, and return how many were accepted and refused."""
    accepted = refused = 0
    for route in routes:
        path = f"/webhooks/{route.source.name}"
        is_path = route.source.name == "cards-path"
        target = f"{path}/{SECRETS['cards-path']}" if is_path else path
        media = ("Content-Type", route.provider.media_types[0])
        trace = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        for sample in [with_values(route, each) for each in route.provider.samples]:
            proof = () if is_path else signed(route, sample, path)
            common = (media, trace, *sample.headers)
            assert run.post(target, sample.body, (*common, *proof)) in {200, 202, 204}, sample
            wrong = f"{path}/s3cret-of-nobody" if is_path else path
            assert run.post(wrong, sample.body, (*common, *(() if is_path else forged(proof)))) == 401
            accepted, refused = accepted + 1, refused + 1
        for body in malformed(route):
            proof = () if is_path else signed(route, Sample("malformed", body), path)
            assert run.post(target, body, (media, *proof)) == 400, (route.source.name, body)
            refused += 1
    return accepted, refused


def misplace_secrets(run: Run) -> None:
    """Send secrets where they do not belong."""
    media = ("Content-Type", "application/json")
    for source, secret in SECRETS.items():
        for path in (
            f"/webhooks/{source}/{secret}" if source != "cards-path" else f"/webhooks/coins/{secret}",
            f"/webhooks/coins?key={secret}",
            f"/webhooks/n0where/{secret}",
            f"/webhooks/n0where?key={secret}",
            f"/elsewhere/{secret}",
        ):
            assert run.post(path, secret.encode(), (media, ("Authorization", f"Bearer {secret}"))) in {
                401,
                404,
            }
        run.raw(f"POST /webhooks/{secret}\x00 HTTP/1.1\r\n\r\n".encode())
        run.raw(f"POST /webhooks/coins HTTP/1.1\r\nX-Key: {secret}\x00{CARD}\r\n\r\n".encode())
        run.raw(f"POST /{secret} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{secret}\r\n".encode())
        run.raw(
            f"POST /webhooks/coins HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{secret} {CARD}".encode()
        )


def test_nothing_leaks(run: Run, request: pytest.FixtureRequest) -> None:
    routes = Pipeline(SOURCES).routes
    accepted, refused = send_all(run, routes)
    misplace_secrets(run)
    run.end()

    _assert_it_was_a_full_run(run, routes, accepted, refused)
    if request.node.callspec.params["run"] == "json":
        _assert_each_delivery_has_its_line(run, routes, accepted)
    for place, text in run.emitted.items():
        for value in (*SECRETS.values(), KEY, CARD, VALUE):
            assert value not in text, f"{value} is in the {place}"
    for value in (*SECRETS.values(), KEY, CARD):
        assert value.encode() not in run.stored(), f"{value} is in the database"


def _assert_it_was_a_full_run(run: Run, routes: Sequence[Route], accepted: int, refused: int) -> None:
    """What is not there cannot be found in it."""
    names = {route.source.name for route in routes}
    metrics = run.emitted["metrics"]
    assert all(f'cambist_verified_total{{source="{name}"}}' in metrics for name in names)
    assert sum(_numbers(metrics, "cambist_events_total")) >= accepted
    spans = [json.loads(line)["attributes"] for line in run.emitted["traces"].splitlines()]
    assert {span.get("cambist.source") for span in spans} == {*names, None}
    assert sum(span["cambist.outcome"] == "accepted" for span in spans) == accepted
    assert run.emitted["stderr"].count("refused with 401") >= accepted
    assert run.emitted["reasons"].count("\n") >= refused - 1
    assert len(run.stored()) > 10_000


def _assert_each_delivery_has_its_line(run: Run, routes: Sequence[Route], accepted: int) -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in run.emitted["stderr"].splitlines()]
    assert {"timestamp", "level", "logger", "event"} <= set.intersection(*(set(line) for line in lines))
    told = [line for line in lines if line["logger"] == "cambist.deliveries"]
    taken = [line for line in told if line["outcome"] == "accepted"]
    assert len(taken) == accepted
    with sqlite3.connect(run.folder / "inbox.db") as database:
        stored = {identity for (identity,) in database.execute("SELECT id FROM events")}
    assert {identity for line in taken for identity in line["events"]} == stored
    providers = {(route.source.name, route.provider.name) for route in routes}
    assert {(line["source"], line["provider"]) for line in taken} == providers
    assert all(line["status"] in {200, 202, 204} for line in taken)
    outcomes = {line["outcome"] for line in told}
    assert outcomes == {"accepted", "not_verified", "payload", "unknown_source"}
    assert len({line["delivery"] for line in told}) == len(told)
    # What else is said of a delivery has its identifier, too.
    refusals = {line["delivery"] for line in lines if line["event"].startswith("refused with")}
    assert refusals == {line["delivery"] for line in told if line["outcome"] != "accepted"}


def _numbers(metrics: str, name: str) -> list[float]:
    lines = metrics.replace("\\n", "\n").splitlines()
    return [float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{{")]
