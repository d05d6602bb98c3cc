"""`cambist check-config`: all that is wrong with a configuration, or what it configures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from attrs import asdict, field, frozen

from cambist import Route
from cambist.errors import ConfigurationError
from cambist_cli._config import Config, config_of, read_toml
from cambist_cli._inbox import config_option
from cambist_cli._listing import as_line, print_line
from cambist_cli._mending import Problem, read_all
from cambist_cli._settings import secret_settings
from cambist_cli._text import one_line, printable
from cambist_cli._toml_lines import Path as Place
from cambist_cli._toml_lines import line_of, lines_of
from cambist_cli._warnings import warnings
from cambist_cli._wiring import Wiring

_at_line = re.compile(r"\(at line (\d+)").search


@frozen
class Finding:
    """Something to tell, and the line that it is about, where it is about one."""

    line: int | None
    text: str


@frozen
class Report:
    """What was found out.

    Attributes:
        errors: What stops the start.
        warnings: What does not, and is dangerous. Looked for where there is no error.
        configured: What there is, to be shown.
    """

    errors: list[Finding] = field(factory=list)
    warnings: list[Finding] = field(factory=list)
    configured: dict[str, Any] = field(factory=dict)


@click.command("check-config")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(path: Path, as_json: bool) -> None:
    """Look for all that is wrong with a configuration.

    It is read as 'serve' reads it: plugins, settings, secrets, sinks, and the inbox's URL and keys. Nothing
    is opened or connected to. Each error is told with its line, and the exit code is 1 if there is one.
    Otherwise it is told what is configured.
    """
    report = _checked(path)
    if as_json:
        print_line(as_line(_document(path, report)))
    else:
        for line in _lines(path, report):
            click.echo(line)
    if report.errors:
        count = len(report.errors)
        raise click.ClickException(f"{path}: {count} error{'s' * (count != 1)}")


def _checked(path: Path) -> Report:
    try:
        document, text = read_toml(path, lambda _, document: (document, path.read_text(encoding="utf-8")))
    except ConfigurationError as error:
        reason = str(error).removeprefix(f"{path}: ")
        found = _at_line(reason)
        return Report([Finding(int(found[1]) if found else None, reason)])
    lines = lines_of(text)
    mended = read_all(lambda document: config_of(path, document), document)
    problems, config = list(mended.problems), mended.result
    if config is None:
        return Report(_findings(problems, lines))
    wiring = Wiring(document, config, mended)
    wiring.check()
    problems += wiring.problems
    if problems:
        return Report(_findings(problems, lines))
    dangers = warnings(config, document, wiring.routes, datetime.now(UTC))
    return Report([], _findings(dangers, lines), _configured(config, wiring.routes))


def _findings(problems: Iterable[Problem], lines: Mapping[Place, int]) -> list[Finding]:
    """Return problems in the order of the file; at the end those that are about no line."""
    found = [Finding(line_of(lines, problem.place), one_line(problem.text)) for problem in problems]
    return sorted(found, key=lambda finding: (finding.line is None, finding.line))


def _configured(config: Config, routes: Mapping[int, Route]) -> dict[str, Any]:
    """Return what there is, without secrets and passwords."""
    server, inbox = config.server, config.inbox
    return {
        "server": {"host": server.host, "port": server.port},
        "sources": [_source(route, server.prefix) for route in routes.values()],
        "sinks": [{"name": sink.name, "url": _address(sink.url)} for sink in config.sinks],
        "inbox": inbox
        and {
            "url": _address(inbox.url) + urlsplit(inbox.url).path,
            "keys": [key.label for key in inbox.keys],
        },
    }


def _source(route: Route, prefix: str) -> dict[str, Any]:
    secret = "/SECRET" if "path-secret" in re.split(r"[+|]", route.scheme.name) else ""
    own = route.source.path
    labels = (getattr(route.settings, key) or () for key in secret_settings(route.provider))
    return {
        "name": route.source.name,
        "provider": route.provider.name,
        "paths": [f"{prefix}/{route.source.name}{secret}", *([own] if own else [])],
        "verification": route.scheme.name,
        "secrets": [secret.label for secrets in labels for secret in secrets],
    }


def _address(url: str) -> str:
    """Return a URL's scheme and host. What else is in it may be a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _document(path: Path, report: Report) -> dict[str, Any]:
    found = {name: list(map(asdict, getattr(report, name))) for name in ("errors", "warnings")}
    return {"path": str(path), **found, "configured": report.configured or None}


def _lines(path: Path, report: Report) -> Iterator[str]:
    for kind, findings in (("", report.errors), ("warning: ", report.warnings)):
        for finding in findings:
            where = path if finding.line is None else f"{path}:{finding.line}"
            yield f"{where}: {kind}{finding.text}"
    if not (configured := report.configured):
        return
    yield f"{path} is in order:"
    yield "  listens on {host} port {port}".format(**configured["server"])
    for source in configured["sources"]:
        secrets = f" with {_named(source['secrets'])}" if source["secrets"] else ""
        yield f"  source {source['name']}: {source['provider']}, {source['verification']}{secrets}"
        for at in source["paths"]:
            yield f"    POST {at}"
    inbox = configured["inbox"]
    if inbox:
        sealed = f"encrypted with {_named(inbox['keys'][:1])}" if inbox["keys"] else "not encrypted"
        yield f"  inbox {inbox['url']}, {sealed}"
    for sink in configured["sinks"]:
        yield f"  sink {sink['name']}: {sink['url']}"
    if not (inbox or configured["sinks"]):
        yield "  events are printed"


def _named(labels: list[str]) -> str:
    return printable(", ".join(map(repr, labels)))
