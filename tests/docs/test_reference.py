"""The reference names what there is, and nothing else."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import attrs
import click
import pytest

import cambist
import cambist_aiohttp
import cambist_aiohttp.testing
import cambist_coinspaid.callbacks
import cambist_inbox
import cambist_queue
from cambist import errors, hookspecs, testing, verification
from cambist_cli._config import Plugins, Server
from cambist_cli._limits_table import LimitsTable
from cambist_cli._log_table import Log
from cambist_cli._main import cli

DOCS = Path(__file__).parents[2] / "docs"


def documented(pattern: str, *pages: str) -> set[str]:
    return {name for page in pages for name in re.findall(pattern, (DOCS / page).read_text(), re.MULTILINE)}


def test_every_hook_with_its_arguments() -> None:
    specs = {
        f"{name}({', '.join(inspect.signature(spec).parameters)})"
        for name, spec in vars(hookspecs).items()
        if name.startswith("cambist_")
    }
    assert documented(r"^## (cambist_.*)$", "reference/hooks.md") == specs


@pytest.mark.parametrize(
    "module",
    [
        cambist,
        cambist_aiohttp,
        cambist_aiohttp.testing,
        cambist_inbox,
        cambist_queue,
        errors,
        hookspecs,
        testing,
        verification,
    ],
)
def test_every_public_name(module: object) -> None:
    name = module.__name__
    pages = [page.relative_to(DOCS).as_posix() for page in (DOCS / "reference").glob("*.md")]
    found = documented(rf"^\.\. auto\w+:: {re.escape(name)}\.(\w+)(?:\(\))?$", *pages)
    found |= documented(rf"^\.\. py:\w+:: (\w+).*\n   :module: {re.escape(name)}$", *pages)
    hooks = {each for each in module.__all__ if each.startswith("cambist_")}
    # Each is described once: these two under the module that an author imports them from.
    elsewhere = {"CambistError", "hookimpl"} if module is cambist else set()
    assert found == set(module.__all__) - hooks - elsewhere


def test_every_error_with_its_status() -> None:
    page = (DOCS / "reference/errors.md").read_text()
    listed = {
        name: int(status) for name, status in re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)
    }
    classes = [found for found in vars(errors).values() if inspect.isclass(found)]
    assert listed == {
        found.__name__: found.status_hint for found in classes if issubclass(found, cambist.CambistError)
    }


def test_every_command_with_its_options() -> None:
    sections = re.split(r"^## cambist ", (DOCS / "reference/cli.md").read_text(), flags=re.MULTILINE)[1:]
    listed = {}
    for section in sections:
        rows = re.findall(r"^\| (`-.*?) \|", section, re.MULTILINE)
        listed[section.split()[0]] = {option for row in rows for option in re.findall(r"`(\S+)`", row)}
    context = click.Context(cli)
    assert listed == {
        name: {
            option
            for command in _with_its_own(cli.get_command(context, name))
            for parameter in command.params
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        for name in cli.list_commands(context)
    }


def _with_its_own(command: click.Command) -> list[click.Command]:
    """A command; if it does nothing by itself, those in it. A plugin's are documented elsewhere."""
    ours = command.callback.__module__.startswith("cambist_cli.")
    is_empty = isinstance(command, click.Group) and not command.invoke_without_command
    return list(command.commands.values()) if ours and is_empty else [command]


@pytest.mark.parametrize(
    ("table", "cls"), [("server", Server), ("limits", LimitsTable), ("log", Log), ("plugins", Plugins)]
)
def test_every_key_of_the_configuration(table: str, cls: type) -> None:
    page = (DOCS / "reference/configuration.md").read_text()
    section = page.partition(f"## `[{table}]`\n")[2].partition("\n## ")[0]
    nothing = "all" if cls is Plugins else "none"
    listed = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", section, re.MULTILINE))
    assert listed == {
        field.name: nothing if field.default is None else f"`{json.dumps(field.default)}`"
        for field in attrs.fields(cls)
    }


def test_every_type_that_coinspaid_sends() -> None:
    page = (DOCS / "providers/coinspaid.md").read_text()
    rows = re.findall(r"^\| (`\w+`.*?) \| `(\w+)` \| `(\w+)` \|$", page, re.MULTILINE)
    listed = {kind: (row[1], row[2]) for row in rows for kind in re.findall(r"`(\w+)`", row[0])}
    kinds = cambist_coinspaid.callbacks.KINDS
    assert {name: listed.get(name) for name in kinds} == kinds
    assert listed["payment_request"] == ("invoice", "payment_request")


def test_every_code_of_a_failure_at_coinspaid() -> None:
    page = (DOCS / "providers/coinspaid.md").read_text()
    for text, code in cambist_coinspaid.parts.FAILURE_CODES.items():
        assert f"| `{code}` | {text} |" in page.lower()
