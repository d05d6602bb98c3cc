"""What can go wrong with a call of the management API.

::

    CambistError
    └── ManagementError       a call did not succeed
        ├── RefusedError      the API says no: to the key, its permission, the request
        ├── UnavailableError  too many requests, a fault of the API's, no connection, no answer in time
        └── AnswerError       an answer that is not of the documented form

No message holds the API key or the secret of a webhook. It may hold what the API says of our request, on one
line and cut short.
"""

from __future__ import annotations

from attrs import frozen

from cambist import CambistError


class ManagementError(CambistError):
    """A call of the management API did not succeed. Only its subclasses are raised.

    Attributes:
        status: The HTTP status of the answer; ``None`` if there was none.
        code: The API's word for the error: ``missing_required_field``.
        api_message: The API's own message: one line of at most 300 characters.
        retry_after: For how many seconds the API asks to wait.
        may_have_happened: Whether the API may have done what it was asked for all the same. Never true of a
            call that only reads.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        code: str | None = None,
        api_message: str | None = None,
        retry_after: float | None = None,
        may_have_happened: bool = False,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.api_message = api_message
        self.retry_after = retry_after
        self.may_have_happened = may_have_happened


class RefusedError(ManagementError):
    """The API refuses: 400 the request, 401 the key, 403 its permission, 404 the webhook or delivery."""


class UnavailableError(ManagementError):
    """The API cannot be reached, does not answer in time, has a fault (5xx), or has too much to do (429)."""


class AnswerError(ManagementError):
    """The answer is not of the documented form. The message names every path, and no value."""


@frozen
class Failure:
    """What becomes a `ManagementError`, as data: an exception would hold on to the request and its key.

    Args:
        error: The class of the error.
        problem: What is wrong.
        status: The HTTP status of the answer, if there was one.
        code: The API's word for the error.
        api_message: The API's own message.
        retry_after: For how many seconds the API asks to wait.
        passing: Whether another attempt may succeed.
        taken: Whether the API may have done what it was asked for.
    """

    error: type[ManagementError]
    problem: str
    status: int | None = None
    code: str | None = None
    api_message: str | None = None
    retry_after: float | None = None
    passing: bool = False
    taken: bool = False
