"""The command as its users have it: a process of its own, with a plugin installed for these tests."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen

from cambist_cli import main
from cambist_cli._log import _handler

MINT = Path(__file__).parent / "mint"
SECRET = "the-s3cret"
COIN = b'{"id":1,"amount":"1.050","status":"struck","note":"order-7"}'


@frozen
class Result:
    code: int
    out: str
    err: str

    def failed(self, code: int = 1) -> str:
        """Return the one line of an error, that there is nothing else, and that it tells no secret."""
        assert (self.code, self.out) == (code, ""), self
        assert self.err.startswith("cambist: ")
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1
        assert SECRET not in self.err
        assert "Traceback" not in self.err
        return self.err.removeprefix("cambist: ").removesuffix("\n")


@pytest.fixture
def environ() -> dict[str, str]:
    """What a process of the command runs with: the plugin, and an environment that says nothing more."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    return {**kept, "PYTHONPATH": str(MINT), "COLUMNS": "100"}


Command = Callable[..., Result]


@pytest.fixture
def process(environ: dict[str, str], tmp_path: Path) -> Command:
    """Run the command as a process in a folder of its own."""

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "cambist_cli", *arguments],
            input=stdin,
            capture_output=True,
            env=environ,
            cwd=tmp_path,
            timeout=30,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the plugin into this process."""
    monkeypatch.syspath_prepend(str(MINT))


@pytest.fixture
def cambist(
    plugin: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Run the command within this process, which is faster: for tables of cases."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        code = main(arguments)
        return Result(code, *capfd.readouterr())

    yield run
    logging.getLogger().removeHandler(_handler)


@pytest.fixture
def coin(tmp_path: Path) -> str:
    """The name of a file with a body, in the folder where the command runs."""
    (tmp_path / "coin.json").write_bytes(COIN)
    return "coin.json"
