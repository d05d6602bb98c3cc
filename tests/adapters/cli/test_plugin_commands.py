"""Commands that plugins bring: found by name, imported when asked for, and their errors as ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SECRET = "the-s3cret"
Install = Callable[..., None]

ACORN = """
import pathlib
pathlib.Path("imported").touch()

import click
from cambist.errors import ConfigurationError

@click.group()
def acorn():
    "Count acorns."

@acorn.command()
@click.option("--count", type=int, default=1)
def plant(count):
    "Plant some."
    click.echo(f"planted {count}")

@acorn.command()
@click.argument("how")
def fail(how):
    "Fail."
    raise {
        "cambist": ConfigurationError("acorns: none left\\nat all"),
        "click": click.ClickException("one line\\nand another"),
        "usage": click.UsageError("Give more.", click.get_current_context()),
        "abort": click.Abort(),
        "fault": LookupError("the-s3cret"),
        "exit": click.exceptions.Exit(3),
    }[how]

@click.command()
def demo():
    click.echo("not ours")

number = 7
"""


@pytest.fixture
def install(tmp_path: Path, environ: dict[str, str]) -> Install:
    """Install a distribution that the process finds: a module, and its commands."""
    environ["PYTHONPATH"] = str(tmp_path / "site")

    def installed(distribution: str, code: str, **commands: str) -> None:
        info = tmp_path / "site" / f"{distribution.replace('-', '_')}-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
        lines = [f"{name} = {target}" for name, target in commands.items()]
        (info / "entry_points.txt").write_text("\n".join(["[cambist.commands]", *lines]) + "\n")
        (tmp_path / "site" / f"{distribution.replace('-', '_')}.py").write_text(code)

    return installed


@pytest.fixture
def acorn(install: Install) -> None:
    install("oak-acorn", ACORN, acorn="oak_acorn:acorn", demo="oak_acorn:demo", number="oak_acorn:number")


def test_a_command_of_a_plugin_runs(process: Any, acorn: None) -> None:
    result = process("acorn", "plant", "--count", "3")
    assert (result.code, result.out, result.err) == (0, "planted 3\n", "")
    assert "Plant some." in process("acorn", "--help").out


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["schema", "event"], ["providers"], ["nope"]]
)
def test_it_is_not_imported_unless_it_is_asked_for(
    arguments: list[str], process: Any, acorn: None, tmp_path: Path
) -> None:
    process(*arguments)
    assert not (tmp_path / "imported").exists()
    process("acorn", "plant")
    assert (tmp_path / "imported").exists()


def test_help_lists_it_with_who_brings_it(process: Any, acorn: None) -> None:
    result = process("--help")
    assert (result.code, result.err) == (0, "")
    ours, _, theirs = result.out.partition("Commands of plugins:\n")
    assert "  providers " in ours
    assert "acorn Brought by oak-acorn. " in " ".join(theirs.split())
    assert "demo" in ours
    assert "demo" not in theirs


def test_our_own_commands_win(process: Any, install: Install, tmp_path: Path) -> None:
    install("oak-acorn", ACORN, schema="oak_acorn:demo")
    assert json.loads(process("schema", "event").out)
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize(
    ("how", "code", "expected"),
    [
        ("cambist", 1, "acorns: none left at all"),
        ("click", 1, "one line and another"),
        ("usage", 2, "Give more. (try 'cambist acorn fail --help')"),
        ("fault", 1, "failed with LookupError in oak_acorn, line"),
    ],
)
def test_its_errors_are_one_line(how: str, code: int, expected: str, process: Any, acorn: None) -> None:
    assert process("acorn", "fail", how).failed(code).startswith(expected)


def test_an_abort_ends_with_130(process: Any, acorn: None) -> None:
    result = process("acorn", "fail", "abort")
    assert (result.code, result.out) == (130, "")


def test_the_exit_code_of_a_plugin_is_kept(process: Any, acorn: None) -> None:
    result = process("acorn", "fail", "exit")
    assert (result.code, result.out, result.err) == (3, "", "")


def test_a_group_without_its_command_is_wrong_usage(process: Any, acorn: None) -> None:
    assert process("acorn").failed(2) == "Missing command. (try 'cambist acorn --help')"


def test_output_that_a_plugin_cannot_write_is_one_line(
    environ: dict[str, str], acorn: None, tmp_path: Path
) -> None:
    for arguments in ("acorn plant", "acorn --help", "--version"):
        done = subprocess.run(
            ["sh", "-c", f"{sys.executable} -m cambist_cli {arguments} >/dev/full"],
            stderr=subprocess.PIPE,
            env=environ,
            cwd=tmp_path,
            check=False,
            text=True,
        )
        expected = "cambist: No space left on device: what is read or written has failed\n"
        assert (done.returncode, done.stderr) == (1, expected)


def test_an_unknown_command_stays_unknown(process: Any, acorn: None) -> None:
    assert process("acrn").failed(2).startswith("No such command 'acrn'.")
    assert process("acorn", "nope").failed(2).startswith("No such command 'nope'.")


BROKEN = {
    "an error": ("raise RuntimeError('one line\\nand another')", "RuntimeError: one line and another"),
    "an exit": ("raise SystemExit(7)", "SystemExit: 7"),
    "a module that is missing": (
        "import no_such_module",
        "ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "a name that is missing": ("", "AttributeError: module 'oak_rot' has no attribute 'rot'"),
}


@pytest.mark.parametrize(("code", "expected"), BROKEN.values(), ids=list(BROKEN))
def test_one_that_cannot_be_loaded_is_named_when_it_is_used(
    code: str, expected: str, process: Any, install: Install
) -> None:
    install("oak-rot", code, rot="oak_rot:rot")
    error = process("rot").failed()
    assert error == f"distribution 'oak-rot': command 'rot' cannot be loaded: {expected}"
    assert process("--help").code == 0
    assert json.loads(process("schema", "event").out)


def test_what_is_no_command_is_named(process: Any, acorn: None) -> None:
    assert process("number").failed() == "distribution 'oak-acorn': command 'number' is no command of click"


def test_a_name_that_two_claim_is_an_error_when_it_is_used(
    process: Any, install: Install, acorn: None, tmp_path: Path
) -> None:
    install("beech-acorn", ACORN, acorn="beech_acorn:acorn")
    error = process("acorn", "plant").failed()
    assert error == (
        "distribution 'beech-acorn': command 'acorn' is brought by oak-acorn as well: uninstall one"
    )
    assert not (tmp_path / "imported").exists()
    assert "acorn Brought by beech-acorn, oak-acorn. " in " ".join(process("--help").out.split())
    assert process("schema", "event").code == 0


def test_a_command_of_ours_asks_for_no_plugin(process: Any, install: Install, tmp_path: Path) -> None:
    """Not even for their names: that takes time at each start."""
    install("oak-acorn", ACORN, acorn="oak_acorn:acorn")
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import importlib.metadata as m\n"
        "def entry_points(**k):\n"
        "    if k.get('group') == 'cambist.commands':\n"
        "        raise LookupError('asked')\n"
        "    return real(**k)\n"
        "real, m.entry_points = m.entry_points, entry_points\n"
    )
    assert process("schema", "event").code == 0
    assert "LookupError" in process("acorn").failed()
