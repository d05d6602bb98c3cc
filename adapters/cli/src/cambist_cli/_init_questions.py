"""What `cambist init` asks, and what it takes instead of an answer."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click
from attrs import frozen

from cambist import Pipeline, Registered, Registry, Secrets, Source
from cambist.errors import ConfigurationError
from cambist_cli._init_text import SourceAnswers
from cambist_cli._mending import steps
from cambist_cli._settings import main_secret_setting, required_settings, secret_settings


@frozen
class Questions:
    """Asks on the terminal, or takes the default.

    Args:
        silent: Ask nothing.
    """

    silent: bool

    def ask(self, flag: str, text: str, default: Any = None, **options: Any) -> Any:
        """Return the answer, or the default where nothing is asked.

        Args:
            flag: The option that gives the answer without a question.
            text: The question.
            default: What it is unless answered.
            **options: Of `click.prompt`.

        Raises:
            UsageError: Nothing is asked, and there is no default.
        """
        if not self.silent:
            return click.prompt(text, default=default, err=True, **options)
        if default is None:
            raise click.UsageError(f"With --no-input, {flag} is needed.", click.get_current_context())
        return default

    def another(self) -> bool:
        """Whether there is another source."""
        return not self.silent and click.confirm("Another source?", err=True)


@frozen
class Given:
    """What is said of a source on the command line.

    Attributes:
        provider: The provider's name.
        name: The source's name.
        secret: A reference to its secret.
        settings: Its settings.
    """

    provider: str | None = None
    name: str | None = None
    secret: Mapping[str, str] | None = None
    settings: Mapping[str, Any] = {}


def asked_source(
    questions: Questions, registry: Registry, given: Given, taken: Sequence[str]
) -> SourceAnswers:
    """Return a source that its provider accepts.

    Args:
        questions: Asks for what is not given.
        registry: The installed providers.
        given: What is known already.
        taken: The names of other sources.

    Raises:
        UsageError: Something is needed and cannot be asked for.
        ConfigurationError: What is given is not accepted.
    """
    names = list(registry.providers)
    if not names:
        raise ConfigurationError("no provider is installed: pip install cambist-coinspaid, for instance")
    only = names[0] if len(names) == 1 else None
    provider = given.provider or questions.ask(
        "--provider", "Who sends webhooks?", only, type=click.Choice(names)
    )
    if provider not in registry.providers:
        raise ConfigurationError(f"--provider: {provider!r} is not installed (there are: {', '.join(names)})")
    name = _name(questions, given, provider, taken)
    return SourceAnswers(
        name,
        registry.providers[provider].provider,
        _Settings(questions, registry, registry.providers[provider], name, given).found(),
    )


def _name(questions: Questions, given: Given, provider: str, taken: Sequence[str]) -> str:
    """Return what the source is called; what cannot be is asked again."""
    names = [provider, *(f"{provider}-{number}" for number in range(2, len(taken) + 2))]
    free = next(name for name in names if name not in taken)
    while True:
        name: str = given.name or questions.ask("--name", "What is the source called, in its URL?", free)
        problem = f"another source is called {name!r}" if name in taken else _misnamed(name)
        if problem is None:
            return name
        if given.name or questions.silent:
            raise ConfigurationError(problem)
        click.echo(problem, err=True)


def _misnamed(name: str) -> str | None:
    try:
        Source(name, "any")
    except ConfigurationError as error:
        return str(error)
    return None


@frozen
class _Settings:
    questions: Questions
    registry: Registry
    registered: Registered
    source: str
    given: Given

    def found(self) -> dict[str, Any]:
        """Return settings that are accepted: those that are required, and what these need besides."""
        provider = self.registered.provider
        settings = dict(self.given.settings)
        if self.given.secret is not None:
            settings.setdefault(main_secret_setting(provider), [dict(self.given.secret)])
        for name, is_required in required_settings(provider).items():
            if is_required and name not in settings:
                settings[name] = self._asked(name)
        known = required_settings(provider)
        while problem := self._problem(settings):
            name = str(next(iter(steps(problem)), ""))
            if name not in known and main_secret_setting(provider) not in settings:
                name = main_secret_setting(provider)  # a scheme does not know what its secrets are called
            if name not in known or (self.questions.silent and name in settings):
                raise ConfigurationError(f"{problem} (give a setting with --set KEY=VALUE)")
            if not self.questions.silent:
                click.echo(problem, err=True)
            settings[name] = self._asked(name)
        return settings

    def _problem(self, settings: Mapping[str, Any]) -> str | None:
        """Return what the provider says against settings, whatever the secrets will be."""
        names = secret_settings(self.registered.provider)
        made_up = {key: [secrets.token_hex(32)] if key in names else value for key, value in settings.items()}
        optional = {key for key in names if not required_settings(self.registered.provider)[key]}
        problem = self._said(made_up)
        # What is made up is a key for most schemes, and not for all.
        if problem and not self._said({key: value for key, value in made_up.items() if key not in optional}):
            return None
        return problem

    def _said(self, settings: Mapping[str, Any]) -> str | None:
        try:
            Pipeline([Source(self.source, self.registered.provider.name, settings)], registry=self.registry)
        except ConfigurationError as error:
            return error.reason
        return None

    def _asked(self, name: str) -> Any:
        """Return a value of a setting, asked for as its type has it."""
        flag = f"--set {name}=VALUE"
        hint = get_type_hints(self.registered.provider.settings)[name]
        kinds = (
            [each for each in get_args(hint) if each is not NoneType]
            if NoneType in get_args(hint)
            else [hint]
        )
        kind = kinds[0]
        if kind == Secrets:
            return [self._reference()]
        if get_origin(kind) is Literal:
            words = [str(word) for word in get_args(kind)]
            return self.questions.ask(f"--set {name}={'|'.join(words)}", f"{name}?", type=click.Choice(words))
        if kind == tuple[str, ...]:
            text = self.questions.ask(flag, f"{name}, with ',' between them?")
            return [each.strip() for each in text.split(",")]
        if kind in (str, int, bool):
            return self.questions.ask(flag, f"{name}?", type=kind)
        raise click.UsageError(
            f"{name} cannot be asked for: give it with {flag}.", click.get_current_context()
        )

    def _reference(self) -> dict[str, str]:
        if self.given.secret is not None:
            return dict(self.given.secret)
        variable = f"{re.sub('[^A-Za-z0-9]', '_', self.source)}_SECRET".upper()
        name = self.questions.ask(
            "--secret-env", "Which environment variable will hold its secret? Or a path, for a file", variable
        )
        return {"file" if "/" in name or "." in name else "env": name}
