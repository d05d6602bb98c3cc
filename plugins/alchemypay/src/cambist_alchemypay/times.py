"""The vendor's times: ``2023-08-24 21:01:54``, without a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cambist import Context

_form = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?"
).fullmatch


def zone(name: str) -> tzinfo | None:
    """Return the time zone of this IANA name; nothing if there is none."""
    if name == "UTC":  # also where there is no time zone database
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def read(text: str, path: str, context: Context) -> datetime | None:
    """Return the time, in the zone of the settings if it names none. What was assumed is noted."""
    try:
        when = datetime.fromisoformat(text) if _form(text) else None
        if when is not None:
            return when.astimezone(UTC) if when.tzinfo else _assumed(when, path, context)
    except (ValueError, OverflowError):
        pass
    context.anomaly(path, "is not a time of the form YYYY-MM-DD hh:mm:ss")
    return None


def _assumed(when: datetime, path: str, context: Context) -> datetime:
    local = when.replace(tzinfo=zone(context.settings.timezone))
    result = local.astimezone(UTC)
    context.anomaly(path, f"names no zone: {context.settings.timezone} is assumed (setting timezone)")
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        if result.astimezone(local.tzinfo).replace(tzinfo=None) == when:
            context.anomaly(path, "comes twice in this zone, as clocks go back: the first is taken")
        else:
            context.anomaly(path, "is left out in this zone, as clocks go forward: taken as if they did not")
    return result
