"""What the page on deployment shows, checked by systemd where it is there, and run without an engine."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from attrs import fields_dict

from cambist_cli._config import Config, load_config
from cambist_cli._server_table import Server
from cambist_cli._supervisor import _MERCY_S

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
UNIT = (DEPLOY / "cambist.service").read_text()
CAMBIST = Path(sys.executable).with_name("cambist")
SECRET = "the-s3cret"
BODY = json.dumps(
    {"id": 1, "type": "exchange", "status": "confirmed", "transactions": [], "fees": []}
).encode()


def said(key: str) -> str:
    (value,) = re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)
    return str(value)


def image() -> dict[str, list[str]]:
    """Return the image's instructions, by their names."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line:
            name, _, rest = line.partition(" ")
            found.setdefault(name, []).append(rest)
    return found


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The configuration of the page, on addresses that are free and with folders of this test's own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        admin = free.getsockname()[1]
    text = (DEPLOY / "cambist.toml").read_text()
    for old, new in (("= 8080", "= 0"), (":9090", f":{admin}"), ("/var/lib/cambist", str(tmp_path))):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "coinspaid").write_text(f"{SECRET}\n")
    path = tmp_path / "cambist.toml"
    path.write_text(text)
    return load_config(path)


@contextmanager
def running(
    command: list[str], config: Config, **environ: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a command that serves, with the port that it says."""
    command = [str(config.path) if part == "/etc/cambist/cambist.toml" else part for part in command]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": f"{CAMBIST.parent}:{os.environ['PATH']}", **environ},
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("listening on "), process.communicate()
            yield process, int(line.rpartition(":")[2])
        finally:
            process.terminate()


def post(port: int) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    signature = hmac.new(SECRET.encode(), BODY, hashlib.sha512).hexdigest()
    headers = {"Content-Type": "application/json", "X-Processing-Signature": signature}
    connection.request("POST", "/webhooks/shop", BODY, headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
@pytest.mark.parametrize("check", [["verify"], ["security", "--offline=true", "--threshold=20"]])
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, check: list[str]) -> None:
    path = tmp_path / "cambist.service"
    path.write_text(UNIT.replace("/opt/cambist/bin/cambist", str(CAMBIST)))
    done = subprocess.run(["systemd-analyze", *check, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_unit_s_commands_start_reload_and_end_it(config: Config, tmp_path: Path) -> None:
    command = shlex.split(said("ExecStart"))
    assert command[0] == "/opt/cambist/bin/cambist"
    assert said("Type") == "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        with running([str(CAMBIST), *command[1:]], config, NOTIFY_SOCKET=str(tmp_path / "notify")) as found:
            process, port = found
            assert manager.recv(100).startswith(b"READY=1\n")
            assert post(port) == 200
            subprocess.run(
                said("ExecReload").replace("$MAINPID", str(process.pid)).split(), check=True, timeout=60
            )
            assert manager.recv(100).startswith(b"RELOADING=1\n")
            assert manager.recv(100).startswith(b"READY=1\n")
            assert post(port) == 200
            process.terminate()  # KillMode=mixed: no other process of it is told
            assert process.wait(60) == 0
            assert manager.recv(100).startswith(b"STOPPING=1\n")


def test_whoever_kills_it_is_more_patient_than_it() -> None:
    needed = fields_dict(Server)["shutdown_timeout_s"].default + _MERCY_S
    page = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
    (stop_timeout,) = re.findall(r"--stop-timeout (\d+)", page)
    assert said("KillMode") == "mixed"
    assert min(int(said("TimeoutStopSec")), int(stop_timeout)) > needed


def test_the_image_installs_what_there_is() -> None:
    packages = [tomllib.loads(path.read_text())["project"] for path in ROOT.glob("*/*/pyproject.toml")]
    extras = {each["name"]: {*each.get("optional-dependencies", ())} for each in packages}
    command, *_ = image()["RUN"]
    assert command.startswith("pip install --no-cache-dir ")
    for requirement in shlex.split(command)[3:]:
        name, _, wanted = requirement.partition("[")
        assert {*filter(None, wanted.strip("]").split(","))} <= extras[name]
    assert image()["USER"] == ["cambist"]
    assert image()["EXPOSE"] == [str(fields_dict(Server)["port"].default)]
    assert image()["STOPSIGNAL"] == ["SIGTERM"]


def test_the_image_s_commands_serve_and_tell_its_health(config: Config) -> None:
    (entry,), (arguments,) = image()["ENTRYPOINT"], image()["CMD"]
    (check,) = image()["HEALTHCHECK"]
    probe: list[str] = json.loads(check.partition(" CMD ")[2])
    assert probe[0] == "python"
    assert config.server.admin
    probe = [sys.executable, *(part.replace("127.0.0.1:9090", config.server.admin) for part in probe[1:])]
    with running([*json.loads(entry), *json.loads(arguments)], config) as (process, port):
        assert post(port) == 200
        assert subprocess.run(probe, timeout=60, check=False, capture_output=True).returncode == 0
        process.terminate()
        assert process.wait(60) == 0
    assert subprocess.run(probe, timeout=60, check=False, capture_output=True).returncode == 1


def may_unshare() -> bool:
    try:
        return not subprocess.run(["unshare", "-pf", "true"], capture_output=True, check=False).returncode
    except OSError:
        return False


@pytest.mark.skipif(not may_unshare(), reason="no namespace may be made here")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_as_the_first_process_of_a_container(config: Config, number: signal.Signals) -> None:
    """The kernel keeps signals away from that one unless it has handlers for them."""
    command = ["unshare", "-pf", str(CAMBIST), "serve", "--config", str(config.path)]
    with running(command, config) as (process, port):
        (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert post(port) == 200
        os.kill(int(first), number)
        assert process.wait(60) == 0
