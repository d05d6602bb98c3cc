"""A payment is found by the provider's identifier, in whatever form its column can hold it."""

from __future__ import annotations

import asyncio

import pytest
from inbox_toy import PIPELINE, about, delivery, item, signed
from sqlalchemy.dialects import sqlite as dialect

from cambist import Delivery, Receiver
from cambist_inbox import Archive, Filter, Inbox
from cambist_inbox._items import REJECTED_BODY, keys_of, payment_key, stored_reference
from cambist_inbox._queries import EVENTS, PAYMENTS, View, _of

ODD = ["7", "", "a\0b", "\N{GREEK SMALL LETTER ALPHA}", "x" * 512 + "y", "\\", "evt_[red]"]


@pytest.mark.parametrize("id_", ODD)
def test_a_key_lies_where_its_reference_says(id_: str) -> None:
    (event,) = PIPELINE.process(about("1", payment=id_)).events
    key = payment_key(event)
    assert key is not None
    lowest, highest = keys_of(stored_reference(id_) or "")
    assert lowest <= key <= highest
    assert len(key) == len(lowest) == len(highest) == 16
    other_lowest, other_highest = keys_of("another")
    assert not other_lowest <= key <= other_highest


async def test_whatever_its_source_and_kind(url: str) -> None:
    given = [
        delivery(item("1", payment="7"), **{"X-Kind": "deposit"}),
        delivery(item("2", payment="7"), **{"X-Kind": "withdrawal"}),
        delivery(item("3", payment="7"), source="lenient"),
        delivery(item("4", payment="7", state="failed"), source="lenient"),
        delivery(item("5", payment="77")),
        delivery(item("6", payment=None)),
        *(about(f"odd {number}", payment=id_) for number, id_ in enumerate(ODD[1:])),
    ]
    async with Inbox(PIPELINE, url) as inbox:
        await asyncio.gather(*map(Receiver(PIPELINE, inbox).receive, given))
    async with Archive(url) as archive:
        found = [row async for row in archive.payments(Filter(payment="7"))]
        assert sorted((row["source"], row["kind"]) for row in found) == [
            ("lenient", "payment"),
            ("shop", "deposit"),
            ("shop", "withdrawal"),
        ]
        assert len([row async for row in archive.events(Filter(payment="7"))]) == 4
        assert len([row async for row in archive.events(Filter(payment="7", source="lenient"), last=1)]) == 1
        for id_ in ODD[1:]:
            shown = stored_reference(id_) or ""
            for asked in {id_, shown}:  # as the provider writes it, and as a list shows it
                (row,) = [row async for row in archive.events(Filter(payment=asked))]
                assert row["reference"] == shown
                assert len([row async for row in archive.payments(Filter(payment=asked))]) == 1


@pytest.mark.parametrize("view", [EVENTS, PAYMENTS], ids=["events", "payments"])
async def test_no_table_is_read_as_a_whole_for_it(sqlite: str, view: View) -> None:
    async with Inbox(PIPELINE, sqlite) as inbox:
        query = _of(view, *view.columns).where(
            *view.where(Filter(payment="7")), view.number.between(0, 10**6)
        )
        compiled = query.order_by(view.number).limit(500).compile(dialect=dialect.dialect())
        values = tuple(compiled.params[name] for name in compiled.positiontup)
        async with inbox.database.read() as connection:
            steps = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)
            plan = [row[-1] for row in steps]
    assert any("(key>? AND key<?)" in step for step in plan), plan
    assert any("payment_id=?" in step or "rowid=?" in step for step in plan), plan


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"n": "4111111111111111"}', b'{"n": "************1111"}'),
        (b"n=4111 1111 1111 1111&x", b"n=**** **** **** 1111&x"),
        (b"378282246310005", b"***********0005"),
        (b"4111111111111112 1700000000000", b"4111111111111112 1700000000000"),
        (b"4" * 30, b"4" * 30),
        (b"a" * (REJECTED_BODY - 8) + b"4111111111111111", b"a" * (REJECTED_BODY - 8) + b"*" * 8),
    ],
)
async def test_no_card_number_of_what_was_refused_is_kept(sqlite: str, body: bytes, kept: bytes) -> None:
    given = signed(b"{}")
    async with Inbox(PIPELINE, sqlite) as inbox:
        forged = Delivery("shop", given.headers, body, given.received_at)
        assert (await Receiver(PIPELINE, inbox).receive(forged)).status == 401
    async with Archive(sqlite) as archive:
        stored = await archive.rejection(1)
    assert stored is not None
    assert stored["body"] == kept
    assert stored["size"] == len(body)
