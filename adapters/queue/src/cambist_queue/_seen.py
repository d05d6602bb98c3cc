"""Which events a consumer has dealt with."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import OrderedDict
from pathlib import Path
from typing import Protocol


class Seen(Protocol):
    """Remembers the ids of events that were dealt with."""

    async def contains(self, event_id: str) -> bool:
        """Whether an event was dealt with."""
        ...

    async def add(self, event_id: str) -> None:
        """Remember that an event was dealt with; return when that will not be forgotten."""
        ...


class SeenInMemory:
    """Remembers the last ids, until the process ends.

    Args:
        limit: How many.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._limit = limit

    async def contains(self, event_id: str) -> bool:
        """Whether an event was dealt with."""
        return event_id in self._ids

    async def add(self, event_id: str) -> None:
        """Remember that an event was dealt with."""
        self._ids[event_id] = None
        if len(self._ids) > self._limit:
            self._ids.popitem(last=False)


class SeenInSqlite:
    """Remembers ids in a file of SQLite, for ever. Several processes can share it on one machine.

    Args:
        path: The file; it is made if it is missing.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()
        self._connection: sqlite3.Connection | None = None

    async def contains(self, event_id: str) -> bool:
        """Whether an event was dealt with."""
        async with self._lock:
            return await asyncio.to_thread(self._contains, event_id)

    async def add(self, event_id: str) -> None:
        """Return when it is on disk that an event was dealt with."""
        async with self._lock:
            await asyncio.to_thread(self._add, event_id)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _contains(self, event_id: str) -> bool:
        found = self._open().execute("SELECT 1 FROM seen WHERE id = ?", (event_id,)).fetchone()
        return found is not None

    def _add(self, event_id: str) -> None:
        self._open().execute("INSERT OR IGNORE INTO seen VALUES (?)", (event_id,))

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, timeout=30, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
            self._connection = connection
        return self._connection
