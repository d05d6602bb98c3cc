"""Hands what is in the outbox to its sinks: at least once, and in order within each payment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from tenacity import RetryCallState, wait_random_exponential

from cambist import Acknowledgement, PaymentEvent, Processed, from_json, publisher
from cambist.errors import ConfigurationError, place
from cambist_inbox import _outbox
from cambist_inbox._commit import GroupCommit
from cambist_inbox._outbox import Again, Claimed, Dead, Done, Outcome

if TYPE_CHECKING:
    from cambist.hookspecs import Sink
    from cambist_inbox._inbox import Inbox

logger = logging.getLogger("cambist.inbox")
OnEvent = Callable[[PaymentEvent], Awaitable[object]]

ATTEMPTS: Final = 24
"""How often a sink is tried with one event, unless configured otherwise: with the waits between, 14 hours."""

LONGEST_WAIT_S: Final = 3600.0
_GRACE_S = 30  # how much longer an entry stays claimed than its sink may take
_PULL_IN = timedelta(minutes=1)
_STREAK = 5  # after as many failures in a row a sink gets a rest
_LONGEST_REST_S = 30.0


class Relay:
    """Hands events to sinks. Use it as an asynchronous context manager, beside an `Inbox` or without one.

    Several relays, in one process or on several machines, share the work. Each entry is one relay's until its
    sink's time is over; one that ends with its relay, killed or cut off, is tried again by any other.

    Args:
        inbox: Where the events are, opened.
        sinks: By the name that the inbox calls them: an object with ``async publish(processed)``, or an
            ``async def on_event(event)``. An event counts as handed on when it returns.
        attempts: How often a sink is tried with an event before that is a dead letter.
        concurrency: How many events are handed on at the same time.
        timeout_s: How many seconds a sink may take.
        poll_s: How often the outbox is looked at, at least. What this process commits is seen at once.
        first_wait_s: The longest wait after the first failure; it doubles with each. The wait is a random
            part of it.

    Raises:
        ConfigurationError: The inbox keeps nothing for one of these sinks.
    """

    def __init__(
        self,
        inbox: Inbox,
        sinks: Mapping[str, Sink | OnEvent],
        *,
        attempts: int = ATTEMPTS,
        concurrency: int = 32,
        timeout_s: float = 30,
        poll_s: float = 1,
        first_wait_s: float = 1,
    ) -> None:
        if unknown := sorted(set(sinks) - set(inbox.sinks)):
            raise ConfigurationError(f"the inbox keeps nothing for the sinks {', '.join(unknown)}")
        self._inbox = inbox
        self._publish = {name: publisher(sink) for name, sink in sinks.items()}
        self._attempts = attempts
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._poll_s = poll_s
        self._wait = wait_random_exponential(multiplier=first_wait_s, max=LONGEST_WAIT_S)
        self._lease = timedelta(seconds=timeout_s + _GRACE_S)
        self._token = uuid.uuid4().hex
        self._outcomes: GroupCommit[Outcome] = GroupCommit(self._write)
        self._running: dict[asyncio.Task[None], Claimed] = {}
        self._failures: Counter[str] = Counter()
        self._rests: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._pulled_in = _outbox.AT_ONCE
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to hand events on."""
        self._inbox.on_commit(self._wake.set)
        self._outcomes.start()
        self._task = asyncio.create_task(self._run(), name="cambist inbox: relay")
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let what is under way finish, for as long as a sink may take, and end."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._running:
            await asyncio.wait(self._running, timeout=self._timeout_s)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._outcomes.close()

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                claimed = await self._claim()
            except Exception as error:  # noqa: BLE001  # the database is away: it comes back
                logger.error("the relay waits for its database: %s", place(error))  # noqa: TRY400
                claimed = []
            for each in claimed:
                task = asyncio.create_task(self._hand_on(each))
                self._running[task] = each
                task.add_done_callback(self._ended)
            if not claimed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._poll_s)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._wake.set()

    async def _claim(self) -> Sequence[Claimed]:
        room = self._concurrency - len(self._running)
        awake = [name for name in self._publish if self._rests.get(name, 0) <= time.monotonic()]
        if room <= 0 or not awake:
            return []
        async with self._inbox.database.write() as connection:
            now = _steady()
            if now - self._pulled_in > _PULL_IN:
                await _outbox.pull_in(connection, now, timedelta(seconds=2 * LONGEST_WAIT_S))
                self._pulled_in = now
            return await _outbox.claim(connection, awake, room, now, now + self._lease, self._token)

    async def _hand_on(self, claimed: Claimed) -> None:
        outcome: Outcome
        try:
            document = self._inbox.vault.open(claimed.document, claimed.key_id, claimed.event_id)
            event = from_json(document)
            async with asyncio.timeout(self._timeout_s):
                await self._publish[claimed.sink](Processed((event,), event.verification, Acknowledgement()))
        except asyncio.CancelledError:
            # We end before the sink did. That is no fault of the event's.
            outcome = Again(claimed.id, _outbox.AT_ONCE, None, claimed.attempts - 1)
        except Exception as error:  # noqa: BLE001  # its message may hold a value of the event
            outcome = self._failed(claimed, place(error))
        else:
            self._failures[claimed.sink] = 0
            outcome = Done(claimed.id)
        try:
            await self._outcomes.put(outcome)
        except Exception as error:  # noqa: BLE001  # it is handed on again when the claim has run out
            logger.error("event %s: not noted as handed on: %s", claimed.event_id, place(error))  # noqa: TRY400

    def _failed(self, claimed: Claimed, problem: str) -> Outcome:
        self._failures[claimed.sink] += 1
        streak = self._failures[claimed.sink]
        if streak >= _STREAK:
            rest = min(0.1 * 2 ** min(streak - _STREAK, 16), _LONGEST_REST_S)
            self._rests[claimed.sink] = time.monotonic() + rest
        if claimed.attempts >= self._attempts:
            logger.error("event %s: dead letter of sink %r: %s", claimed.event_id, claimed.sink, problem)
            return Dead(claimed.id, problem)
        logger.warning(
            "event %s: sink %r failed, attempt %d: %s",
            claimed.event_id,
            claimed.sink,
            claimed.attempts,
            problem,
        )
        return Again(claimed.id, _steady() + self._waiting(claimed.attempts), problem, claimed.attempts)

    def _waiting(self, attempts: int) -> timedelta:
        state: Any = RetryCallState(None, None, (), {})  # type: ignore[arg-type]  # of it only the number counts
        state.attempt_number = attempts
        return timedelta(seconds=self._wait(state))

    async def _write(self, outcomes: Sequence[Outcome]) -> None:
        async with self._inbox.database.write() as connection:
            await _outbox.finish(connection, outcomes, _steady(), self._token)


# The time of day at the start, and from then on as much later as has passed: a clock that is set while we run
# neither holds entries up nor has them tried too soon.
_STARTED = datetime.now(UTC), time.monotonic()


def _steady() -> datetime:
    return _STARTED[0] + timedelta(seconds=time.monotonic() - _STARTED[1])
