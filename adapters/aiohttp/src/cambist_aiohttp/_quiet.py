"""What aiohttp logs of a connection, without anything that came over it."""

from __future__ import annotations

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

from cambist.errors import place


class _Unshown(logging.Filter):
    """Drops what the sender has done: a malformed request, which is answered 400, or a connection cut off.

    Of other errors it shows no text.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError | ConnectionError):
            return False
        if error is not None:
            record.msg, record.args = "a connection failed: %s", (place(error),)
            record.exc_info = record.exc_text = None
        return True


QUIET: Final = logging.getLogger("cambist.aiohttp.connection")
"""For a runner's ``logger``: aiohttp's own shows parts of the requests that it cannot read."""
QUIET.addFilter(_Unshown())
