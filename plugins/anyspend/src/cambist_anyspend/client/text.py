"""Text that others wrote, made fit for one line of a log or a terminal."""

from __future__ import annotations


def one_line(text: str, most: int) -> str:
    r"""Return a text on one line, cut, its white space as single spaces, the unprintable as ``\x1b``."""
    line = " ".join(text[: 4 * most].split())
    if not line.isprintable():
        line = "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode()
            for character in line
        )
    return line if len(line) <= most else f"{line[: most - 1]}…"
