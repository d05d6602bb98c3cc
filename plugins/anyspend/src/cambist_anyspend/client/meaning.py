"""What an answer means: a result, or a failure that carries the API's own message."""

from __future__ import annotations

import re
from typing import Final, TypeVar

from cambist import Secret, decode_json
from cambist.errors import PayloadError
from cambist_anyspend.client.answers import said_no
from cambist_anyspend.client.calls import Call
from cambist_anyspend.client.errors import AnswerError, Failure, RefusedError, UnavailableError
from cambist_anyspend.client.exchange import Answer
from cambist_anyspend.client.text import one_line

T = TypeVar("T")
_TOO_MANY_REQUESTS: Final = 429
_LONGEST_MESSAGE: Final = 300
_LONGEST_CODE: Final = 64
# Keys and secrets as AnySpend makes them, should the API repeat one in a message.
_credential = re.compile(r"\b(asp|whsec)_[^\s\"']+")


def meaning(call: Call[T], answer: Answer, api_key: Secret) -> T | Failure:
    """Return the result of a call, or what is wrong with its answer."""
    if 200 <= answer.status < 300:
        return _result(call, answer, api_key)
    code, message = _said(answer.body, api_key)
    problem = f"AnySpend answered {answer.status}"
    if 300 <= answer.status < 400:
        problem += ", a redirect, which is not followed since the API key would go along"
        return Failure(AnswerError, problem, answer.status)
    if answer.retry_after is not None:
        problem += f" and asks to wait {answer.retry_after:g} s"
    busy, faulty = answer.status == _TOO_MANY_REQUESTS, answer.status >= 500
    return Failure(
        UnavailableError if busy or faulty else RefusedError,
        problem,
        answer.status,
        code=code,
        api_message=message,
        retry_after=answer.retry_after,
        passing=busy or faulty,
        taken=faulty,
    )


def _result(call: Call[T], answer: Answer, api_key: Secret) -> T | Failure:
    if answer.body is None:
        return Failure(AnswerError, "the answer is too large to be read", answer.status, taken=True)
    try:
        if call.method == "DELETE" and not answer.body:
            return call.understand(None)
        document = decode_json(answer.body)
        no = said_no(document)
        if no is None:
            return call.understand(document)
    except PayloadError as error:
        problem = f"the answer is not as documented: {error}"
    except ValueError as error:
        problem = f"the answer {error}"
    else:
        code, message = _fit(no, api_key)
        return Failure(RefusedError, "AnySpend says no", answer.status, code=code, api_message=message)
    return Failure(AnswerError, problem, answer.status, taken=True)


def _said(body: bytes | None, api_key: Secret) -> tuple[str | None, str | None]:
    """Return the code and the message of an error; a body that is not the API's own has neither."""
    try:
        return _fit(said_no(decode_json(body or b"")), api_key)
    except (PayloadError, ValueError):
        return None, None


def _fit(no: tuple[str | None, str | None] | None, api_key: Secret) -> tuple[str | None, str | None]:
    code, message = no or (None, None)
    return _masked(code, _LONGEST_CODE, api_key), _masked(message, _LONGEST_MESSAGE, api_key)


def _masked(text: str | None, most: int, api_key: Secret) -> str | None:
    if not text:
        return None
    return one_line(_credential.sub(r"\1_****", text.replace(api_key.reveal(), "****")), most)
