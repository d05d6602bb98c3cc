"""SIGHUP: sources and secrets change while a server serves, and nobody notices."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from operator import ge
from pathlib import Path

import pytest
from quayside import SECRET, Configure, Serve, Server, coin, eventually

MARKET = '[[sources]]\nname = "market"\nprovider = "mint"\nsecrets = ["{}"]\n{}\n'
WORKERS = pytest.mark.parametrize("workers", [1, 2])


class Senders:
    """Deliver without a pause, some over one connection, some over a new one for each delivery."""

    def __init__(self, server: Server) -> None:
        self.secret = SECRET
        self.answers: Counter[object] = Counter()
        self._server = server
        self._stop = threading.Event()
        self._delivered = [0, 0, 0]
        self._threads = [threading.Thread(target=self._send, args=[number]) for number in range(3)]

    def _send(self, number: int) -> None:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        while not self._stop.is_set():
            try:
                self.answers[self._server.ask(connection, coin(), secret=self.secret)] += 1
            except OSError as error:
                self.answers[type(error)] += 1
            self._delivered[number] += 1
            if number == 0:
                connection.close()
        connection.close()

    def have_delivered(self) -> None:
        """Return when each of them has begun and ended another one."""
        enough = [count + 2 for count in self._delivered]
        eventually(lambda: all(map(ge, self._delivered, enough)), "more is delivered")

    @contextmanager
    def at_work(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def reload(server: Server) -> str:
    server.send(signal.SIGHUP)
    return server.says("reloaded ")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@WORKERS
def test_no_delivery_is_lost_while_sources_come_change_and_go(
    start: Serve, configure: Configure, tmp_path: Path, workers: int, loop: str
) -> None:
    settings = f'workers = {workers}\nloop = "{loop}"'
    sink = '[[sinks]]\nurl = "ledger:///dev/null"\n'
    configure(settings, sink)
    server = start().listening()
    senders = Senders(server)
    with senders.at_work():
        for turn in range(3):
            senders.have_delivered()
            configure(settings, sink + MARKET.format("first", f'path = "/market/{turn}"'))
            assert reload(server) == "cambist: info: reloaded cambist.toml: sources shop, market\n"
            for path in ("/webhooks/market", f"/market/{turn}"):
                assert server.post(path=path, secret="first") == 200
            assert server.post(path="/webhooks/market", secret="second") == 401

            configure(settings, sink + MARKET.format("second", f'path = "/market/x{turn}"'))
            reload(server)
            assert server.post(path="/webhooks/market", secret="first") == 401
            assert server.post(path=f"/market/x{turn}", secret="second") == 200
            assert server.post(path=f"/market/{turn}", secret="second") == 404

            fresh = f"secret-{turn}"  # of the source that is under load: both hold until all have it
            (tmp_path / "fresh").write_text(fresh)
            both = '{ file = "fresh" }, '
            text = configure(settings, sink).read_text()
            (tmp_path / "cambist.toml").write_text(text.replace("secrets = [", f"secrets = [{both}"))
            assert reload(server).endswith(": sources shop\n")
            assert server.post(path="/webhooks/market", secret="second") == 404
            assert server.post(path=f"/market/x{turn}", secret="second") == 404
            senders.secret = fresh
            senders.have_delivered()
            (tmp_path / "secret").write_text(fresh)  # the old one goes with the next reload
    assert set(senders.answers) == {200}
    code, _, err = server.stop()
    assert code == 0
    assert all(word in err for word in ("refused with 401", "refused with 404"))
    assert "error" not in err


def test_the_claims_of_paths_change_hands(start: Serve, configure: Configure) -> None:
    configure(shop='path = "/coins"', more='[[sinks]]\nurl = "ledger:///dev/null"')
    server = start().listening()
    assert [server.post(path=path) for path in ("/coins", "/new")] == [200, 404]
    configure(shop='path = "/new"', more='[[sinks]]\nurl = "ledger:///dev/null"')
    reload(server)
    assert [server.post(path=path) for path in ("/coins", "/new", "/webhooks/shop")] == [404, 200, 200]
    configure(more='[[sinks]]\nurl = "ledger:///dev/null"\n' + MARKET.format("first", 'path = "/coins"'))
    reload(server)
    assert [server.post(path=path, secret="first") for path in ("/coins", "/new")] == [200, 404]
    assert server.stop()[0] == 0


@WORKERS
def test_what_is_wrong_leaves_all_as_it_was(start: Serve, configure: Configure, workers: int) -> None:
    configure(f"workers = {workers}")
    server = start().listening()
    for wrong, expected in (
        ('colour = "red"', "source 'shop', provider 'mint': colour: is not known here"),
        ('path = "/webhooks/other"', "source 'shop': path: /webhooks/other lies under /webhooks/"),
        ("quarantine = true", "source 'shop': quarantine: needs an inbox"),
        ('secrets = [{ file = "none" }]', "is not valid TOML"),
        ('[[sources]]\nname = "b"\nprovider = "mint"\nsecrets = [{ file = "none" }]', "[[sources]] 'b'"),
        ("[[[", "is not valid TOML"),
    ):
        configure(f"workers = {workers}", shop=wrong)
        server.send(signal.SIGHUP)
        line = server.says("not reloaded")
        assert line.startswith("cambist: error: not reloaded, all stays as it was: cambist.toml: ")
        assert expected in line
        assert server.post() == 200
    configure(f"workers = {workers}", MARKET.format("first", ""))
    reload(server)
    assert server.post(path="/webhooks/market", secret="first") == 200
    code, _, err = server.stop()
    assert (code, err.count("not reloaded")) == (0, 6), "each is told once"


@pytest.mark.parametrize(
    ("prefix", "more", "shop", "expected"),
    [
        (
            "/webhooks",
            '[inbox]\nurl = "sqlite:///inbox.db"',
            "quarantine = true",
            "quarantine: needs an inbox",
        ),
        ("/hooks", "", 'path = "/webhooks/other"', "path: /webhooks/other lies under /webhooks/"),
    ],
)
def test_what_is_taken_over_has_to_fit_what_runs(
    start: Serve, configure: Configure, prefix: str, more: str, shop: str, expected: str
) -> None:
    """Tables that take a restart are not there yet for the sources that need them."""
    configure()
    server = start().listening()
    configure(f'prefix = "{prefix}"', more, shop)
    server.send(signal.SIGHUP)
    assert expected in server.says("not reloaded")
    assert (server.post(), server.post(b"[]")) == (200, 400)
    assert server.stop()[0] == 0


def test_a_path_under_a_prefix_that_takes_a_restart_is_taken_over(start: Serve, configure: Configure) -> None:
    configure()
    server = start().listening()
    configure('prefix = "/hooks"', shop='path = "/hooks/mine"')
    reload(server)
    assert [server.post(path=path) for path in ("/hooks/mine", "/webhooks/shop")] == [200, 200]
    assert server.stop()[0] == 0


def test_what_a_queue_brings_is_never_taken_from_http(start: Serve, configure: Configure) -> None:
    """Its source asks for no proof. Records themselves take a restart, one way and the other."""
    pytest.importorskip("cambist_queue")
    ledger = '[[sources]]\nname = "ledger"\nprovider = "mint-open"\n'
    records = '[[records]]\nurl = "kafka://127.0.0.1:1"\ntopic = "ledger"\nsource = "ledger"\n'
    configure()
    server = start().listening()
    configure(more=ledger + MARKET.format("first", "") + records)
    assert reload(server).endswith(": sources shop, market\n")
    answers = [server.post(path=f"/webhooks/{name}", secret="first") for name in ("ledger", "market")]
    assert answers == [404, 200]
    assert server.stop()[0] == 0

    server = start().listening()
    configure(more=ledger)
    assert reload(server).endswith(": sources shop\n")
    assert server.post(path="/webhooks/ledger") == 404
    assert server.stop()[0] == 0


def test_where_deliveries_may_come_from_is_taken_over(start: Serve, configure: Configure) -> None:
    configure(shop='allow = ["127.0.0.0/8"]')
    server = start().listening()
    assert (server.post(), server.post(secret="another")) == (200, 401)
    configure(shop='allow = ["203.0.113.0/24"]')
    reload(server)
    assert server.post() == 401
    assert server.stop()[0] == 0


def test_what_takes_a_restart_is_told(start: Serve, configure: Configure, tmp_path: Path) -> None:
    configure("workers = 2", '[[sinks]]\nurl = "ledger:///dev/null"')
    server = start().listening()
    (tmp_path / "key").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    configure(
        'host = "0.0.0.0"\nworkers = 3',
        '[inbox]\nurl = "sqlite:///inbox.db"\nkeys = [{ file = "key" }]\n' + MARKET.format("first", ""),
    )
    reload(server)
    assert server.post(path="/webhooks/market", secret="first") == 200
    assert [line.partition("cambist.toml: ")[2] for line in server.told[:-1]] == [
        f"{key}: has changed, which takes a restart\n"
        for key in ("[server] host", "[server] workers", "[[sinks]]", "[inbox]")
    ]
    assert len(server.workers()) == 2
    assert server.stop()[0] == 0


def test_a_new_key_of_the_inbox_is_told_and_an_old_one_is_not(
    start: Serve, configure: Configure, tmp_path: Path
) -> None:
    pytest.importorskip("cambist_inbox")
    key = tmp_path / "key"
    key.write_text("A" * 43 + "=")
    configure(more='[inbox]\nurl = "sqlite:///inbox.db"\nkeys = [{ file = "key" }]')
    server = start().listening()
    reload(server)
    key.write_text("B" * 42 + "A=")
    reload(server)
    assert server.told == [
        "cambist: info: reloaded cambist.toml: sources shop\n",
        "cambist: warning: cambist.toml: [inbox] keys: has changed, which takes a restart\n",
        "cambist: info: reloaded cambist.toml: sources shop\n",
    ]
    assert server.stop()[0] == 0


@WORKERS
def test_the_inbox_stores_what_a_new_source_brings(start: Serve, configure: Configure, workers: int) -> None:
    pytest.importorskip("cambist_inbox")
    inbox = '[inbox]\nurl = "sqlite:///inbox.db"\n'
    configure(f"workers = {workers}", inbox)
    server = start().listening()
    configure(f"workers = {workers}", inbox + MARKET.format("first", "quarantine = true"))
    reload(server)
    for _ in range(4):
        assert server.post(path="/webhooks/market", secret="first") == 200
        assert server.post(b"[]", path="/webhooks/market", secret="first") == 200, "quarantined"
    assert server.stop()[0] == 0


@WORKERS
def test_a_hangup_during_the_start_is_heeded_after_it(
    start: Serve, configure: Configure, tmp_path: Path, workers: int
) -> None:
    sink = f'[[sinks]]\nurl = "slip://{tmp_path}/slip.open"\n'
    configure(f"workers = {workers}", sink)
    server = start()
    eventually((tmp_path / "slip.awaited").exists, "it opens its sinks")
    configure(f"workers = {workers}", sink + MARKET.format("first", ""))
    server.send(signal.SIGHUP)
    (tmp_path / "slip.open").touch()
    server.listening().says("reloaded ")
    for _ in range(4):
        assert server.post(path="/webhooks/market", secret="first") == 200
    assert server.stop()[0] == 0
