"""What holds for the command line as a whole, and the commands that only look something up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from cambist import event_schema
from cambist_cli import _normalize
from cambist_cli._main import _COMMANDS

SECRET = "the-s3cret"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "Missing command. (try 'cambist --help')"),
        (["normalise"], "No such command 'normalise'."),
        (["--nope"], "No such option"),
        (["normalize"], "Missing argument 'PROVIDER'. (try 'cambist normalize --help')"),
        (["normalize", "mint", "--nope", "x"], "No such option"),
        (["normalize", "mint", "a.json", SECRET], "Got unexpected extra argument (try"),
        (["normalize", "mint", "--secret"], "Option '--secret' requires an argument."),
        (["normalize", "mint", "--set", SECRET], "Invalid value for '--set': write key=value"),
        (["normalize", "mint", "--set", "=" + SECRET], "Invalid value for '--set': write key=value"),
        (["normalize", "mint", "--secret", SECRET, "--set", "secrets=[]"], "Give --secret or --set secrets="),
        (["sign", "mint"], "Missing argument 'FILE'."),
        (["schema"], "Missing argument 'WHAT'."),
        (["schema", "graphql"], "Invalid value for 'WHAT': 'graphql' is not"),
        (["demo", "more"], "Got unexpected extra argument"),
        (["serve", "--config"], "Option '--config' requires an argument."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_2(cambist: Any, arguments: list[str], expected: str) -> None:
    error = cambist(*arguments).failed(2)
    assert error.startswith(expected)
    assert "(try 'cambist" in error


def test_wrong_usage_of_the_process(process: Any) -> None:
    assert process("nope").failed(2).startswith("No such command 'nope'.")


def test_help_names_every_command_in_full(cambist: Any) -> None:
    result = cambist("--help")
    assert (result.code, result.err) == (0, "")
    assert "..." not in result.out.replace("[ARGS]...", "")
    for name in _COMMANDS:
        assert f"  {name} " in result.out
        assert cambist(name, "--help").code == 0


def test_version(cambist: Any) -> None:
    result = cambist("--version")
    assert (result.code, result.out) == (0, f"cambist {version('cambist-cli')}\n")


def test_the_schema_of_the_event(cambist: Any) -> None:
    result = cambist("schema", "event")
    assert (result.code, json.loads(result.out)) == (0, event_schema())
    assert result.out.startswith('{\n  "$schema"')


def test_providers_one_a_line(cambist: Any) -> None:
    result = cambist("providers")
    found = {line["name"]: line for line in map(json.loads, result.out.splitlines())}
    assert list(found) == sorted(found)
    assert found["mint"] == {
        "name": "mint",
        "title": "The Mint",
        "documentation": "https://mint.example/webhooks",
        "distribution": "cambist-mint",
        "version": "0.9",
        "settings": [
            {"name": "secrets", "required": True},
            {"name": "account", "required": False},
            {"name": "limit", "required": False},
            {"name": "strict", "required": False},
        ],
    }


def test_a_plugin_that_cannot_be_loaded_is_named(
    process: Any, environ: dict[str, str], tmp_path: Path
) -> None:
    info = tmp_path / "cambist_broken-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cambist-broken\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[cambist]\nbroken = cambist_broken\n")
    (tmp_path / "cambist_broken.py").write_text("raise RuntimeError('one line\\nand another')")
    environ["PYTHONPATH"] = str(tmp_path)
    error = process("providers").failed()
    assert error.startswith(
        "distribution 'cambist-broken': entry point 'broken' cannot be loaded: RuntimeError"
    )


def test_output_that_nobody_reads_ends_quietly(environ: dict[str, str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "cambist_cli", "providers"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=environ,
        check=False,
        timeout=30,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("redirection", "expected"),
    [
        (">/dev/full", "No space left on device: what is read or written has failed"),
        (">&-", "stdin and stdout have to be open; redirect what is not needed to /dev/null"),
    ],
)
def test_output_that_fails_is_an_error(environ: dict[str, str], redirection: str, expected: str) -> None:
    script = f"{sys.executable} -m cambist_cli schema event {redirection}"
    done = subprocess.run(["sh", "-c", script], stderr=subprocess.PIPE, env=environ, check=False, text=True)
    assert (done.returncode, done.stderr) == (1, f"cambist: {expected}\n")


def test_an_interrupt_ends_with_130(environ: dict[str, str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "body")
    process = subprocess.Popen(
        [sys.executable, "-m", "cambist_cli", "normalize", "mint", "body", "--no-verify"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        cwd=tmp_path,
    )
    with (tmp_path / "body").open("wb"):  # waits until the command reads
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


def test_a_fault_of_ours_shows_no_value(cambist: Any, coin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> bytes:
        raise LookupError(SECRET)

    monkeypatch.setattr(_normalize, "read_body", fail)
    error = cambist("normalize", "mint", coin, "--no-verify").failed()
    assert error.startswith("failed with LookupError in ")
