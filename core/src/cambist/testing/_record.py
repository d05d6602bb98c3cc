"""The record itself: what operators see of a provider, and its samples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import pytest

from cambist._lifecycle import Status
from cambist._provider import Provider
from cambist.testing._outcomes import attempt, listening
from cambist.testing._report import report
from cambist.testing._subject import CANNOT_SIGN, subject_of

if TYPE_CHECKING:
    from cambist.testing._cases import Case

_is_name = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", re.ASCII).fullmatch
_is_media_type = re.compile(r"[a-z0-9]+/[a-z0-9.+-]+", re.ASCII).fullmatch


class Record:
    """Tests of the provider's record."""

    def test_the_record_is_in_order(self) -> None:
        """Name, title, documentation, settings, statuses, media types and samples are of their forms."""
        report("A provider's record is in order.", _disorder(subject_of(self).provider))

    def test_a_sample_gives_events(self, kit_sample: Case) -> None:
        """It is signed with the class's settings, and goes the whole way."""
        subject = subject_of(self)
        if subject.cannot_sign(subject.route(subject.settings), kit_sample.delivery):
            pytest.skip(CANNOT_SIGN)
        with listening() as log:
            outcome = attempt(subject.of(kit_sample).process, kit_sample.delivery, log)
        problem = outcome.complaint or (f"is refused: {outcome.error.reason}" if outcome.error else None)
        if problem:
            pytest.fail(f"the sample {problem}", pytrace=False)


def _disorder(provider: Provider) -> Iterator[str]:
    if not _is_name(provider.name):
        yield "name: is not of lower-case letters, digits and '-'"
    if not provider.title.strip():
        yield "title: is empty"
    url = urlsplit(provider.documentation)
    if url.scheme != "https" or not url.hostname:
        yield "documentation: is no https URL"
    if not attrs.has(provider.settings):
        yield "settings: is no attrs class"
    for group, words in provider.statuses.items():
        entries: Mapping[Any, Any] = words  # whatever it was declared as
        for word, status in entries.items():
            if not isinstance(word, str) or not word:
                yield f"statuses[{group}]: a word is no text, or empty"
            if not isinstance(status, Status):
                yield f"statuses[{group}][{word}]: is no Status"
    for media_type in provider.media_types:
        if not _is_media_type(media_type):
            yield "media_types: one is not like application/json, in lower case"
    if not provider.samples:
        yield "samples: there is none, so the provider cannot be shown or tried"
    names = [sample.name for sample in provider.samples]
    if len(set(names)) < len(names):
        yield "samples: two have one name"
