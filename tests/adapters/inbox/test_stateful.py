"""Whatever is delivered, relayed and opened anew, in any sequence: the inbox is right after each step."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from inbox_toy import PIPELINE, about, rows, until

from cambist import Delivery, PaymentEvent, PaymentState, Receiver, Status, advance
from cambist_inbox import Inbox, Relay
from cambist_inbox._schema import deliveries, events, outbox, payments

PAYMENTS = ("p", "q", "r")
STATES = ("created", "awaiting_payment", "processing", "completed", "failed", "refunded", "unknown")

timed = st.builds(
    about,
    st.sampled_from(PAYMENTS),
    st.sampled_from(STATES),
    sent=st.integers(0, 2),
    minute=st.integers(1, 3),
)
untimed = st.builds(about, st.sampled_from(PAYMENTS), st.sampled_from(STATES), sent=st.integers(0, 2))


class Journey(RuleBasedStateMachine):
    """What a receiver and its relay go through, and what was sent, to be compared with what is stored."""

    delivered: Bundle[Delivery] = Bundle("delivered")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.sent = 0
        self.facts: dict[str, PaymentEvent] = {}  # by identifier, each as it came first
        self.handed: list[str] = []
        self.runner.run(self.open())

    async def open(self) -> None:
        self.inbox = Inbox(PIPELINE, f"sqlite:///{self.folder.name}/inbox.db", sinks=["shop"])
        await self.inbox.__aenter__()

    async def close(self) -> None:
        await self.inbox.__aexit__(None, None, None)

    async def take(self, given: Sequence[Delivery]) -> None:
        receiver = Receiver(PIPELINE, self.inbox)
        answers = await asyncio.gather(*map(receiver.receive, given))
        assert [answer.status for answer in answers] == [200] * len(given)
        self.sent += len(given)
        for each in given:
            for event in PIPELINE.process(each).events:
                self.facts.setdefault(event.id, event)

    async def hand_on(self, failures: list[bool], tries: int | None) -> None:
        """Let a relay work until its handler was tried so often; for None until nothing waits."""
        made = 0

        async def handler(event: PaymentEvent) -> None:
            nonlocal made
            made += 1
            if failures and failures.pop():
                raise RuntimeError
            self.handed.append(event.id)

        async with Relay(self.inbox, {"shop": handler}, poll_s=0.005, first_wait_s=0.001, concurrency=2):
            await until(
                lambda: len(self.handed) == len(self.facts) or (tries is not None and made >= tries), 5
            )

    @rule(target=delivered, given=timed | untimed)
    def deliver(self, given: Delivery) -> Delivery:
        self.runner.run(self.take([given]))
        return given

    @rule(given=delivered)
    def redeliver(self, given: Delivery) -> None:
        self.runner.run(self.take([given]))

    @rule(target=delivered, given=timed | untimed)
    def deliver_twice_at_once(self, given: Delivery) -> Delivery:
        self.runner.run(self.take([given, given]))
        return given

    @rule(failures=st.lists(st.booleans(), max_size=4), tries=st.integers(1, 5))
    def relay(self, failures: list[bool], tries: int) -> None:
        self.runner.run(self.hand_on(failures, tries))

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.close())
        self.runner.run(self.open())

    @invariant()
    def what_is_stored_is_what_was_sent(self) -> None:
        self.runner.run(self.check())

    async def check(self) -> None:
        stored = await rows(self.inbox, events)
        assert Counter(row["id"] for row in stored) == Counter(self.facts.keys())
        assert sum(row["times"] for row in stored) == self.sent
        assert sum(row["times"] for row in await rows(self.inbox, deliveries)) == self.sent

        ended = {row["id"]: row for row in await rows(self.inbox, payments)}
        lives = {number: [row["id"] for row in stored if row["payment_id"] == number] for number in ended}
        assert sorted(row["reference"] for row in ended.values()) == sorted(
            {event.payment.id or "" for event in self.facts.values()}
        )
        for number, ids in lives.items():
            assert {self.facts[id_].payment.id for id_ in ids} == {ended[number]["reference"]}
            for order in (ids, ids[::-1], sorted(ids)):
                assert state_of(ended[number]) == reduced([self.facts[id_] for id_ in order])

        # No relay was cut off here. So what was handed on is gone from the outbox, and came once.
        seqs = {row["seq"]: row["id"] for row in stored}
        waiting = [seqs[row["event_seq"]] for row in await rows(self.inbox, outbox)]
        assert Counter(waiting + self.handed) == Counter(self.facts.keys())
        for ids in lives.values():
            assert [id_ for id_ in self.handed if id_ in ids] == ids[: len(set(ids) & set(self.handed))]

    def teardown(self) -> None:
        try:
            self.runner.run(self.hand_on([], None))
            self.runner.run(self.check())
            assert len(self.handed) == len(self.facts)
        finally:
            self.runner.run(self.close())
            self.runner.close()
            self.folder.cleanup()


def state_of(row: dict[str, Any]) -> tuple[str, PaymentState]:
    return row["status"], PaymentState(Status(row["timed"]), row["occurred_at"], Status(row["untimed"]))


def reduced(facts: Sequence[PaymentEvent]) -> tuple[str, PaymentState]:
    state = None
    for fact in facts:
        state, _ = advance(state, fact)
    assert state is not None
    return state.status.value, state


TestJourney = Journey.TestCase
TestJourney.settings = settings(max_examples=15, stateful_step_count=20, derandomize=True)
