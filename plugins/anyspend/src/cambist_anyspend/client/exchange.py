"""One request and its answer, bounded in time and size.

What goes wrong comes back as a `Failure`, not as an exception: aiohttp's own hold the request's headers, the
API key among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
from attrs import field, frozen

from cambist import Secret, encode_json
from cambist_anyspend.client.calls import Call
from cambist_anyspend.client.errors import AnswerError, Failure, UnavailableError
from cambist_anyspend.client.limits import Limits

_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "cambist-anyspend",
}


@frozen
class Answer:
    """An answer as it came.

    Args:
        status: The HTTP status.
        body: The body; ``None`` if it is larger than what is read. It may hold a webhook's secret.
        retry_after: For how many seconds the API asks to wait.
    """

    status: int
    body: bytes | None = field(repr=False)
    retry_after: float | None = None


@frozen
class Exchange:
    """Sends a request once.

    Args:
        session: The session of aiohttp.
        base_url: The API's address, without a slash at its end.
        api_key: The API key.
        limits: The limits of every call.
    """

    session: aiohttp.ClientSession = field(repr=False)
    base_url: str
    api_key: Secret
    limits: Limits

    async def once(self, call: Call[Any]) -> Answer | Failure:
        """Return the answer, whatever its status, or why there is none."""
        within = self.limits.attempt_s + (self.limits.delivery_s if call.delivers else 0)
        try:
            async with self.session.request(
                call.method,
                "/".join((self.base_url, *call.path)),
                data=None if call.body is None else encode_json(call.body),
                headers=self._headers(call),
                skip_auto_headers=("Content-Type",),
                timeout=aiohttp.ClientTimeout(total=within, connect=self.limits.connect_s),
                allow_redirects=False,  # the key would go along
                raise_for_status=False,
                middlewares=(_never_repeated,),
            ) as response:
                body = await _read(response, self.limits.max_body)
                return Answer(response.status, body, _retry_after(response.headers))
        except aiohttp.ClientSSLError:
            return Failure(UnavailableError, "no TLS connection that can be trusted")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Failure(UnavailableError, "no connection", passing=True)
        except TimeoutError:
            return Failure(UnavailableError, f"no answer within {within:g} s", passing=True, taken=True)
        except (_Broken, aiohttp.ClientError, OSError):
            return Failure(UnavailableError, "the connection broke", passing=True, taken=True)
        except ValueError:  # as when a given session has credentials of its own
            return Failure(AnswerError, "the session cannot send the request")

    def _headers(self, call: Call[Any]) -> Mapping[str, str]:
        content = {} if call.body is None else {"Content-Type": "application/json"}
        return {**_HEADERS, **content, "Authorization": f"Bearer {self.api_key.reveal()}"}


class _Broken(Exception):  # noqa: N818  # a signal inside this module
    """The connection broke."""


async def _never_repeated(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET or DELETE again on its own once the connection breaks."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        pass
    raise _Broken


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            response.close()  # without reading the rest
            return None
    return bytes(body)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``; a date counts from the answer's own, so no clock matters."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit() and value.isascii():
        return float(value[:9])
    try:
        until, now = (parsedate_to_datetime(text) for text in (value, headers.get("Date", "")))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
