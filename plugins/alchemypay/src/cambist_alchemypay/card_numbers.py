"""Which digits of a text are a card number's."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import accumulate

# Spaces, dashes, dots, and what is invisible. Digits of other scripts count as digits.
_GAP = r"[\s+._\-\u00ad\u2010-\u2015\u200b-\u200f\u2060\u2212\ufeff]"
RUN = re.compile(rf"\d(?:{_GAP}*+\d){{11,}}+")
"""Twelve or more digits, and what may stand between them."""

Known = Mapping[int, AbstractSet[str]]
"""Card numbers, digits only, by their length."""
NONE: Known = {}

_LONGEST = 19
# No text has as many in one run. Looking for card numbers in more would take long.
_TOO_MANY = 200
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def known_of(texts: Iterable[str]) -> Known:
    """Return the card numbers in these texts, each run being one."""
    known: dict[int, set[str]] = {}
    for text in texts:
        for run in RUN.finditer(text):
            digits = digits_of(run[0])
            if len(digits) <= _LONGEST:
                known.setdefault(len(digits), set()).add(digits)
    return known


def digits_of(run: str) -> str:
    """Return the digits of a run, as ASCII."""
    if run.isascii() and run.isdecimal():
        return run
    return "".join([str(int(letter)) for letter in run if letter.isdecimal()])


def hidden(run: str, known: Known = NONE, *, all_of_it: bool = False, luhn: bool = True) -> Collection[int]:
    """Return the places in a run that must not be shown: of each card number all digits but the last four.

    Args:
        run: A match of `RUN`.
        known: Card numbers to be found at any place.
        all_of_it: The whole run is one.
        luhn: So are 13 to 19 digits that pass the Luhn check and begin and end at a gap.
    """
    if run.isdecimal() and not all_of_it and (not known or len(run) < min(known)):
        is_card = luhn and 13 <= len(run) <= _LONGEST and _passes(digits_of(run))
        return range(len(run) - 4) if is_card else ()
    places = [place for place, letter in enumerate(run) if letter.isdecimal()]
    gaps = {0, len(places)}
    gaps.update(index for index in range(1, len(places)) if places[index] != places[index - 1] + 1)
    if all_of_it or (luhn and len(gaps) > 2 and len(places) > _TOO_MANY):
        return places[:-4]
    digits = digits_of(run)
    found: set[int] = set()
    for start, end in _known(digits, known):
        found.update(_hide(start, end, gaps))
    if luhn and (len(gaps) > 2 or len(digits) <= _LONGEST):
        for start, end in _by_luhn(digits, gaps):
            found.update(_hide(start, end, gaps))
    return {places[index] for index in found}


def _hide(start: int, end: int, gaps: set[int]) -> range:
    # A mask is a gap as well. So nothing is left that a second look would find.
    gaps.update((start, end - 4))
    return range(start, end - 4)


def _known(digits: str, known: Known) -> Iterator[tuple[int, int]]:
    for length, numbers in known.items():
        for start in range(len(digits) - length + 1):
            if digits[start : start + length] in numbers:
                yield start, start + length


def _by_luhn(digits: str, gaps: set[int]) -> Iterator[tuple[int, int]]:
    """Look from one gap to another; gaps that are added on the way count."""
    sums = _sums(digits)
    for start in range(len(digits) - 12):
        if start in gaps:
            for end in range(start + 13, min(start + _LONGEST, len(digits)) + 1):
                # The last digit counts once, the one before it doubled, and so on.
                running = sums[end % 2]
                if end in gaps and (running[end] - running[start]) % 10 == 0:
                    yield start, end


def _passes(digits: str) -> bool:
    running = _sums(digits)[len(digits) % 2]
    return running[-1] % 10 == 0


def _sums(digits: str) -> tuple[list[int], list[int]]:
    """Return two running sums of the digits: with those at odd places as they are, and with those at even."""
    plain = [int(digit) for digit in digits]
    doubled = [_DOUBLED[digit] for digit in plain]
    odd, even = doubled[:], plain[:]
    odd[1::2], even[1::2] = plain[1::2], doubled[1::2]
    return list(accumulate(odd, initial=0)), list(accumulate(even, initial=0))
