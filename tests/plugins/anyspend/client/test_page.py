"""The how-to says what the client and its commands do, and its code works."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="needs cambist-anyspend[client]")
pytest.importorskip("stamina", reason="needs cambist-anyspend[client]")
pytest.importorskip("click", reason="needs cambist-cli")

import attrs
import click

from cambist_anyspend.client import (
    AnswerError,
    Limits,
    ManagementError,
    RefusedError,
    UnavailableError,
    WebhooksClient,
)
from cambist_anyspend.commands import anyspend

from .conftest import ENDPOINT
from .platform import Platform, dropped, fails

PAGE = (Path(__file__).parents[4] / "docs/how-to/manage-anyspend-webhooks.md").read_text()


def first_cells(pattern: str) -> list[str]:
    return re.findall(rf"^\| `({pattern})` \|", PAGE, re.MULTILINE)


def test_every_method_with_its_arguments() -> None:
    listed = {}
    for name, arguments in re.findall(r"^\| `(\w+)\((.*?)\)` \| ", PAGE, re.MULTILINE):
        listed[name] = [each.partition("=")[0] for each in arguments.split(", ") if each]
    methods = {
        name: list(inspect.signature(method).parameters)[1:]
        for name, method in vars(WebhooksClient).items()
        if not name.startswith("_")
    }
    assert listed == methods


def test_every_command_and_every_option() -> None:
    webhooks = anyspend.commands["webhooks"]
    assert isinstance(webhooks, click.Group)
    listed = [cell.split() for cell in first_cells(r"[a-z]+(?: [A-Z]+)*")]
    shown = {name: arguments for name, *arguments in listed if name in webhooks.commands}
    options = set(re.findall(r"`(--[a-z-]+)`", PAGE)) - {"--help"}
    assert shown == {
        name: [
            each.make_metavar(click.Context(command))
            for each in command.params
            if isinstance(each, click.Argument)
        ]
        for name, command in webhooks.commands.items()
    }
    assert options == {
        option
        for command in webhooks.commands.values()
        for each in command.params
        if isinstance(each, click.Option)
        for option in (*each.opts, *each.secondary_opts)
    }


def test_every_limit_and_every_error() -> None:
    limits = [attribute.name for attribute in attrs.fields(Limits)]
    assert [cell for cell in first_cells(r"\w+") if cell in limits] == limits
    errors = [RefusedError, UnavailableError, AnswerError]
    assert first_cells(r"\w+Error") == [error.__name__ for error in errors]
    assert all(error.__base__ is ManagementError for error in errors)


async def test_the_code_of_the_page(client: WebhooksClient, platform: Platform) -> None:
    page: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(block, page)
    secret = await page["set_up"](client, ENDPOINT)
    (name,) = platform.webhooks
    assert secret == platform.secret(name)
    platform.add_delivery(name, status="failed", response_code=500)
    platform.add_delivery(name)
    assert await page["retry_what_failed"](client) == 1
    assert await page["retry_what_failed"](client) == 0
    platform.next.append(fails(403))
    assert await page["remove"](client, name) == "refused: Some message."
    platform.next.extend([dropped] * 3)
    assert await page["remove"](client, name) == "look whether it is still there"
    assert await page["remove"](client, name) == "removed"
    assert await page["remove"](client, name) == "it was not there"
