"""What `cambist init` writes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from cambist import Provider
from cambist_cli._text import printable


@frozen
class SourceAnswers:
    """One of ``[[sources]]``.

    Attributes:
        name: What it is called.
        provider: Who sends it.
        settings: What is set, secrets by reference.
    """

    name: str
    provider: Provider
    settings: Mapping[str, Any]


@frozen
class Answers:
    """What a configuration is made of.

    Attributes:
        host: The address to listen on.
        port: The port.
        inbox: The inbox's URL, or a reference to it; nothing for no inbox.
        sources: The sources; at least one.
    """

    host: str
    port: int
    inbox: str | Mapping[str, str] | None
    sources: Sequence[SourceAnswers]


def as_toml(answers: Answers) -> str:
    """Return the file."""
    return "\n".join([*_server(answers), *_inbox(answers), *_sources(answers), *_sinks(answers), ""])


def next_steps(path: Path, answers: Answers) -> Iterator[str]:
    """Return what is left to do, a line each."""
    config = "" if path.name == str(path) == "cambist.toml" else f" --config {shlex.quote(str(path))}"
    yield f"Wrote {path}."
    for name, value in _references(answers):
        yield f"Put the secret of {name} into {value}."
    yield f"Then: cambist check-config{config} && cambist serve{config}"


def _references(answers: Answers) -> Iterator[tuple[str, str]]:
    for source in answers.sources:
        for value in source.settings.values():
            for entry in value if isinstance(value, list) else ():
                if isinstance(entry, Mapping) and "env" in entry:
                    yield source.name, f"the environment variable {entry['env']}"
                if isinstance(entry, Mapping) and "file" in entry:
                    yield source.name, f"the file {entry['file']}"


def _server(answers: Answers) -> Iterator[str]:
    yield "# Checked by: cambist check-config. Run by: cambist serve."
    yield ""
    yield "[server]"
    yield f"host = {_value(answers.host)}  # TLS is ended by a proxy before it"
    yield f"port = {_value(answers.port)}"
    yield ""


def _inbox(answers: Answers) -> Iterator[str]:
    if answers.inbox is None:
        yield "# Nothing is stored. With an inbox, a delivery is stored before it is answered:"
        yield "# [inbox]"
        yield '# url = "sqlite:///cambist.db"'
    else:
        yield "# Deliveries and events are stored here before a delivery is answered."
        yield "[inbox]"
        yield f"url = {_value(answers.inbox)}"
    yield ""


def _sources(answers: Answers) -> Iterator[str]:
    for source in answers.sources:
        provider = source.provider
        more = [field.name for field in attrs.fields(provider.settings) if field.name not in source.settings]
        yield f"# {printable(provider.title)}, at POST /webhooks/{source.name}"
        yield f"# {printable(provider.documentation)}"
        yield "[[sources]]"
        yield f"name = {_value(source.name)}"
        yield f"provider = {_value(provider.name)}"
        for name, value in source.settings.items():
            yield f"{name} = {_value(value)}"
        if more:
            yield f"# It knows further settings: {', '.join(more)}"
        yield ""


def _sinks(answers: Answers) -> Iterator[str]:
    yield f"# Events are {'printed' if answers.inbox is None else 'only stored'}. To hand them on:"
    yield "# [[sinks]]"
    yield '# url = "nats://127.0.0.1:4222"'


def _value(value: Any) -> str:
    """Return a value in TOML. What JSON and TOML write alike is written as JSON."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(name)} = {_value(item)}' for name, item in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Decimal):
        return str(value)
    if value is None:
        raise ValueError("null is not written in TOML")
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    is_bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if is_bare else _value(name)
