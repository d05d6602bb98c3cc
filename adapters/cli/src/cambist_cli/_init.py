"""`cambist init`: a configuration to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from cambist import Registry
from cambist_cli._init_questions import Given, Questions, asked_source
from cambist_cli._init_text import Answers, as_toml, next_steps
from cambist_cli._options import set_option
from cambist_cli._server_table import Server

NONE: Final = "none"
_SQLITE: Final = "sqlite:///cambist.db"


@click.command("init")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default="cambist.toml",
    show_default=True,
    help="The file to write.",
)
@click.option("--provider", metavar="NAME", help="Who sends webhooks: one that 'cambist providers' lists.")
@click.option("--name", metavar="NAME", help="What the source is called.  [default: as the provider]")
@click.option("--secret-env", metavar="NAME", help="The environment variable that holds its secret.")
@click.option("--secret-file", metavar="PATH", help="The file that holds its secret.")
@set_option
@click.option("--inbox", metavar="URL", help=f"Where events are stored: {_SQLITE}, or '{NONE}'.")
@click.option("--inbox-env", metavar="NAME", help="The environment variable that holds the inbox's URL.")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--no-input", is_flag=True, help="Ask nothing: take the default of what is not given.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def command(path: Path, no_input: bool, force: bool, **given: Any) -> None:
    """Write a configuration to begin with.

    It asks what you have, and for no secret: the file says where each is to be found.
    """
    if path.exists() and not force:
        raise click.ClickException(f"{path}: is there already: choose another --config, or --force")
    answers = _answers(Questions(no_input), given)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(as_toml(answers))
    except OSError as error:
        raise click.ClickException(f"{path}: cannot be written ({error.strerror})") from None
    for line in next_steps(path, answers):
        click.echo(line)


def _answers(questions: Questions, given: Mapping[str, Any]) -> Answers:
    registry = Registry.load()
    first = Given(given["provider"], given["name"], _secret(given), given["settings"])
    sources = [asked_source(questions, registry, first, ())]
    while questions.another():
        taken = [source.name for source in sources]
        sources.append(asked_source(questions, registry, Given(), taken))
    inbox = _inbox(questions, given)
    server = Server()
    host = given["host"] or questions.ask("--host", "Which address to listen on?", server.host)
    port = given["port"]
    if port is None:
        port = questions.ask("--port", "Which port?", server.port, type=click.IntRange(0, 65535))
    return Answers(host, port, inbox, sources)


def _secret(given: Mapping[str, Any]) -> dict[str, str] | None:
    found = {kind: given[f"secret_{kind}"] for kind in ("env", "file") if given[f"secret_{kind}"]}
    if len(found) > 1:
        raise click.UsageError("Give --secret-env or --secret-file, not both.", click.get_current_context())
    return found or None


def _inbox(questions: Questions, given: Mapping[str, Any]) -> str | dict[str, str] | None:
    if given["inbox_env"]:
        if given["inbox"]:
            raise click.UsageError("Give --inbox or --inbox-env, not both.", click.get_current_context())
        return {"env": given["inbox_env"]}
    default = _SQLITE if find_spec("cambist_inbox") else NONE
    url = given["inbox"] or questions.ask("--inbox", f"Where to store events? A URL, or '{NONE}'", default)
    if url == NONE:
        return None
    if urlsplit(url).password is not None:
        raise click.ClickException(
            "--inbox: holds a password: put the URL into an environment variable, and give --inbox-env NAME"
        )
    return str(url)
