"""Hands what is in the outbox to its sinks: at least once, and in order within each payment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from cambist import (
    Acknowledgement,
    Headers,
    PaymentEvent,
    Processed,
    from_json,
    publisher,
    trace_context,
)
from cambist.errors import ConfigurationError, place
from cambist_inbox import _outbox
from cambist_inbox._commit import GroupCommit
from cambist_inbox._line import LONGEST_WAIT_S, Line, longest_wait_s, wait_s
from cambist_inbox._outbox import Again, Claimed, Dead, Done, Found, Outcome

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from cambist.hookspecs import Sink
    from cambist_inbox._inbox import Inbox

logger = logging.getLogger("cambist.inbox")
OnEvent = Callable[[PaymentEvent], Awaitable[object]]

ATTEMPTS: Final = 32
"""How often a sink is tried with one event, unless configured otherwise: 10 to 20 hours, with the waits."""

_GRACE_S = 30.0  # how much longer an entry stays claimed than its sink may take
_MERCY_S = 1.0  # how long a handler may go on that was told to stop
_CLOCKS_DIFFER_S = 5.0  # by how much our idea of the database's time may be off
_SET_CLOCK_S = 60.0  # how often the database is asked for the time


class Relay:
    """Hands events to sinks. Use it as an asynchronous context manager, inside of an `Inbox`'s.

    Several relays, in one process or on several machines, share the work. Each entry is one relay's until its
    sink's time is over; one that ends with its relay, killed or cut off, is tried again by any other.

    Args:
        inbox: Where the events are, opened.
        sinks: By the name that the inbox calls them: an object with ``async publish(processed)``, or an
            ``async def on_event(event)``. An event counts as handed on when it returns.
        attempts: How often a sink is tried with an event before that is a dead letter.
        concurrency: How many events each sink is given at the same time.
        timeout_s: How many seconds a sink may take. Give all relays of an inbox the same.
        poll_s: How often the outbox is looked at, at least. What this process commits is seen at once.
        first_wait_s: The longest wait after the first failure; it doubles with each, up to an hour. The wait
            is a random part of it, the half at least.

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
        self._lines = {name: Line(concurrency) for name in sinks}
        self._attempts = attempts
        self._timeout_s = timeout_s
        self._poll_s = poll_s
        self._first_wait_s = first_wait_s
        self._lease_s = timeout_s + _GRACE_S
        self._name = uuid.uuid4().hex
        self._looks = 0
        self._outcomes: GroupCommit[Outcome] = GroupCommit(self._write)
        self._running: set[asyncio.Task[None]] = set()
        self._handlers: set[asyncio.Task[str | None]] = set()
        self._wake = asyncio.Event()
        self._clock: tuple[datetime, float] | None = None  # the database's time, and ours when it said so
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._forget: Callable[[], object] = _nothing

    async def __aenter__(self) -> Self:
        """Begin to hand events on."""
        self._forget = self._inbox.on_commit(self._wake.set)
        self._outcomes.start()
        self._task = asyncio.create_task(self._run(), name="cambist inbox: relay")
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let what is under way finish, for as long as a sink may take, and end."""
        self._forget()
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task})
        if self._running:
            await asyncio.wait(self._running, timeout=self._timeout_s)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._outcomes.close()

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            found = False
            try:
                found = await self._look()
            except Exception as error:  # noqa: BLE001  # the database is away: it comes back
                logger.error("the relay waits for its database: %s", place(error))  # noqa: TRY400
            if not found:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._poll_s)

    async def _look(self) -> bool:
        """Take what is due and begin to hand it on. Return whether there was any."""
        wanted = {name: line.room(time.monotonic()) for name, line in self._lines.items()}
        if not any(wanted.values()):
            return False
        now = await self._now()
        found: list[Found] | None = None
        if self._inbox.database.is_sqlite:
            # Looking may take long, and a look that is allowed to write holds up whoever accepts.
            async with self._inbox.database.read() as connection:
                found = await _due(connection, wanted, now)
            if not any(each.free or each.blocked for each in found):
                return False
        self._looks += 1
        token = f"{self._name}-{self._looks}"
        until = now + timedelta(seconds=self._lease_s)
        deadline = time.monotonic() + self._lease_s
        async with self._inbox.database.write() as connection:
            if found is None:
                found = await _due(connection, wanted, now)
            free = [number for each in found for number in each.free]
            blocked = [number for each in found for number in each.blocked]
            claimed = await _outbox.take(connection, free, now, until, token) if free else []
            if blocked:
                await _outbox.park(connection, blocked)
        for each in claimed:
            self._lines[each.sink].running += 1
            task = asyncio.create_task(self._hand_on(each, deadline))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return bool(claimed or blocked)

    async def _hand_on(self, claimed: Claimed, deadline: float) -> None:
        try:
            await self._note(claimed, await self._outcome(claimed), deadline)
        finally:
            self._lines[claimed.sink].running -= 1
            self._wake.set()

    async def _note(self, claimed: Claimed, outcome: Outcome, deadline: float) -> None:
        while True:
            try:
                await self._outcomes.put(outcome)
            except Exception as error:  # noqa: BLE001  # it is tried as long as the entry is ours
                problem = place(error)
            else:
                return
            if self._stopping or time.monotonic() > deadline:
                logger.error("event %s: what became of it was not noted: %s", claimed.event_id, problem)
                return
            await asyncio.sleep(self._poll_s)

    async def _outcome(self, claimed: Claimed) -> Outcome:
        line = self._lines[claimed.sink]
        try:
            problem = await self._try(claimed)
        except asyncio.CancelledError:
            # We end before the sink did. That is no fault of the event's.
            return Again(claimed, _outbox.AT_ONCE, None, claimed.attempts - 1)
        if problem is None:
            line.succeeded()
            return Done(claimed)
        line.failed(time.monotonic())
        name, sink, attempts = claimed.event_id, claimed.sink, claimed.attempts
        if attempts >= self._attempts:
            logger.error("event %s: dead letter of sink %r: %s", name, sink, problem)
            return Dead(claimed, problem)
        logger.warning("event %s: sink %r failed, attempt %d: %s", name, sink, attempts, problem)
        wait = timedelta(seconds=wait_s(attempts, self._first_wait_s))
        return Again(claimed, self._time() + wait, problem, attempts)

    async def _try(self, claimed: Claimed) -> str | None:
        """Return what the sink failed with, and nothing if it took the event."""
        try:
            document = self._inbox.vault.open(claimed.document, claimed.key_id, claimed.event_id)
            event = from_json(document)
        except Exception as error:  # noqa: BLE001  # its message may hold a value of the event
            return place(error)
        trace = trace_context(Headers(json.loads(claimed.headers)))
        processed = Processed((event,), event.verification, Acknowledgement(), trace=trace)
        # A task of its own: a handler that does not end when it is told to is left behind.
        handler = asyncio.create_task(_problem(self._publish[claimed.sink], processed))
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)
        try:
            await asyncio.wait({handler}, timeout=self._timeout_s)
            if handler.done():
                return handler.result()
            return f"it took longer than {self._timeout_s} seconds"
        finally:
            if not handler.done():
                handler.cancel()
                await asyncio.wait({handler}, timeout=_MERCY_S)

    async def _write(self, outcomes: Sequence[Outcome]) -> None:
        async with self._inbox.database.write() as connection:
            await _outbox.finish(connection, outcomes, self._time())

    async def _now(self) -> datetime:
        """Return the database's time. It is asked now and then; between, seconds are counted."""
        if self._clock is None or time.monotonic() - self._clock[1] > _SET_CLOCK_S:
            lease = timedelta(seconds=self._lease_s)
            async with self._inbox.database.write() as connection:
                now = await _outbox.clock(connection)
                for sink in self._lines:
                    await _outbox.pull_in(connection, sink, now, lease, self._longest_waits())
                    await _outbox.unpark(connection, sink)
            self._clock = now, time.monotonic()
        return self._time()

    def _time(self) -> datetime:
        if self._clock is None:
            return datetime.now(UTC)
        then, ours = self._clock
        return then + timedelta(seconds=time.monotonic() - ours)

    def _longest_waits(self) -> dict[int, timedelta]:
        waits: dict[int, timedelta] = {}
        for attempts in range(1, self._attempts + 1):
            seconds = longest_wait_s(attempts, self._first_wait_s)
            waits[attempts] = timedelta(seconds=seconds + _CLOCKS_DIFFER_S)
            if seconds >= LONGEST_WAIT_S:
                break
        return waits


async def _due(connection: AsyncConnection, wanted: Mapping[str, int], now: datetime) -> list[Found]:
    return [await _outbox.due(connection, sink, room, now) for sink, room in wanted.items() if room]


async def _problem(publish: Callable[[Processed], Awaitable[None]], processed: Processed) -> str | None:
    """Return what a sink fails with, whatever it is: a handler that exits must not take us with it."""
    try:
        await publish(processed)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return place(error)  # the handler's own: something that it waited for was cancelled
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # its message may hold a value of the event
        return place(error)
    return None


def _nothing() -> None:
    pass
