"""Makes the events of stored deliveries again, by the mapping of today: never one more than there is."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cambist import PaymentState, Pipeline, Status, Verdict, to_json
from cambist_inbox import _items, _queries, _store
from cambist_inbox._database import Database
from cambist_inbox._inbox import repeat_races
from cambist_inbox._insert import insert_rows
from cambist_inbox._items import Entry, Row, event_row
from cambist_inbox._outbox import AT_ONCE
from cambist_inbox._plan import state_columns
from cambist_inbox._queries import DELIVERIES, Filter, View
from cambist_inbox._reread import (
    PaymentChange,
    Read,
    Replayed,
    Result,
    VerdictChange,
    compare,
    read_again,
)
from cambist_inbox._schema import dead_letters, deliveries, events, outbox, payments
from cambist_inbox._sealed import BODY, open_document
from cambist_inbox._settle import Settled, Step, settle
from cambist_inbox._vault import SealError, Vault

# As many deliveries are one transaction: a receiver waits for no more than that.
_PAGE = 50
_WITH_BODIES = View(deliveries.c.id, tuple(deliveries.columns), DELIVERIES.conditions)
_CHANGED = ("kind", "status", "reference", "merchant_reference", "occurred_at", "document", "key_id")


@frozen
class _Payment:
    """A payment that a delivery touches, with all of its events.

    Attributes:
        id: Its number; nothing for one that is new.
        reference: The provider's identifier of it.
        status: Where it stands, as stored.
        steps: Its events as stored, in order.
    """

    id: int | None
    reference: str
    status: Status | None
    steps: dict[str, Step]


@frozen
class _Examined:
    """What is to be written for one delivery."""

    read: Read
    outcome: Replayed
    entries: dict[str, Entry]
    own: dict[str, Row]
    settled: dict[bytes, tuple[_Payment, Settled]]


class Replay:
    """One replay. See `Archive.replay`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        pipeline: Pipeline,
        sinks: Sequence[str],
        *,
        relay: bool,
        dry_run: bool,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._vault = vault
        self._pipeline = pipeline
        self._sinks = sinks
        self._relay = relay
        self._dry_run = dry_run
        self._clock = clock

    async def run(self, wanted: Filter) -> AsyncIterator[Replayed]:
        """Replay the deliveries that agree, the oldest first."""
        async for page in _queries.pages(self._database, _WITH_BODIES, wanted, size=_PAGE):
            for outcome in await self._page(page):
                yield outcome

    async def _page(self, page: Sequence[Row]) -> list[Replayed]:
        outcomes: dict[int, Replayed] = {}
        read: list[Read] = []
        async with self._database.read() as connection:
            known = await _own_events(connection, [row["id"] for row in page])
        for row in page:
            found = read_again(self._pipeline, self._vault, row)
            if isinstance(found, Read):
                found_outcome = self._at_first_sight(found, known.get(row["id"], {}))
                if found_outcome is None:
                    read.append(found)
                    continue
                found = found_outcome
            outcomes[row["id"]] = found
        if read and self._dry_run:
            async with self._database.read() as connection:
                for each in read:
                    examined = await self._examine(connection, each, None)
                    outcomes[each.row["id"]] = examined.outcome
        elif read:
            await repeat_races(lambda: self._apply(read, known, outcomes))
        return [outcomes[row["id"]] for row in page]

    def _at_first_sight(self, read: Read, own: Mapping[str, Row]) -> Replayed | None:
        """Return the outcome of a delivery that is as it was. Most are, and no more is asked for those."""
        if read.row["problem"] is not None or {e.id for e in read.processed.events} != own.keys():
            return None
        try:
            result, _ = compare(read, self._documents(own), ())
        except SealError as error:
            return Replayed(read.row["id"], read.row["source"], Result.SEALED, problem=error.reason)
        unchanged = result is Result.UNCHANGED and read.processed.delivery is not None
        if unchanged and read.processed.delivery.body == BODY.open(self._vault, read.row):  # type: ignore[union-attr]
            return Replayed(read.row["id"], read.row["source"], result)
        return None

    async def _apply(
        self, read: Sequence[Read], known: Mapping[int, Mapping[str, Row]], outcomes: dict[int, Replayed]
    ) -> None:
        now = self._clock()
        async with self._database.write() as connection:
            keys = {
                key
                for each in read
                for key in (
                    *(_items.payment_key(event) for event in each.processed.events),
                    *(row["payment_key"] for row in known.get(each.row["id"], {}).values()),
                )
                if key is not None
            }
            # The payments first, as whoever accepts does: then each waits for the other, and none for ever.
            await connection.run_sync(_store.lock_payments, keys)
            numbers = sorted(each.row["id"] for each in read)
            await connection.execute(
                select(deliveries.c.id)
                .where(deliveries.c.id.in_(numbers))
                .order_by(deliveries.c.id)
                .with_for_update()
            )
            for each in read:
                examined = await self._examine(connection, each, keys)
                await self._write(connection, examined, now)
                outcomes[each.row["id"]] = examined.outcome

    async def _examine(self, connection: AsyncConnection, read: Read, locked: set[bytes] | None) -> _Examined:
        """Compare a delivery with what is stored at this moment.

        Raises:
            RaceError: It is of payments now that are not locked.
        """
        number = read.row["id"]
        quarantine = select(deliveries.c.problem).where(deliveries.c.id == number)
        row = {**read.row, "problem": await connection.scalar(quarantine)}
        read = evolve(read, row=row)
        own = (await _own_events(connection, [number])).get(number, {})
        ids = [event.id for event in read.processed.events if event.id not in own]
        elsewhere = set((await connection.execute(select(events.c.id).where(events.c.id.in_(ids)))).scalars())
        try:
            result, changes = compare(read, self._documents(own), elsewhere)
        except SealError as error:
            outcome = Replayed(number, row["source"], Result.SEALED, problem=error.reason)
            return _Examined(read, outcome, {}, own, {})
        outcome = Replayed(number, row["source"], result, changes)
        if result is Result.OTHER_IDENTITY:
            problem = "its events would be others than those that are stored; nothing was changed"
            return _Examined(read, evolve(outcome, problem=problem), {}, own, {})
        ids = [change.event_id for change in changes]
        entries = {
            event.id: Entry(event, self._vault.seal(to_json(event), event.id), _items.payment_key(event))
            for event in read.processed.events
            if event.id in ids
        }
        touched = {entry.payment_key: entry for entry in entries.values() if entry.payment_key}
        keys = {*touched, *(own[id_]["payment_key"] for id_ in ids if id_ in own)} - {None}
        if locked is not None and not keys <= locked:
            raise _store.RaceError
        found = await _payments(connection, keys)
        for key in keys - found.keys():
            found[key] = _Payment(None, _items.payment_row(touched[key])["reference"], None, {})
        settled = {
            key: (payment, settle(_steps(key, payment, entries, own))) for key, payment in found.items()
        }
        outcome = evolve(outcome, verdicts=tuple(_verdicts(settled)), payments=tuple(_moves(settled)))
        return _Examined(read, outcome, entries, own, settled)

    def _documents(self, own: Mapping[str, Row]) -> dict[str, bytes]:
        return {id_: open_document(self._vault, row) for id_, row in own.items()}

    async def _write(self, connection: AsyncConnection, examined: _Examined, now: datetime) -> None:
        row, outcome = examined.read.row, examined.outcome
        if outcome.result.failed:
            return
        await self._write_delivery(connection, examined)
        if not examined.entries:
            return
        new = {
            key: _items.payment_row(_of_key(examined.entries, key)) | state_columns(PaymentState(), now)
            for key, (payment, _) in examined.settled.items()
            if payment.id is None
        }
        numbers = {key: payment.id for key, (payment, _) in examined.settled.items()}
        numbers |= await connection.run_sync(_store.add_payments, new)
        changed, added = [], []
        for id_, entry in examined.entries.items():
            columns = event_row(entry, now)
            payment_id = numbers[entry.payment_key] if entry.payment_key else None
            if id_ in examined.own:
                stored = examined.own[id_]
                values = {name: columns[name] for name in _CHANGED}
                verdict = None if payment_id is None else stored["verdict"]
                values |= {"payment_id": payment_id, "verdict": verdict}
                changed.append({"which": stored["seq"], **values})
            else:
                added.append({**columns, "delivery_id": row["id"], "payment_id": payment_id})
        if changed:
            which: Any = bindparam("which")
            await connection.execute(update(events).where(events.c.seq == which), changed)
            for table in (outbox, dead_letters):
                await connection.execute(
                    update(table).where(table.c.event_seq == which),
                    [{"which": each["which"], "payment_id": each["payment_id"]} for each in changed],
                )
        new_numbers = await connection.run_sync(insert_rows, events, added)
        await self._settle(connection, examined, numbers, now)
        again = [each["which"] for each in changed] if self._relay else []
        payment_of = {each["which"]: each["payment_id"] for each in changed}
        payment_of |= {seq: each["payment_id"] for seq, each in zip(new_numbers, added, strict=True)}
        await self._hand_on(connection, [*again, *new_numbers], payment_of)

    async def _write_delivery(self, connection: AsyncConnection, examined: _Examined) -> None:
        """Take a delivery out of quarantine; store its body anew where today's redaction takes more away."""
        row = examined.read.row
        values: Row = {}
        if row["problem"] is not None:
            values["problem"] = None
        kept = examined.read.processed.delivery
        if kept is not None and kept.body != BODY.open(self._vault, row):
            values |= _body_columns(kept.body, self._vault)
        if values:
            await connection.execute(update(deliveries).where(deliveries.c.id == row["id"]).values(**values))

    async def _settle(
        self,
        connection: AsyncConnection,
        examined: _Examined,
        numbers: Mapping[bytes, int | None],
        now: datetime,
    ) -> None:
        verdicts = [
            {"which": id_, "verdict": verdict.value}
            for _, settled in examined.settled.values()
            for id_, verdict in settled.verdicts.items()
        ]
        if verdicts:
            await connection.execute(
                update(events).where(events.c.id == bindparam("which")),
                sorted(verdicts, key=lambda each: each["which"]),
            )
        for key, (_, settled) in examined.settled.items():
            mine = payments.c.id == numbers[key]
            if settled.state is None:
                await connection.execute(delete(payments).where(mine))
            else:
                await connection.execute(
                    update(payments).where(mine).values(**state_columns(settled.state, now))
                )

    async def _hand_on(
        self, connection: AsyncConnection, seqs: Sequence[int], payment_of: Mapping[int, int | None]
    ) -> None:
        """Add entries of the outbox, except where one waits already: it takes the event as it is then."""
        if not seqs or not self._sinks:
            return
        waiting = select(outbox.c.sink, outbox.c.event_seq).where(
            outbox.c.event_seq.in_(seqs), outbox.c.claim.is_(None)
        )
        there = {tuple(row) for row in await connection.execute(waiting)}
        rows = [
            {
                "sink": sink,
                "event_seq": seq,
                "payment_id": payment_of[seq],
                "attempts": 0,
                "due_at": AT_ONCE,
            }
            for seq in seqs
            for sink in self._sinks
            if (sink, seq) not in there
        ]
        if rows:
            await connection.execute(outbox.insert(), rows)


