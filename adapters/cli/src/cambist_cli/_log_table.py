"""``[log]`` of the configuration file."""

from __future__ import annotations

from typing import Final, Literal

from attrs import field, frozen

from cambist_cli._checks import checked

_FORMATS: Final = ("text", "json")


@frozen
class Log:
    """``[log]``: what a server prints on stderr.

    Args:
        format: ``text`` prints warnings and errors, ``json`` a line for each delivery too.
    """

    format: Literal["text", "json"] = field(
        default="text", validator=checked(lambda value: value in _FORMATS, 'is neither "text" nor "json"')
    )
