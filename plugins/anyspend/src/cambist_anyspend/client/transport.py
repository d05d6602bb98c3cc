"""Calls over several attempts, repeated only where that is safe."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final, TypeVar

import stamina
from attrs import define, evolve, frozen

from cambist_anyspend.client.calls import Call
from cambist_anyspend.client.errors import Failure, UnavailableError
from cambist_anyspend.client.exchange import Exchange
from cambist_anyspend.client.meaning import meaning

T = TypeVar("T")
_NOT_FOUND: Final = 404


class _Again(Exception):  # noqa: N818  # a signal to stamina, which logs its repr
    """Another attempt is due, after this many seconds; ``None`` for the usual wait."""

    def __init__(self, problem: str, wait: float | None) -> None:
        super().__init__(problem)
        self.wait = wait


def _due(error: Exception) -> bool | float:
    if not isinstance(error, _Again):
        return False
    return True if error.wait is None else error.wait


@define
class _Course:
    """How a call stands.

    Attributes:
        under_way: Whether an attempt is under way, and not a wait.
        taken: Whether an attempt may have done what was asked for.
    """

    under_way: bool = False
    taken: bool = False


@frozen
class Transport:
    """Sends calls, and understands their answers.

    Args:
        exchange: Sends a request once.
    """

    exchange: Exchange

    async def send(self, call: Call[T]) -> T | Failure:
        """Return what the answer becomes, or what went wrong with the last attempt."""
        course, within = _Course(), self.exchange.limits.total_s
        outcome: T | Failure
        try:
            async with asyncio.timeout(within):
                outcome = await self._attempts(call, course)
        except TimeoutError:
            course.taken = course.taken or course.under_way
            outcome = Failure(UnavailableError, f"no answer within {within:g} s")
        if isinstance(outcome, Failure):
            return evolve(outcome, taken=course.taken and not call.reads)
        return outcome

    async def _attempts(self, call: Call[T], course: _Course) -> T | Failure:
        limits = self.exchange.limits
        outcome: T | Failure = Failure(UnavailableError, "no attempt was made")
        with contextlib.suppress(_Again):  # of the last attempt
            async for attempt in stamina.retry_context(
                on=_due,
                attempts=limits.attempts,
                timeout=None,  # that of asyncio also ends an attempt that is under way
                wait_initial=limits.first_wait_s,
                wait_max=limits.longest_wait_s,
                wait_jitter=limits.jitter_s,
            ):
                with attempt:
                    outcome = await self._attempt(call, course)
                    if isinstance(outcome, Failure) and self._may_be_repeated(call, outcome):
                        raise _Again(outcome.problem, self._wait(outcome))
                    return outcome
        return outcome

    async def _attempt(self, call: Call[T], course: _Course) -> T | Failure:
        course.under_way = True
        answer = await self.exchange.once(call)
        course.under_way = False
        if isinstance(answer, Failure):
            outcome: T | Failure = answer
        else:
            outcome = meaning(call, answer, self.exchange.api_key)
        if isinstance(outcome, Failure):
            if call.method == "DELETE" and outcome.status == _NOT_FOUND and course.taken:
                return call.understand(None)  # an attempt before this one has done it
            course.taken = course.taken or outcome.taken
        return outcome

    def _may_be_repeated(self, call: Call[Any], failure: Failure) -> bool:
        patient = (failure.retry_after or 0) <= self.exchange.limits.longest_wait_s
        return failure.passing and patient and (call.repeatable or not failure.taken)

    def _wait(self, failure: Failure) -> float | None:
        if failure.retry_after is None:
            return None
        return max(failure.retry_after, self.exchange.limits.first_wait_s)
