"""Several processes count together, whatever their plugins import."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.request import urlopen

import pytest
from quayside import LONG_S, Configure, Serve

pytest.importorskip("prometheus_client")


@pytest.fixture
def admin() -> str:
    """Return an address that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_a_plugin_may_have_numbers_of_its_own(
    start: Serve, configure: Configure, tmp_path: Path, admin: str
) -> None:
    configure(f'workers = 2\nadmin = "{admin}"', '[[sinks]]\nurl = "ledger:///dev/null"')
    server = start(QUAY_COUNTS="1", TMPDIR=str(tmp_path)).listening()
    assert [server.post() for _ in range(10)] == [200] * 10
    with urlopen(f"http://{admin}/metrics", timeout=LONG_S) as answer:
        numbers = answer.read().decode()
    assert 'cambist_answering_seconds_count{source="shop"} 10.0' in numbers
    assert server.stop()[0] == 0
    assert not [*tmp_path.glob("cambist-metrics-*")]


def test_workers_that_could_not_count_together_do_not_start(
    start: Serve, configure: Configure, environ: dict[str, str], tmp_path: Path, admin: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import prometheus_client\n")
    path = f"{tmp_path}:{environ['PYTHONPATH']}"
    configure(f'workers = 2\nadmin = "{admin}"')
    code, out, err = start(PYTHONPATH=path).end()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("cambist: cambist.toml: [server] admin: prometheus_client was imported before")
    assert "set PROMETHEUS_MULTIPROC_DIR" in err

    (tmp_path / "numbers").mkdir()
    named = start(PYTHONPATH=path, PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "numbers")).listening()
    assert named.post() == 200
    assert named.stop()[0] == 0
    assert [*(tmp_path / "numbers").iterdir()], "what an operator names is used, and left"

    configure(f'admin = "{admin}"')
    assert start(PYTHONPATH=path).listening().stop()[0] == 0
