"""`cambist check`: the tests that every provider has to pass, on one that is installed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin, get_type_hints

import click

from cambist import Pipeline, Provider, Registered, Registry, Source
from cambist.errors import ConfigurationError
from cambist.testing import Case, load_cases
from cambist_cli import _options
from cambist_cli._settings import required_settings, secret_settings
from cambist_cli._text import one_line

if TYPE_CHECKING:
    from cambist.testing import Check, ProviderConformance

SECRET: Final = "cambist-check-secret-of-48-characters-in-all-2026"  # noqa: S105  # of no account
SHOWN: Final = 10
"""How many lines of one failed test are shown."""


@click.command("check")
@click.argument("name")
@click.option(
    "--cases",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The provider's cases: NAME.http and NAME.json.  [default: its samples]",
)
@_options.secret_option
@_options.set_option
@click.option("--waive", "waived", metavar="TEST", multiple=True, help="Leave a test out, by its name.")
@click.option(
    "--unmasked", metavar="FIELD", multiple=True, help="A field in which a card number is an identifier."
)
def command(
    name: str,
    cases: Path | None,
    secrets: Sequence[str],
    settings: dict[str, Any],
    waived: Sequence[str],
    unmasked: Sequence[str],
) -> None:
    """Run the conformance tests on an installed provider.

    NAME is the provider's. Its cases are replayed, and then it is attacked. It needs settings of an account:
    those of the first case, or a made-up secret, unless they are given. Nothing is sent anywhere.
    """
    run = _runner()
    registry = Registry.load()
    registered = registry.providers.get(name)
    if registered is None:
        raise click.ClickException(f"{name}: no such provider is installed (see 'cambist providers')")
    try:
        found = _cases(cases, name) if cases else []
        account = _account(registry, registered.provider, found, secrets, settings)
        checks = run(
            _conformance(
                name,
                {
                    "settings": account,
                    "cases": cases,
                    "same_event": _same_event(found),
                    "waived": dict.fromkeys(waived, "as asked for"),
                    "unmasked": dict.fromkeys(unmasked, "as asked for"),
                },
            )
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    _print(registered, len(found), checks)
    failed = sum(check.result == "failed" for check in checks)
    if failed:
        raise click.ClickException(f"{name}: {failed} of {len(checks)} checks failed")


def _runner() -> Any:
    try:
        from cambist.testing import run_conformance
    except ImportError as error:
        missing = str(error).partition(" needs ")[2].partition(",")[0]
    else:
        return run_conformance
    raise click.ClickException(f"this needs {missing}: install the extra, cambist-cli[authors]")


def _conformance(name: str, attributes: Mapping[str, Any]) -> type[ProviderConformance]:
    from cambist.testing import ProviderConformance

    return type("Checked", (ProviderConformance,), {"provider": name, **attributes})


def _cases(folder: Path, name: str) -> list[Case]:
    return [case for case in load_cases(folder) if case.provider == name and "events" in case.expected]


def _same_event(cases: Iterable[Case]) -> list[set[str]]:
    """Return the groups of cases that are one event, as their files say: they expect one id."""
    groups: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        for event in case.expected["events"]:
            groups[event["id"]].add(case.name)
    return [group for group in groups.values() if len(group) > 1]


def _account(
    registry: Registry,
    provider: Provider,
    cases: Sequence[Case],
    secrets: Sequence[str],
    settings: dict[str, Any],
) -> Mapping[str, Any]:
    """Return the settings of an account to attack.

    Raises:
        ClickException: A setting has to be given.
        ConfigurationError: A setting is wrong.
    """
    given = _options.configured_source(registry, "check", provider.name, secrets, settings).settings
    known = {**(cases[0].settings if cases and not given else {}), **given}
    made_up = {key: [SECRET] for key in secret_settings(provider) if key not in known}
    required = required_settings(provider)
    if missing := [key for key in required if required[key] and key not in {**known, **made_up}]:
        told = ", ".join(f"--set {key}={_choices(provider, key)}" for key in missing)
        raise click.ClickException(f"{provider.name} needs settings that cannot be made up: {told}")
    needed = {key: value for key, value in made_up.items() if required[key]}
    try:
        Pipeline([Source("check", provider.name, {**known, **needed})], registry=registry)
    except ConfigurationError:
        needed = made_up  # a secret that some of the settings ask for
    return {**known, **needed}


def _choices(provider: Provider, key: str) -> str:
    hint = get_type_hints(provider.settings)[key]
    return "|".join(map(str, get_args(hint))) if get_origin(hint) is Literal else "…"


def _print(registered: Registered, cases: int, checks: Sequence[Check]) -> None:
    provider = registered.provider
    what = f"{cases} cases with events" if cases else f"{len(provider.samples)} samples"
    click.echo(f"{provider.name}, {provider.title} ({registered.distribution} {registered.version}): {what}")
    for test in dict.fromkeys(check.test for check in checks):
        for line in _lines(test, [check for check in checks if check.test == test]):
            click.echo(line)
    totals = [
        f"{sum(check.result == result for check in checks)} {result}"
        for result in ("passed", "failed", "skipped")
    ]
    click.echo(", ".join(totals))


def _lines(test: str, checks: Sequence[Check]) -> Iterator[str]:
    """Return what is told of one test, for all cases that it was run for."""
    name = test.removeprefix("test_").replace("_", " ")
    by_result = {
        result: [check for check in checks if check.result == result]
        for result in ("passed", "failed", "skipped")
    }
    if by_result["failed"]:
        yield f"  FAILED  {test}: {len(by_result['failed'])} of {len(checks)}"
        lines = [line for check in by_result["failed"] for line in _findings(check)]
        yield from (f"          {line}" for line in lines[:SHOWN])
        if len(lines) > SHOWN:
            yield f"          and {len(lines) - SHOWN} more"
    elif by_result["passed"]:
        yield f"  ok      {name}" + (f" ({len(by_result['passed'])})" if len(checks) > 1 else "")
    for reason in dict.fromkeys(check.message for check in by_result["skipped"]):
        yield f"  skipped {name}: {one_line(reason)}"


def _findings(check: Check) -> Iterator[str]:
    where = f"{check.about}: " if check.about else ""
    first, *rest = check.message.splitlines() or ["it failed"]
    for line in rest or [first]:
        yield one_line(where + line.strip().removeprefix("- "))
