"""The tables of status words in the pages of the providers."""

from __future__ import annotations

import re

from _generate.markdown import table
from cambist import Registry

# Neither part goes beyond the next mark: a page may have several tables.
_marked = re.compile(r"(<!-- statuses of (\S+), made by [^>]* -->)\n.*?(<!-- end -->)", re.DOTALL)


def with_statuses(page: str) -> str:
    """Return a page with the tables between their marks filled in."""
    providers = Registry.load().providers

    def filled(match: re.Match[str]) -> str:
        rows = [
            (f"`{group}`", f"`{word}`", f"`{status}`", "yes" if status.final else "no")
            for group, words in providers[match[2]].provider.statuses.items()
            for word, status in words.items()
        ]
        return f"{match[1]}\n\n{table(('Object', 'Word', 'Status', 'Final'), rows)}{match[3]}"

    return _marked.sub(filled, page)


def described_in(page: str) -> list[str]:
    """Return the names of the providers that a page describes, by its marks."""
    return [match[2] for match in _marked.finditer(page)]