def _body_columns(body: bytes, vault: Vault) -> Row:
    digest = hashlib.sha256(body).hexdigest()
    sealed = vault.seal(body, f"{BODY.prefix}{digest}")
    return {"digest": digest, "size": len(body), "body": sealed.data, "key_id": sealed.key_id}


async def _own_events(connection: AsyncConnection, numbers: Sequence[int]) -> dict[int, dict[str, Row]]:
    """Return the events of deliveries, by the delivery's number and by identifier."""
    query = (
        select(*events.columns, payments.c.key.label("payment_key"))
        .join(payments, payments.c.id == events.c.payment_id, isouter=True)
        .where(events.c.delivery_id.in_(numbers))
        .order_by(events.c.seq)
    )
    found: dict[int, dict[str, Row]] = {}
    for row in (await connection.execute(query)).mappings():
        found.setdefault(row["delivery_id"], {})[row["id"]] = dict(row)
    return found


async def _payments(connection: AsyncConnection, keys: Iterable[bytes]) -> dict[bytes, _Payment]:
    """Return the payments of these keys that there are, with their events in order."""
    wanted = payments.c.key.in_(sorted(keys))
    query = select(payments.c.key, payments.c.id, payments.c.reference, payments.c.status).where(wanted)
    found = {
        key: _Payment(id_, reference, Status(status), {})
        for key, id_, reference, status in await connection.execute(query)
    }
    columns = (
        payments.c.key,
        events.c.seq,
        events.c.id,
        events.c.status,
        events.c.occurred_at,
        events.c.verdict,
    )
    joined = select(*columns).join(payments, payments.c.id == events.c.payment_id)
    for key, seq, id_, status, at, verdict in await connection.execute(joined.where(wanted)):
        known = Verdict(verdict) if verdict else None
        found[key].steps[id_] = Step(seq, id_, Status(status), at, known)
    return found


