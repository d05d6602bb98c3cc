"""The settings of a source: what does not fit stops the start, and is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from cambist.testing._report import report
from cambist.testing._rotation import not_told
from cambist.testing._subject import subject_of

# No setting is of both these types.
WRONG: Final[Mapping[str, Any]] = {"a list of all sorts": [[{"cambist": 7.5}]], "a table": {"cambist": [7.5]}}


class Settings:
    """Tests of the provider's settings class."""

    def test_an_unknown_setting_is_refused(self) -> None:
        """A key that is misspelt would be a check that is not made."""
        subject = subject_of(self)
        settings = {**subject.settings, "cambist_misspelt": "x"}
        report(
            "An unknown setting is a ConfigurationError that names it.",
            not_told(subject, settings, "cambist_misspelt"),
        )

    def test_a_missing_setting_is_refused(self) -> None:
        """Each one without a default has to be given."""
        subject = subject_of(self)
        found = []
        for field in attrs.fields(subject.provider.settings):
            if field.default is attrs.NOTHING:
                settings = {key: value for key, value in subject.settings.items() if key != field.name}
                found += [f"{field.name}: {problem}" for problem in not_told(subject, settings, field.name)]
        report("A missing setting is a ConfigurationError that names it.", found)

    def test_a_setting_of_another_type_is_refused(self) -> None:
        """Nothing is coerced: a setting of another type is named."""
        subject = subject_of(self)
        found = []
        for field in attrs.fields(subject.provider.settings):
            problems = {
                what: list(not_told(subject, {**subject.settings, field.name: value}, field.name))
                for what, value in WRONG.items()
            }
            # A setting may be a table or a list, and then one of the two is accepted.
            if all(told == ["is accepted"] for told in problems.values()):
                found.append(f"{field.name}: takes anything")
            found += [
                f"{field.name}, {what}: {problem}"
                for what, told in problems.items()
                for problem in told
                if problem != "is accepted"
            ]
        report("A setting of another type is a ConfigurationError that names it.", found)
