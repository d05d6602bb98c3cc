"""Deliveries over HTTP: at a pace, with so many under way, and again where they are not acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from attrs import define, field, frozen

from cambist import Delivery
from cambist.errors import ConfigurationError
from cambist_cli._send_account import Account
from cambist_cli._send_plan import Kind, Shot

MAX_WAITING: Final = 1000
"""How many deliveries wait for their next attempt at most; after that no new one is sent."""

NOT_NOW: Final = frozenset({408, 425, 429})
"""Answers below 500 that refuse nothing for good."""


@frozen
class Outcome:
    """What became of a delivery.

    Attributes:
        kind: Why it was sent.
        answer: The status of the last answer; what went wrong if there was none.
        attempts: How often it was sent.
        seconds: How long the last answer took.
    """

    kind: Kind
    answer: int | str
    attempts: int
    seconds: float

    @property
    def is_accepted(self) -> bool:
        """Whether it was acknowledged."""
        return isinstance(self.answer, int) and 200 <= self.answer < 300

    @property
    def is_expected(self) -> bool:
        """Whether a genuine one was acknowledged, and a forged one refused."""
        if self.kind is not Kind.FORGED:
            return self.is_accepted
        return isinstance(self.answer, int) and 400 <= self.answer < 500 and self.answer not in NOT_NOW


@define
class Client:
    """Sends deliveries to one receiver. An asynchronous context manager.

    Args:
        account: Makes them.
        url: Where they go.
        concurrency: How many requests are under way at once.
        timeout: How many seconds an answer may take.
        waits: How many seconds to wait before each further attempt.
    """

    account: Account
    url: str
    concurrency: int
    timeout: float
    waits: Sequence[float] = ()
    _session: ClientSession = field(init=False)
    _free: asyncio.Semaphore = field(init=False)

    async def __aenter__(self) -> Client:
        """Open no connection yet."""
        self._free = asyncio.Semaphore(self.concurrency)
        self._session = ClientSession(
            connector=TCPConnector(limit=self.concurrency), timeout=ClientTimeout(total=self.timeout)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._session.close()

    async def send_all(
        self, shots: Iterable[Shot], rate: float | None, told: Callable[[Outcome], None]
    ) -> None:
        """Send deliveries, and tell what became of each.

        Args:
            shots: The deliveries. They are made when they are sent.
            rate: How many to begin in a second; as fast as they are answered unless given.
            told: Called with each outcome, in the order of the answers.

        Raises:
            ConfigurationError: One cannot be made. What is under way is given up.
        """
        room = asyncio.Semaphore(max(self.concurrency, MAX_WAITING) if self.waits else self.concurrency)
        begun = monotonic()

        async def send(shot: Shot) -> None:
            try:
                told(await self._send(shot))
            finally:
                room.release()

        with _unwrapped():
            async with asyncio.TaskGroup() as tasks:
                for index, shot in enumerate(shots):
                    if rate is not None and (early := begun + index / rate - monotonic()) > 0:
                        await asyncio.sleep(early)
                    await room.acquire()
                    tasks.create_task(send(shot))

    async def _send(self, shot: Shot) -> Outcome:
        waits = self.waits if shot.kind is not Kind.FORGED else ()
        attempts = 0
        while True:
            attempts += 1
            async with self._free:
                begun = monotonic()
                answer = await self._post(shot)
                outcome = Outcome(shot.kind, answer, attempts, monotonic() - begun)
            if outcome.is_accepted or attempts > len(waits):
                return outcome
            await asyncio.sleep(waits[attempts - 1])

    async def _post(self, shot: Shot) -> int | str:
        delivery = self._made(shot)
        headers = [*delivery.headers.items_all()]
        if "content-type" not in delivery.headers:
            headers.append(("Content-Type", self.account.route.provider.media_types[0]))
        try:
            async with self._session.post(
                self.url, data=delivery.body, headers=headers, allow_redirects=False
            ) as response:
                async for _ in response.content.iter_any():
                    pass
                return response.status
        except (ClientError, OSError) as error:  # its message may hold the URL, and that a secret
            return type(error).__name__

    def _made(self, shot: Shot) -> Delivery:
        """Sign anew for each attempt, as a sender does: a signed time has to be fresh."""
        if shot.kind is Kind.FORGED:
            return self.account.forged(shot.sample, shot.seed)
        return self.account.genuine(shot.sample)


@contextmanager
def _unwrapped() -> Iterator[None]:
    """Raise the configuration error that ended a group of tasks as itself."""
    try:
        yield
    except* ConfigurationError as group:
        failure = group.exceptions[0]
    else:
        return
    raise failure
