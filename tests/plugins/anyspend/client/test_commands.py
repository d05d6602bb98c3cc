"""``cambist anyspend webhooks …``, as a process against the platform."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import stat
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cambist_cli", reason="needs cambist-cli")
pytest.importorskip("stamina", reason="needs cambist-anyspend[client]")

from attrs import frozen

from .conftest import ENDPOINT
from .platform import ADMIN, READER, Platform, answers, fails, hangs, served_and

WEBHOOKS = ("anyspend", "webhooks")


@pytest.fixture
def platform() -> Iterator[Platform]:
    """The platform, served by a thread of its own."""
    platform, ready, loop = Platform(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with platform.serving():
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield platform
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


@frozen
class Result:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """What it printed, one JSON document a line, and nothing else."""
        assert (self.code, self.err) == (0, ""), self
        return [json.loads(line) for line in self.out.splitlines()]

    def failed(self, code: int = 1) -> str:
        """Return the one line of an error; nothing else is printed, and no key."""
        assert (self.code, self.out) == (code, ""), self
        assert self.err.startswith("cambist: ")
        assert self.err.count("\n") == 1
        assert "asp_" not in self.err
        return self.err.removeprefix("cambist: ").removesuffix("\n")


Command = Callable[..., Result]


@pytest.fixture
def environ(platform: Platform) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "ANYSPEND_API_KEY": ADMIN, "LC_ALL": "C.UTF-8"}


@pytest.fixture
def webhooks(platform: Platform, environ: dict[str, str], tmp_path: Path) -> Command:
    """Run ``cambist anyspend webhooks`` against the platform."""

    def run(command: str, *arguments: str, base_url: str | None = None, stdin: bytes = b"") -> Result:
        url = ("--base-url", platform.url if base_url is None else base_url)
        done = subprocess.run(
            [sys.executable, "-m", "cambist_cli", *WEBHOOKS, command, *arguments, *url],
            input=stdin,
            capture_output=True,
            env=environ,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def create(webhooks: Command) -> dict[str, Any]:
    (created,) = webhooks("create", ENDPOINT, "--event", "payment.completed").lines
    return created


def test_the_life_of_a_webhook(webhooks: Command, platform: Platform) -> None:
    assert webhooks("list").lines == []
    (created,) = webhooks("create", ENDPOINT, "--event", "payment.completed", "--event", "*").lines
    name = created["id"]
    assert created == platform.webhooks[name]
    shown = {key: value for key, value in created.items() if key != "secret"}
    assert webhooks("list").lines == [shown]
    assert webhooks("get", name).lines == [shown]
    (changed,) = webhooks("update", name, "--url", f"{ENDPOINT}/2", "--event", "payment.failed").lines
    assert changed == {
        **shown,
        "url": f"{ENDPOINT}/2",
        "events": ["payment.failed"],
        "updated_at": "2026-02-27T13:00:00Z",
    }
    assert webhooks("update", name, "--paused").lines[0]["is_active"] is False
    assert webhooks("update", name, "--active").lines[0]["is_active"] is True
    (sent,) = webhooks("test", name).lines
    assert sent == {
        "delivery_id": sent["delivery_id"],
        "status": "sent",
        "response_code": 200,
        "attempts": None,
    }
    failed = platform.add_delivery(name, status="failed", response_code=None, attempts=3)
    assert webhooks("deliveries", name).lines == list(platform.deliveries[name].values())
    (again,) = webhooks("retry", name, failed).lines
    assert again == {"delivery_id": failed, "status": "sent", "response_code": 200, "attempts": 4}
    assert webhooks("delete", name, "--yes").lines == [{"id": name, "deleted": True}]
    assert platform.webhooks == {}


# The API key.


def test_the_key_of_a_file(webhooks: Command, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{READER}\n")
    assert webhooks("list", "--api-key-file", "key").lines == []
    # The file counts before the environment: this one may only read.
    error = webhooks("create", ENDPOINT, "--event", "a", "--api-key-file", "key").failed()
    assert error == (
        "cannot create the webhook: AnySpend answered 403; "
        "insufficient_permissions: This needs admin permission."
    )
    del environ["ANYSPEND_API_KEY"]
    assert webhooks("list", "--api-key-file", "key").lines == []


def test_without_a_key_nothing_is_sent(
    webhooks: Command, environ: dict[str, str], platform: Platform, tmp_path: Path
) -> None:
    del environ["ANYSPEND_API_KEY"]
    assert webhooks("list").failed() == (
        "API key: the environment variable ANYSPEND_API_KEY is not set, and --api-key-file is not given"
    )
    assert webhooks("list", "--api-key-file", "nope").failed() == (
        "API key: the file 'nope' cannot be read (FileNotFoundError)"
    )
    for content in (b"", b"\n", b"two\nlines\n", b"\xff\xfe"):
        (tmp_path / "key").write_bytes(content)
        assert "ey: " in webhooks("list", "--api-key-file", "key").failed()
    environ["ANYSPEND_API_KEY"] = ""
    assert webhooks("list").failed().startswith("api_key: is empty")
    assert platform.seen == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--api-key", ADMIN],
        ["list", f"--api-key={ADMIN}"],
        ["list", ADMIN],
        ["get", "wh_1", ADMIN],
        ["list", f"-k{ADMIN}"],
        ["list", "--json=" + ADMIN],
    ],
    ids=lambda arguments: arguments[-1].partition("asp_")[0] + " " + arguments[0],
)
def test_a_key_as_an_argument_is_refused_and_not_repeated(
    arguments: list[str], webhooks: Command, platform: Platform
) -> None:
    assert "(try 'cambist " in webhooks(*arguments).failed(2)
    assert platform.seen == []


def test_no_key_goes_to_an_address_that_is_not_safe(webhooks: Command) -> None:
    error = webhooks("list", base_url="http://platform-api.anyspend.com/api/v1").failed()
    assert error.startswith("base_url: must be an https:// URL")
    assert webhooks("list", base_url="").failed().startswith("base_url: ")


# The secret.


def test_the_secret_goes_to_a_new_file_of_its_owner(
    webhooks: Command, platform: Platform, tmp_path: Path
) -> None:
    result = webhooks("create", ENDPOINT, "--event", "a", "--secret-file", "secret")
    (created,) = result.lines
    assert "whsec_" not in result.out
    assert created["secret_file"] == "secret"
    assert (tmp_path / "secret").read_text() == f"{platform.secret(created['id'])}\n"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_file_that_exists_is_kept_and_nothing_is_made(
    webhooks: Command, platform: Platform, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name, reason in (
        ("secret", "File exists"),
        ("link", "File exists"),
        ("no/secret", "No such file or directory"),
        (".", "Is a directory|File exists"),
    ):
        error = webhooks("create", ENDPOINT, "--event", "a", "--secret-file", name).failed()
        assert re.fullmatch(rf"{re.escape(name)}: cannot be made \(({reason})\)", error)
    assert (tmp_path / "secret").read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()
    assert platform.seen == []


@pytest.mark.parametrize(
    "fault", [fails(400), answers(200, "cut"), served_and(fails(500))], ids=["400", "no JSON", "500"]
)
def test_no_file_is_left_where_no_webhook_is_made(
    fault: Any, webhooks: Command, platform: Platform, tmp_path: Path
) -> None:
    platform.next.append(fault)
    webhooks("create", ENDPOINT, "--event", "a", "--secret-file", "secret").failed()
    assert not (tmp_path / "secret").exists()
    assert len(platform.seen) == 1


def test_no_file_is_left_by_an_interrupt(environ: dict[str, str], platform: Platform, tmp_path: Path) -> None:
    platform.next.append(hangs)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "cambist_cli", *WEBHOOKS, "create", ENDPOINT, "--event", "a"),
            *("--secret-file", "secret", "--base-url", platform.url),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        cwd=tmp_path,
    )
    for _ in range(3000):
        if platform.seen:
            break
        threading.Event().wait(0.02)
    assert (tmp_path / "secret").exists()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")
    assert not (tmp_path / "secret").exists()


@pytest.mark.parametrize("way", ["full", "closed"])
def test_a_secret_that_cannot_be_written_is_said_to_be_lost(
    way: str, environ: dict[str, str], platform: Platform, tmp_path: Path
) -> None:
    if way == "full":
        out = os.open("/dev/full", os.O_WRONLY)
    else:
        read, out = os.pipe()
        os.close(read)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "cambist_cli", *WEBHOOKS, "create", ENDPOINT, "--event", "a"),
            *("--base-url", platform.url),
        ],
        stdout=out,
        stderr=subprocess.PIPE,
        env=environ,
        cwd=tmp_path,
        check=False,
        timeout=60,
    )
    os.close(out)
    (name,) = platform.webhooks
    assert done.returncode == 1
    told = done.stderr.decode()
    assert re.fullmatch(r"cambist: the webhook \w+ is made, but its secret cannot be .*: delete .*\n", told)
    assert f"{name} is made" in told


def test_a_file_that_is_full_is_removed_and_the_secret_said_to_be_lost(tmp_path: Path) -> None:
    from cambist import Secret
    from cambist_anyspend.commands.secret_file import new_secret_file

    def full(path: Path) -> None:
        with new_secret_file(path) as write:
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
            try:
                write(Secret("whsec_x", "wh_1"))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
                signal.signal(signal.SIGXFSZ, previous)

    resource = pytest.importorskip("resource")
    with pytest.raises(OSError, match="File too large"):
        full(tmp_path / "secret")
    assert not (tmp_path / "secret").exists()


# Errors.


def test_a_call_that_is_repeated_prints_nothing_beside_its_answer(
    webhooks: Command, platform: Platform
) -> None:
    platform.next.append(fails(503))
    assert webhooks("list").lines == []


def test_what_the_api_says_is_one_line(webhooks: Command, platform: Platform) -> None:
    platform.next.append(answers(400, '{"error":{"code":"x","message":"One\\nline\\u001b[31m."}}'))
    assert webhooks("get", "wh_1").failed() == (
        "cannot get the webhook: AnySpend answered 400; x: One line\\x1b[31m."
    )
    assert webhooks("get", "wh_none").failed() == (
        "cannot get the webhook: AnySpend answered 404; webhook_not_found: No such webhook."
    )
    platform.next.append(fails(429, Retry_After="3600"))
    assert "AnySpend answered 429 and asks to wait 3600 s" in webhooks("list").failed()


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["create", ENDPOINT], 2, "Missing option '--event'"),
        (["create", "--event", "a"], 2, "Missing argument 'URL'"),
        (["create", "http://shop.example", "--event", "a"], 1, "url: must be an https"),
        (["get"], 2, "Missing argument 'WEBHOOK'"),
        (["get", "../x"], 1, "webhook_id: is not"),
        (["update", "wh_1"], 2, "Give --url, --event, --active or --paused."),
        (["retry", "wh_1"], 2, "Missing argument 'DELIVERY'"),
        (["retry", "wh_1", "a/b"], 1, "delivery_id: is not"),
        (["delete", "wh_1"], 2, "Give --yes: nobody can be asked here."),
        (["remove", "wh_1"], 2, "No such command 'remove'."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(
    arguments: list[str], code: int, expected: str, webhooks: Command, platform: Platform
) -> None:
    assert webhooks(*arguments).failed(code).startswith(expected)
    assert platform.seen == []


def test_a_missing_extra_is_named(environ: dict[str, str], platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "stamina.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'stamina'\", name='stamina')"
    )
    environ["PYTHONPATH"] = str(tmp_path)

    def run(*arguments: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "cambist_cli", *WEBHOOKS, *arguments],
            capture_output=True,
            env=environ,
            check=False,
            timeout=60,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    assert run("list").failed() == "stamina is missing: install cambist-anyspend[client]"
    assert run("create", ENDPOINT, "--event", "a", "--secret-file", str(tmp_path / "secret")).failed()
    assert not (tmp_path / "secret").exists()
    assert run("list", "--help").code == 0


# A terminal.


@pytest.fixture
def terminal(platform: Platform, environ: dict[str, str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run a command on a terminal, type an answer, and return what it shows, without colours."""

    def run(*arguments: str, typed: bytes = b"", columns: int = 200) -> tuple[int, str]:
        outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "cambist_cli", *WEBHOOKS, *arguments, "--base-url", platform.url],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={**environ, "TERM": "xterm-256color"},
            cwd=tmp_path,
        )
        os.close(inner)
        if typed:
            os.write(outer, typed)
        shown = b""
        while chunk := _read(outer):
            shown += chunk
        os.close(outer)
        text = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
        return process.wait(timeout=60), text.replace("\r\n", "\n")

    return run


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"[│┃]", line)[1:-1]]


