"""The commands about queues, as processes: `queue init`, `serve --raw`, `worker`, `schema asyncapi`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cambist import PaymentEvent
from cambist_queue import Consumer

from .conftest import Server

pytest.importorskip("cambist_cli")
pytest.importorskip("cambist_coinspaid")

BROKERS = ("nats",)
Cambist = Callable[..., subprocess.CompletedProcess[str]]
CONFIG = """
[server]
port = 0
[[sources]]
name = "shop"
provider = "coinspaid"
secrets = [{{ env = "SHOP_SECRET" }}]
[deliveries]
url = {{ env = "BROKER" }}
topic = "{name}.deliveries"
partitions = 4
[[sinks]]
url = {{ env = "BROKER" }}
topic = "{name}.events"
partitions = 4
"""


@pytest.fixture
def name(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found = f"c{tmp_path.name.replace('_', '')[-20:]}"
    monkeypatch.setenv("BROKER", server.url)
    monkeypatch.setenv("SHOP_SECRET", "s3cret")
    (tmp_path / "cambist.toml").write_text(CONFIG.format(name=found))
    return found


@pytest.fixture
def cambist(tmp_path: Path) -> Cambist:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cambist_cli", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60)

    return run


class Running:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> str:
        """Start a command, and return its first line."""
        command = [sys.executable, "-m", "cambist_cli", *arguments]
        with (self._folder / f"stderr-{len(self._processes)}").open("w") as errors:
            process = subprocess.Popen(
                command, cwd=self._folder, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._processes.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip()

    def stop(self) -> list[int]:
        for process in self._processes:
            process.terminate()
        codes = [process.wait(30) for process in self._processes]
        for process in self._processes:
            assert process.stdout is not None
            process.stdout.close()
        self._processes.clear()
        return codes

    @property
    def told(self) -> str:
        return "".join(path.read_text() for path in self._folder.glob("stderr-*"))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    found = Running(tmp_path)
    yield found
    found.stop()


def test_init_makes_topics_once_and_tells_which(name: str, cambist: Cambist) -> None:
    for _ in range(2):
        done = cambist("queue", "init")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            f"[[sinks]] 'nats': {name}.events, {name}.events.dead",
            f"[deliveries]: {name}.deliveries, {name}.deliveries.dead",
        ]


@pytest.mark.parametrize("command", [["serve"], ["serve", "--raw"], ["worker"]], ids=" ".join)
def test_nothing_is_made_by_what_only_runs(
    name: str, cambist: Cambist, tmp_path: Path, command: list[str]
) -> None:
    config = tmp_path / "cambist.toml"
    config.write_text(config.read_text().replace(name, f"{name}-{len(command)}{command[0]}"))
    done = cambist(*command)
    assert done.returncode == 1
    assert "run `cambist queue init`" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "command", "told"),
    [
        (('url = { env = "BROKER" }', 'url = "nats://127.0.0.1:1"'), ["queue", "init"], "cannot be used"),
        (("partitions = 4", "partitions = 5"), ["queue", "init"], "has to be"),
        (("[deliveries]", '[deliveries]\norder = "time"'), ["serve", "--raw"], "[deliveries] order: is none"),
        (('topic = "', 'subject = "x"\ntopic = "'), ["worker"], "subject: is not known here"),
        (('env = "BROKER"', 'env = "NO_BROKER"'), ["worker"], "NO_BROKER is not set"),
    ],
    ids=["away", "other", "order", "unknown key", "no variable"],
)
def test_what_is_wrong_is_one_line_that_names_the_table(
    name: str, cambist: Cambist, tmp_path: Path, change: tuple[str, str], command: list[str], told: str
) -> None:
    assert cambist("queue", "init").returncode == 0
    config = tmp_path / "cambist.toml"
    config.write_text(config.read_text().replace(*change))
    done = cambist(*command)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert done.stderr.startswith("cambist: cambist.toml: [")
    assert done.stderr.count("\n") == 1


def test_without_deliveries_there_is_nothing_to_do(name: str, cambist: Cambist, tmp_path: Path) -> None:
    config = tmp_path / "cambist.toml"
    head, _, _ = config.read_text().partition("[deliveries]")
    config.write_text(head)
    assert "[deliveries]: is missing" in cambist("serve", "--raw").stderr
    assert "neither [deliveries] nor [[records]]" in cambist("worker").stderr
    assert "no queue is in" in cambist("queue", "init").stderr


def test_card_numbers_are_refused_before_anything_is_opened(
    cambist: Cambist, name: str, tmp_path: Path
) -> None:
    pytest.importorskip("cambist_alchemypay")
    card = '[[sources]]\nname = "card"\nprovider = "alchemypay-card"\nauth = "none"\n'
    card += 'card_amount_unit = "minor"\ntimezone = "UTC"\n'
    with (tmp_path / "cambist.toml").open("a") as config:
        config.write(card)
    done = cambist("serve", "--raw")
    assert done.returncode == 1
    assert "card_numbers = true" in done.stderr


async def test_deliveries_travel_from_an_edge_over_workers(
    name: str, server: Server, cambist: Cambist, running: Running
) -> None:
    assert cambist("queue", "init").returncode == 0
    address = running.start("serve", "--raw").removeprefix("listening on ")
    assert [running.start("worker"), running.start("worker")] == ["reading", "reading"]
    handed: list[PaymentEvent] = []

    async def on_event(event: PaymentEvent) -> None:
        handed.append(event)

    sent = await asyncio.to_thread(
        cambist, "send", "--source", "shop", f"{address}/webhooks/shop", "--count", "60", "--duplicate", "0.2"
    )
    assert sent.returncode == 0, sent.stderr + sent.stdout
    async with Consumer(server.url, on_event, options={"topic": f"{name}.events", "partitions": 4}):
        async with asyncio.timeout(60):
            while len(handed) < 60:
                await asyncio.sleep(0.05)
    assert len({event.id for event in handed}) == len(handed) == 60
    assert set(running.stop()) == {0}
    assert "s3cret" not in running.told
    assert "Traceback" not in running.told


def test_the_asyncapi_document_is_of_the_configuration(name: str, cambist: Cambist) -> None:
    document: dict[str, Any] = json.loads(cambist("schema", "asyncapi").stdout)
    assert document["asyncapi"] == "3.0.0"
    assert f"nats-{name}-deliveries" in document["channels"]
