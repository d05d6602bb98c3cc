"""Encrypts what is stored with another key, row by row, while the inbox is served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from attrs import frozen
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cambist_inbox._database import Database
from cambist_inbox._items import Row
from cambist_inbox._sealed import SEALED, SealedColumn
from cambist_inbox._vault import SealError, Vault
from cambist_inbox._windows import careful, flush_log, windows


@frozen
class Rekeyed:
    """How far it has got.

    Attributes:
        done: How many rows were looked at so far.
        total: How many there are to look at.
        changed: How many were sealed anew with this step.
        problems: Why rows of this step could not be opened; they are left as they were.
    """

    done: int
    total: int
    changed: int = 0
    problems: tuple[str, ...] = ()


async def rekey(database: Database, vault: Vault, *, decrypt: bool = False) -> AsyncIterator[Rekeyed]:
    """Seal all that is not sealed with the first key; for ``decrypt`` store it in clear.

    It may be ended at any time, and goes on where it was when it is run again.
    """
    wanted = None if decrypt else vault.key_id
    seal = Vault() if decrypt else vault
    spans = [(each, await _span(database, each)) for each in SEALED]
    total = sum(last - first + 1 for _, (first, last) in spans)
    done = 0
    for column, (first, last) in spans:
        for low, high in windows(first, last):
            changed, problems = await _step(database, column, (low, high), vault, seal, wanted)
            done += high - low + 1
            yield Rekeyed(done, total, changed, tuple(problems))
    await flush_log(database)


async def rows_by_key(database: Database, column: SealedColumn) -> list[Row]:
    """Return how many rows of a table are sealed with each key, those without bytes left out."""
    key_id = column.table.c.key_id
    query = select(key_id, func.count().label("total")).where(column.data.is_not(None)).group_by(key_id)
    async with database.read() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def _step(
    database: Database,
    column: SealedColumn,
    window: tuple[int, int],
    vault: Vault,
    seal: Vault,
    wanted: str | None,
) -> tuple[int, list[str]]:
    query = _others(column, window, wanted)
    async with database.read() as connection:  # when it goes on, most steps find nothing
        if (await connection.execute(query.with_only_columns(column.number).limit(1))).first() is None:
            return 0, []
    async with careful(database) as connection:
        return await _seal(connection, column, query, vault, seal)


async def _seal(
    connection: AsyncConnection, column: SealedColumn, query: Any, vault: Vault, seal: Vault
) -> tuple[int, list[str]]:
    changed, problems = [], []
    for each in (await connection.execute(query.with_for_update())).mappings():
        row: Row = dict(each)
        try:
            data = column.open(vault, row) or b""
        except SealError as error:
            problems.append(error.reason)
            continue
        sealed = seal.seal(data, column.context(row))
        changed.append({"which": row[column.number.name], "data": sealed.data, "key": sealed.key_id})
    if changed:
        values: dict[Any, Any] = {column.data: bindparam("data"), column.table.c.key_id: bindparam("key")}
        which = column.number == bindparam("which")
        await connection.execute(update(column.table).where(which).values(values), changed)
    return len(changed), problems


def _others(column: SealedColumn, window: tuple[int, int], wanted: str | None) -> Any:
    """Return the rows of a window that are sealed otherwise, in the order in which accepting locks them."""
    return (
        select(column.number, column.data, column.subject, column.table.c.key_id)
        .where(
            column.number.between(*window),
            column.data.is_not(None),
            column.table.c.key_id.is_distinct_from(wanted),
        )
        .order_by(column.subject if column.table.name == "events" else column.number)
    )


async def _span(database: Database, column: SealedColumn) -> tuple[int, int]:
    async with database.read() as connection:
        query = select(func.min(column.number), func.max(column.number))
        first, last = (await connection.execute(query)).one()
    return (int(first or 1), int(last or 0))  # nothing of a table without rows
