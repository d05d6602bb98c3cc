"""An inbox is ready when its database answers."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from inbox_toy import PIPELINE

from cambist.errors import SinkError
from cambist_inbox import Inbox


async def test_it_is_ready_until_its_database_is_none(tmp_path: Path) -> None:
    async with Inbox(PIPELINE, f"sqlite:///{tmp_path / 'inbox.db'}") as inbox:
        await inbox.ready()
        with sqlite3.connect(tmp_path / "inbox.db") as database:
            database.execute("ALTER TABLE deliveries RENAME TO gone")
        database.close()
        with pytest.raises(SinkError, match="the inbox's database does not answer"):
            await inbox.ready()


async def test_on_postgresql_too(postgres: str) -> None:
    async with Inbox(PIPELINE, postgres) as inbox:
        await inbox.ready()
