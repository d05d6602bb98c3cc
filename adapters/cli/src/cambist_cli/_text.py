"""Text that is fit for a terminal and for a log, whoever wrote it."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text with all that is not printable (line ends, escape sequences, …) as ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def one_line(text: str) -> str:
    """Return a text on one line, its white space as single spaces."""
    return printable(" ".join(text.split()))
