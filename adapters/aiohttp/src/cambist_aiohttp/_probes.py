"""What a request is told that brings no delivery: a provider's check of the URL, a browser, a scanner."""

from __future__ import annotations

from typing import Final

from cambist import Acknowledgement, problem

ALLOWED: Final = "GET, HEAD, OPTIONS, POST"

# They say of a source that it is there, which POST says too, and nothing of its provider or its secret.
_ANSWERS = {
    "GET": Acknowledgement(),
    "HEAD": Acknowledgement(),
    "OPTIONS": Acknowledgement(204, headers=(("Allow", ALLOWED),)),
}
_NOT_ALLOWED = problem(405, headers=(("Allow", ALLOWED),))


def probe(method: str) -> Acknowledgement:
    """Return the answer of a source's URL to any method but POST."""
    return _ANSWERS.get(method, _NOT_ALLOWED)