def test_lists_are_tables(terminal: Any, webhooks: Command, platform: Platform) -> None:
    assert terminal("list") == (0, "There is no webhook.\n")
    name = create(webhooks)["id"]
    code, shown = terminal("list")
    assert code == 0
    head, row = (cells(line) for line in shown.splitlines() if "│" in line or "┃" in line)
    assert head[:4] == ["id", "url", "events", "is active"]
    assert row[:6] == [name, ENDPOINT, "payment.completed", "yes", "0", "0"]
    assert row[6] == "-"
    assert terminal("deliveries", name) == (0, "There is no delivery.\n")
    platform.add_delivery(name, event_type="[red]odd\x1b[2J\u202e")
    code, shown = terminal("deliveries", name)
    assert code == 0
    assert "[red]odd\\x1b[2J\\u202e" in shown


def test_the_secret_is_shown_whole_and_once(terminal: Any, platform: Platform) -> None:
    code, shown = terminal("create", ENDPOINT, "--event", "payment.completed")
    (name,) = platform.webhooks
    assert code == 0
    rows = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in shown.splitlines() if "  " in line)
    assert rows["secret"].strip() == platform.secret(name)
    assert shown.count("whsec_") == 1
    assert shown.endswith("The secret is told this once: store it now.\n")
    assert "whsec_" not in terminal("get", name)[1]


