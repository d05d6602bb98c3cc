"""Many rows at once: each as it was given, in its place, with a number of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from inbox_toy import PIPELINE, rows

from cambist_inbox import Inbox
from cambist_inbox._insert import MOST, add_rows, insert_rows
from cambist_inbox._schema import deliveries, rejections

AT = datetime(2026, 1, 31, 12, 0, 0, 5, timezone(timedelta(hours=2)))


def delivery(number: int) -> dict[str, Any]:
    at = AT + timedelta(seconds=number)
    row: dict[str, Any] = {
        "source": f"shop {number}",
        "provider": "toy",
        "received_at": at if number % 2 else None,
        "stored_at": at.astimezone(UTC),
        "last_seen_at": at,
        "times": number,
        "scheme": None,
        "label": None,
        "problem": None,
        "headers": "[]",
        "digest": "",
        "size": number,
        "body": bytes([number % 256, 0, 255]),
        "key_id": None,
    }
    return row if number % 2 else dict(reversed(row.items()))  # in whatever order a row has its columns


@pytest.mark.parametrize("count", [1, MOST - 1, MOST, MOST + 1, 3 * MOST + 5])
async def test_rows_are_stored_as_they_are_given(url: str, count: int) -> None:
    async with Inbox(PIPELINE, url) as inbox:
        given = [delivery(number) for number in range(count)]
        numbers = await inbox.database.transact(lambda each: insert_rows(each, deliveries, given))
        stored = [dict(row) for row in await rows(inbox, deliveries)]
    expected = [{**delivery(index), "id": number} for index, number in enumerate(numbers)]
    assert sorted(stored, key=lambda row: row["id"]) == expected
    assert len(set(numbers)) == count


async def test_numbers_go_on_where_they_ended(url: str) -> None:
    async with Inbox(PIPELINE, url) as inbox:
        transact = inbox.database.transact
        first = await transact(lambda each: insert_rows(each, deliveries, [delivery(1), delivery(2)]))
        second = await transact(lambda each: insert_rows(each, deliveries, [delivery(3)]))
        assert await transact(lambda each: insert_rows(each, deliveries, [])) == []
    assert [*first, *second] == [1, 2, 3]


async def test_a_row_that_lacks_a_column_of_the_first_is_refused(url: str) -> None:
    whole = {"stored_at": AT, "source": "a", "status": 401, "error": "", "reason": "", "size": 0}
    lacking = {name: value for name, value in whole.items() if name != "size"}
    async with Inbox(PIPELINE, url) as inbox:
        with pytest.raises(Exception, match="size"):
            await inbox.database.transact(lambda each: add_rows(each, rejections, [whole, lacking]))
        assert await rows(inbox, rejections) == []
