"""Consoles that print what they are given: no markup, no emoji, no guessed highlights."""

from __future__ import annotations

from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """Return a console on stdout, or on stderr."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
