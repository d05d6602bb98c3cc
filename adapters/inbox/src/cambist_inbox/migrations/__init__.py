"""How a database of any release becomes one of this release. Run by `Inbox` when it is opened."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from cambist_inbox._database import Database

# Any number that nothing else of the database's users takes: two processes that start at once take turns.
_LOCK = 0x63616D62


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the tables to a revision; make them where there are none."""
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.run_sync(_upgrade, revision)


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
