"""`cambist serve` as its operator has it: processes, sockets, signals, and what is printed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # quayside

from quayside import SECRET, Configure, Serve, Server, eventually

QUAY = Path(__file__).parent / "quay"


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return {**environ, "PYTHONPATH": os.pathsep.join([environ["PYTHONPATH"], str(QUAY)])}


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Write the configuration: a source with the secret in a file, and what else is given."""
    (tmp_path / "secret").write_text(SECRET)

    def configure(server: str = "", more: str = "", shop: str = "") -> Path:
        path = tmp_path / "cambist.toml"
        fresh = path.with_suffix(".new")
        fresh.write_text(
            f"[server]\nport = 0\n{server}\n"
            f'[[sources]]\nname = "shop"\nprovider = "mint"\nsecrets = [{{ file = "secret" }}]\n{shop}\n'
            f"{more}\n"
        )
        return fresh.replace(path)

    return configure


@pytest.fixture
def start(environ: dict[str, str], tmp_path: Path) -> Iterator[Serve]:
    """Start `cambist serve` with the configuration that is there."""
    started: list[Server] = []

    def start(**more: str) -> Server:
        process = subprocess.Popen(
            [sys.executable, "-m", "cambist_cli", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environ, **more},
            cwd=tmp_path,
        )
        started.append(Server(process))
        return started[-1]

    yield start
    for server in started:
        pids = server.workers() if server.process.poll() is None else []
        server.process.kill()
        server.end()
        for pid in pids:
            eventually(lambda pid=pid: not Path(f"/proc/{pid}").exists(), "the worker ends")  # type: ignore[misc]