def test_a_narrow_terminal_hides_nothing_of_the_secret(terminal: Any, platform: Platform) -> None:
    _, shown = terminal("create", ENDPOINT, "--event", "payment.completed", columns=30)
    (name,) = platform.webhooks
    assert platform.secret(name) in re.sub(r"\s", "", shown)
    assert "…" not in shown


def test_a_narrow_terminal_hides_nothing_of_a_list(terminal: Any, webhooks: Command) -> None:
    create(webhooks)
    _, shown = terminal("list", columns=80)
    rows = [cells(line) for line in shown.splitlines() if "│" in line]
    assert "".join(row[1] for row in rows) == ENDPOINT
    assert "…" not in shown


def test_json_on_a_terminal(terminal: Any, webhooks: Command) -> None:
    name = create(webhooks)["id"]
    code, shown = terminal("list", "--json")
    assert (code, json.loads(shown)["id"]) == (0, name)
    code, shown = terminal("get", name, "--json")
    assert (code, json.loads(shown)["id"]) == (0, name)


def test_what_is_removed_is_asked_for_first(terminal: Any, webhooks: Command, platform: Platform) -> None:
    name = create(webhooks)["id"]
    code, shown = terminal("delete", name, typed=b"n\n")
    assert code == 1
    assert "Remove this webhook for ever, and cancel its pending deliveries? [y/N]:" in shown
    assert "cambist: nothing is removed\n" in shown
    code, shown = terminal("delete", name, typed=b"\x04")  # the end of the input
    assert code == 130
    assert list(platform.webhooks) == [name]
    code, shown = terminal("delete", name, typed=b"y\n")
    assert code == 0
    assert platform.webhooks == {}
