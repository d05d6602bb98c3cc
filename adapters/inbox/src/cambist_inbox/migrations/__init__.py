"""How a database of any release becomes one of this release. Run by `Inbox` when it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from cambist.errors import ConfigurationError
from cambist_inbox._database import Database
from cambist_inbox._schema import metadata

VERSION_TABLE: Final = "cambist_inbox_version"
"""Holds the revision. A name of our own: whoever uses Alembic in the same database has a table of its own."""

# Any number that nothing else of the database's users takes: two processes that start at once take turns.
_LOCK = 0x63616D62
_PATIENCE_S = 60  # for another process that migrates the same file


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the tables to a revision; make them where there are none.

    Raises:
        ConfigurationError: The database is of a newer release, or has tables of others under our names.
        sqlite3.Error: SQLite's file cannot be opened.
    """
    await database.prepare()
    # A big table takes its time to change: here no statement has a limit.
    patient = Database(database.url, timeout_s=None, busy_s=_PATIENCE_S)
    try:
        async with patient.write() as connection:
            if not patient.is_sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_upgrade, revision)
    finally:
        await patient.close()


def config() -> Config:
    """Return what Alembic has to know of our migrations."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent))
    return found


def current(connection: Connection) -> str | None:
    """Return the revision of a database; nothing where it has none of our tables."""
    return MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()


def _upgrade(connection: Connection, revision: str) -> None:
    ours = config()
    known = {script.revision for script in ScriptDirectory.from_config(ours).walk_revisions()}
    found = current(connection)
    if found is None:
        foreign = sorted(set(metadata.tables) & set(inspect(connection).get_table_names()))
        if foreign:
            raise ConfigurationError(
                f"url: others have tables there ({', '.join(foreign)}): give the inbox its own database"
            )
    elif found not in known:
        raise ConfigurationError(
            f"url: the database is of a newer release of cambist-inbox (revision {found}): install that"
        )
    ours.attributes["connection"] = connection
    command.upgrade(ours, revision)
