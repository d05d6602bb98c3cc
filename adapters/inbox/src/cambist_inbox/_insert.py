"""Many rows into a table, in as few statements as a database takes them in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, Table, text

from cambist_inbox._items import Row
from cambist_inbox._schema import Instant, written

_TAKE = text("SELECT nextval(pg_get_serial_sequence(:of, :number)) FROM generate_series(1, :rows)")

MOST: Final = 32
"""How many rows one statement of SQLite takes. The driver keeps one of each number prepared."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> Sequence[int]:
    """Insert rows that have no numbers yet, and return the numbers in the order of the rows."""
    if connection.dialect.name == "sqlite":
        return _many(connection, table, rows)
    if not rows:
        return []
    # The numbers are taken first. To insert and ask for them in the order of the rows took twice as long.
    (number,) = table.primary_key.columns
    taken = connection.execute(_TAKE, {"rows": len(rows), "of": table.name, "number": number.name})
    numbers = sorted(taken.scalars())
    each = zip(numbers, rows, strict=True)
    connection.execute(table.insert(), [{**row, number.name: id_} for id_, row in each])
    return numbers


def add_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows whose numbers nobody asks for."""
    if connection.dialect.name == "sqlite":
        _many(connection, table, rows)
    elif rows:
        connection.execute(table.insert(), rows)


def _many(connection: Connection, table: Table, rows: Sequence[Row]) -> list[int]:
    """Insert many rows with each statement. All of them have values for the same columns.

    Python's driver gives up its lock and takes it back for each row that it is given one by one, and whoever
    serves meanwhile makes it wait. The numbers follow each other, since nobody else writes while we do.
    """
    numbers: list[int] = []
    names = tuple(rows[0]) if rows else ()
    for start in range(0, len(rows), MOST):
        chunk = rows[start : start + MOST]
        values = list(chain.from_iterable(map(itemgetter(*names), chunk)))
        for place in _times(table, names):
            values[place :: len(names)] = map(written, values[place :: len(names)])
        added = connection.exec_driver_sql(_statement(table, names, len(chunk)), tuple(values))
        numbers += range(added.lastrowid - len(chunk) + 1, added.lastrowid + 1)
    return numbers


@cache
def _times(table: Table, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(place for place, name in enumerate(names) if table.c[name].type is Instant)


@cache
def _statement(table: Table, names: tuple[str, ...], rows: int) -> str:
    row = f"({', '.join('?' * len(names))})"
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([row] * rows)}"  # noqa: S608  # names of ours