def _steps(key: bytes, payment: _Payment, entries: Mapping[str, Entry], own: Mapping[str, Row]) -> list[Step]:
    """Return the events of a payment as they are going to be: changed, moved here or away, or new."""
    steps = [step for id_, step in payment.steps.items() if id_ not in entries]
    for id_, entry in entries.items():
        if entry.payment_key == key:
            seq = own[id_]["seq"] if id_ in own else None
            event = entry.event
            steps.append(Step(seq, id_, event.status, event.occurred_at, _verdict(payment, id_)))
    return steps


def _verdict(payment: _Payment, id_: str) -> Verdict | None:
    step = payment.steps.get(id_)
    return step.verdict if step else None


def _of_key(entries: Mapping[str, Entry], key: bytes) -> Entry:
    return next(entry for entry in entries.values() if entry.payment_key == key)


def _verdicts(settled: Mapping[bytes, tuple[_Payment, Settled]]) -> Iterable[VerdictChange]:
    for payment, after in settled.values():
        for id_, verdict in after.verdicts.items():
            yield VerdictChange(id_, _verdict(payment, id_), verdict)


def _moves(settled: Mapping[bytes, tuple[_Payment, Settled]]) -> Iterable[PaymentChange]:
    for payment, after in settled.values():
        status: Any = after.state.status if after.state else None
        if status is not payment.status:
            yield PaymentChange(payment.reference, payment.status, status)
