"""The tutorial works: its program runs as it stands, and its commands do what the page says."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/tutorial"
PAGE = (FOLDER / "first-webhook.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ACCEPTED, REFUSED = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BODY = (FOLDER / "deposit.json").read_bytes()


class Service(NamedTuple):
    folder: Path
    port: int
    environ: dict[str, str]

    def post(self, body: bytes, signature: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {"Content-Type": "application/json", "X-Processing-Signature": signature}
            connection.request("POST", "/webhooks/shop", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def said(self, stream: str) -> str:
        return (self.folder / stream).read_text()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Start the page's program with the page's command, and end it."""
    for name in ("first_webhook.py", "deposit.json"):
        shutil.copy(FOLDER / name, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (start,) = (command for command in COMMANDS if "first_webhook.py" in command)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PORT": str(port)}
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen(
            ["bash", "-c", start.replace("COINSPAID_SECRET", "exec env COINSPAID_SECRET")],
            cwd=tmp_path,
            env=environ,
            stdout=out,
            stderr=err,
        )
        try:
            wait_for(process, port)
            yield Service(tmp_path, port, environ)
        finally:
            process.terminate()
            process.wait(timeout=10)


def wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(200):
        assert process.poll() is None, "the program has ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the program does not listen")


def test_a_genuine_callback_is_accepted_and_a_forged_one_refused(service: Service) -> None:
    signature = hmac.new(b"s3cret", BODY, hashlib.sha512).hexdigest()
    assert service.post(BODY, signature) == 200
    assert service.said("out").endswith(ACCEPTED)
    assert service.post(BODY.replace(b"6.53157512", b"65.3157512"), signature) == 401
    assert service.post(BODY + b" ", signature) == 401
    assert service.post(BODY, "") == 401
    assert service.said("out").endswith(ACCEPTED)
    assert REFUSED.strip() in service.said("err")
    assert service.get("/") == b"The shop is open.\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tutorial's commands use curl")
def test_the_commands_of_the_page(service: Service) -> None:
    sent = [command for command in COMMANDS if "deposit.json" in command]
    script = "\n".join(sent).replace(":8080", f":{service.port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=service.folder,
        env=service.environ,
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.findall(r"^HTTP/1.1 (.*?)\s*$", done.stdout, re.MULTILINE) == ["200 OK", "401 Unauthorized"]
    assert service.said("out").endswith(ACCEPTED)


def test_what_is_installed_is_what_the_program_and_the_commands_need() -> None:
    (install,) = (command for command in COMMANDS if command.startswith("pip install"))
    members = {
        path.read_text().partition('name = "')[2].partition('"')[0]
        for path in ROOT.glob("*/*/pyproject.toml")
    }
    assert set(install.split()[2:]) == {"cambist-aiohttp", "cambist-coinspaid", "cambist-cli"} <= members
