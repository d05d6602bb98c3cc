"""What is logged, on stderr, one line each."""

from __future__ import annotations

import contextlib
import logging

import click

from cambist_cli._text import one_line


class _OneLine(logging.Handler):
    """Prints ``cambist: warning: …``, and of an exception only the type: its text may hold a payload's value.

    A stderr that cannot be written to loses the line, and stops nothing.
    """

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        kind = f" ({type(error).__name__})" if error else ""
        line = f"cambist: {record.levelname.lower()}: {record.getMessage()}{kind}"
        with contextlib.suppress(OSError):
            click.echo(one_line(line), err=True)


_handler = _OneLine()


def log_to_stderr(level: int) -> None:
    """Print what is logged from this level on."""
    _handler.setLevel(level)
    logging.getLogger().addHandler(_handler)  # once, however often it is called
