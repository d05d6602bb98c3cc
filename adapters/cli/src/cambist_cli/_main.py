"""The command line as a whole: which commands there are, and what becomes of an error."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from cambist import CambistError
from cambist_cli._log import log_to_stderr
from cambist_cli._plugin_commands import owner, plugin_command, plugin_commands
from cambist_cli._text import one_line

_COMMANDS = (
    "backup",
    "check",
    "check-config",
    "deliveries",
    "demo",
    "events",
    "init",
    "new-provider",
    "normalize",
    "outbox",
    "payments",
    "providers",
    "prune",
    "queue",
    "rejections",
    "rekey",
    "replay",
    "restore",
    "schema",
    "send",
    "serve",
    "sign",
    "worker",
)


class _Commands(click.Group):
    """Imports a command's module, ``_NAME`` with ``_`` for ``-``, when the command is asked for.

    Commands of plugins come after ours, and none takes the name of one of ours.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *(name for name in plugin_commands() if name not in _COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return plugin_command(cmd_name)
        command: click.Command = import_module(f"cambist_cli._{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands of plugins without importing them: a broken one must not take the help away."""
        ours = {name: self.get_command(ctx, name) for name in _COMMANDS}
        click.Group(commands={name: command for name, command in ours.items() if command}).format_commands(
            ctx, formatter
        )
        rows = [
            (name, f"Brought by {', '.join(map(owner, entries))}.")
            for name, entries in plugin_commands().items()
            if name not in _COMMANDS
        ]
        if rows:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(rows)


@click.group(
    cls=_Commands,
    no_args_is_help=False,
    epilog="Exit codes: 0 done, 1 an error, 2 wrong usage, 130 interrupted. Errors are one line on stderr.",
)
@click.version_option(package_name="cambist-cli", message="cambist %(version)s")
def cli() -> None:
    """Verify payment webhooks, and state each as one canonical event."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no error of a user's or an operator's has a traceback.

    Args:
        arguments: The command line without the program's name; ``sys.argv`` unless given.
    """
    if sys.stdin is None or sys.stdout is None:
        return _fail("stdin and stdout have to be open; redirect what is not needed to /dev/null")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a character shows its code
            stream.reconfigure(errors="backslashreplace")
    log_to_stderr(logging.ERROR)
    code = _run(arguments)
    try:
        sys.stdout.flush()
    except OSError:  # it was told; at its exit Python would try once more, and tell it in its own way
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or 1
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(arguments, prog_name="cambist", standalone_mode=False)
    except click.UsageError as error:
        context = error.ctx.command_path if error.ctx else "cambist"
        return _fail(f"{_without_values(error)} (try '{context} --help')", error.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except CambistError as error:
        return _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        return 130
    except OSError as error:
        return _fail(f"{error.strerror or type(error).__name__}: what is read or written has failed")
    except Exception as error:  # noqa: BLE001  # its message and traceback may hold a value of a payload
        return _fail(
            f"failed with {type(error).__name__} {_place(error)}: this is a fault of ours, report it"
        )
    return code if type(code) is int else 0  # of ``ctx.exit(code)`` in a command


def _fail(message: str, code: int = 1) -> int:
    click.echo(f"cambist: {one_line(message)}", err=True)
    return code


def _without_values(error: click.UsageError) -> str:
    """Return what is wrong with the usage; click would repeat surplus arguments, which may be secrets."""
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the whole help; older clicks lack it
        return "Missing command."
    message = error.format_message()
    return message.partition(" (")[0] if type(error) is click.UsageError else message


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"in {trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno}" if trace else ""
