"""What is logged, on stderr, one line each."""

from __future__ import annotations

import contextlib
import logging
from typing import Any, Literal

import click

from cambist_cli._text import one_line


class _Lines(logging.Handler):
    """Prints each record as one line. A stderr that cannot be written to loses it, and stops nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):
            click.echo(self.format(record), err=True)


class _Text(logging.Formatter):
    """``cambist: warning: …``."""

    def format(self, record: logging.LogRecord) -> str:
        error = f" ({kind})" if (kind := kind_of(record.exc_info)) else ""
        return one_line(f"cambist: {record.levelname.lower()}: {shown(record, record.getMessage())}{error}")


def shown(record: logging.LogRecord, message: str) -> str:
    """Return what is told; of what is not ours only its place, for it may hold a payload's value."""
    if record.name.startswith("cambist"):
        return message
    return f"{record.name} says something at {record.filename}:{record.lineno}"


def kind_of(exc_info: Any) -> str | None:
    """Return the type of a record's exception, if it has one: its text may hold a payload's value."""
    error = exc_info[1] if exc_info else None
    return type(error).__name__ if error else None


_handler = _Lines()
_text = _Text()


def log_to_stderr(level: int, form: Literal["text", "json"] = "text") -> None:
    """Print what is logged from this level on; as JSON, what becomes of each delivery too."""
    if form == "json":
        from cambist_cli._json_log import JSON, deliveries

        deliveries.setLevel(logging.INFO)
        level = min(level, logging.INFO)
        _handler.setFormatter(JSON)
    else:
        _handler.setFormatter(_text)
    _handler.setLevel(level)
    logging.getLogger().addHandler(_handler)  # once, however often it is called
