"""`cambist new-provider`: a package for a provider of one's own, to begin from."""

from __future__ import annotations

import re
import shlex
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click
from attrs import frozen

from cambist import Registry
from cambist_cli._template import write_package

MAX_NAME, MAX_TITLE = 40, 60
_is_name = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII).fullmatch
# It goes into Python, TOML and Markdown: no quotes, no backslashes, nothing that is not printed.
_is_title = re.compile(r"[^\W_][\w .,&()+-]*").fullmatch
# What a provider is made and tested with, beside the core.
_EXTRA = ("hypothesis", "jinja2", "jsonschema", "pytest")


@frozen
class Scheme:
    """One way to prove webhooks genuine, as far as the templates ask.

    Attributes:
        classes: What declares it, of `cambist.verification`.
        secrets: What an operator puts into the setting ``secrets``.
    """

    classes: tuple[str, ...]
    secrets: str


SCHEMES = {
    "hmac": Scheme(("HmacSignature",), "The shared secrets"),
    "hmac-timestamp": Scheme(("HmacSignature", "Timestamp"), "The shared secrets"),
    "api-key": Scheme(("ApiKey",), "The accepted keys"),
    "basic": Scheme(("BasicAuth",), "The passwords"),
    "ed25519": Scheme(("Ed25519Signature",), "The provider's public keys, in hex"),
    "jwt": Scheme(("JwtHs256",), "The shared secrets"),
}
WRITTEN = """\
Wrote {folder}: the provider {name!r} in the package {package}.

It is about webhooks that were made up, and passes its tests as it is:
  cd {folder}
  python -m pip install -e '.[tests]'
  python -m pytest

Then make it yours: go through src/{package}/__init__.py from top to bottom.
The tutorial "Write a provider" does so with one."""


@click.command("new-provider")
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help="Where to write it: a folder that is not there yet, or empty.  [default: cambist-NAME]",
)
@click.option("--title", help="What people call the provider.  [default: made of NAME]")
@click.option(
    "--scheme",
    type=click.Choice(list(SCHEMES)),
    default="hmac",
    show_default=True,
    help="How its webhooks prove that they are genuine.",
)
def command(name: str, directory: Path | None, title: str | None, scheme: str) -> None:
    """Write a package for a provider of your own.

    NAME is what configuration calls the provider: small letters, digits and '-', as in my-bank. The package
    installs, and passes the tests that every provider has to pass. Its comments say what to change.
    """
    if missing := [module for module in _EXTRA if find_spec(module) is None]:
        raise click.ClickException(
            f"this needs {', '.join(missing)}: install the extra, cambist-cli[authors]"
        )
    facts = _facts(name, title if title is not None else name.replace("-", " ").title(), scheme)
    folder = directory if directory is not None else Path(facts["distribution"])
    write_package(folder, facts)
    click.echo(WRITTEN.format(folder=shlex.quote(str(folder)), **facts))


def _facts(name: str, title: str, scheme: str) -> dict[str, str]:
    """Return what the templates are filled in with.

    Raises:
        ClickException: A name or title is malformed, or taken by something that is installed.
    """
    if not _is_name(name) or len(name) > MAX_NAME:
        raise click.BadParameter(
            f"small letters and digits in words with '-' between them, at most {MAX_NAME} characters, "
            f"beginning with a letter{_suggestion(name)}",
            param_hint="'NAME'",
        )
    if not _is_title(title) or len(title) > MAX_TITLE:
        raise click.BadParameter(
            f"letters, digits, spaces and . , & ( ) + -, at most {MAX_TITLE} characters",
            param_hint="'--title'",
        )
    package = f"cambist_{name.replace('-', '_')}"
    taken = Registry.load().providers.get(name)
    if taken or find_spec(package):
        owner = f"the provider {name!r} of {taken.distribution}" if taken else f"a package {package}"
        raise click.ClickException(f"{owner} is installed already: choose another name")
    major, minor = version("cambist").split(".")[:2]
    classes = sorted({*SCHEMES[scheme].classes, "Scheme"})
    return {
        "name": name,
        "title": title,
        "scheme": scheme,
        "distribution": f"cambist-{name}",
        "package": package,
        "range": f">={major}.{minor},<{major}.{int(minor) + 1}",
        "imports": ", ".join(classes),
        "secrets": f"{SCHEMES[scheme].secrets}; several while one is being rotated.",
        "variable": f"{name.replace('-', '_').upper()}_SECRET",
    }


def _suggestion(name: str) -> str:
    words = "-".join(re.findall("[a-z0-9]+", name.lower()))[:MAX_NAME].rstrip("-")
    return f" (perhaps {words})" if _is_name(words) else ""
