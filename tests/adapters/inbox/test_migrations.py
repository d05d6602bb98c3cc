"""The tables, from the first released ones to today's, on both databases."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from inbox_toy import PIPELINE, START, about, rows, until
from sqlalchemy import Connection, make_url, text

from cambist import Receiver
from cambist.errors import ConfigurationError
from cambist_inbox import Inbox, Relay, migrations
from cambist_inbox._database import Database, database_url
from cambist_inbox._schema import deliveries, events, metadata, outbox, payments

FIRST = "0001"
# Rows as the first release writes them: nothing here is made by today's code.
ROWS = (Path(__file__).parent / "rows_of_0001.sql").read_text()


async def test_what_migrations_make_is_what_the_code_says(url: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {
            "version_table": migrations.VERSION_TABLE,
            "compare_type": True,
            "target_metadata": metadata,
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    def counting(connection: Connection) -> dict[str, bool]:
        found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        return {name: "AUTOINCREMENT" in sql for name, sql in found}

    database = Database(url)
    await migrations.upgrade(database)
    async with database.read() as connection:
        assert await connection.run_sync(differences) == []
        if database.is_sqlite:  # which that comparison does not see
            counted = await connection.run_sync(counting)
            for name, table in metadata.tables.items():
                assert counted[name] is bool(table.dialect_options["sqlite"]["autoincrement"])
    await database.close()


async def test_from_the_first_tables_with_rows_in_them(url: str) -> None:
    database = Database(url)
    await migrations.upgrade(database, FIRST)
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.exec_driver_sql("SET TIME ZONE 'UTC'")
        for statement in ROWS.split(";\n"):
            if statement.strip():
                literal = "X" if database.is_sqlite else "\\x"
                found = statement.replace("BYTES'", "X'" if database.is_sqlite else f"'{literal}")
                await connection.exec_driver_sql(found)
        if not database.is_sqlite:
            for table in metadata.tables.values():
                (number,) = table.primary_key.columns
                await connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{number.name}'),"
                    f" (SELECT max({number.name}) FROM {table.name}))"
                )
    await database.close()

    seen = []

    async def handler(event: Any) -> None:
        seen.append((event.payment.id, event.status.value))

    async with Inbox(PIPELINE, url, sinks=["a"]) as inbox:
        receiver = Receiver(PIPELINE, inbox)
        assert (await receiver.receive(about("1", "completed"))).status == 200  # known to the first release
        assert (await receiver.receive(about("1", "refunded"))).status == 200
        stored = await rows(inbox, events)
        (payment,) = await rows(inbox, payments)
        counted = await rows(inbox, deliveries)
        async with Relay(inbox, {"a": handler}, poll_s=0.02):
            await until(lambda: len(seen) == 2)
        assert await rows(inbox, outbox) == []
    assert [(row["status"], row["times"], row["verdict"]) for row in stored] == [
        ("completed", 2, "applied"),
        ("refunded", 1, "applied"),
    ]
    assert (payment["id"], payment["status"]) == (1, "refunded")
    assert counted[0]["received_at"] == START
    assert seen == [("1", "completed"), ("1", "refunded")]


async def test_a_database_of_a_newer_release_is_left_alone(url: str) -> None:
    database = Database(url)
    await migrations.upgrade(database)
    async with database.write() as connection:
        await connection.exec_driver_sql(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")
    await database.close()
    with pytest.raises(ConfigurationError, match=r"newer release of cambist-inbox \(revision 9999\)"):
        async with Inbox(PIPELINE, url):
            pass


async def test_tables_of_others_are_left_alone(url: str) -> None:
    database = Database(url)
    async with database.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE payments (id integer)")
        await connection.exec_driver_sql("CREATE TABLE alembic_version (version_num text)")
    await database.close()
    with pytest.raises(ConfigurationError, match=r"others have tables there \(payments\)"):
        async with Inbox(PIPELINE, url):
            pass
    async with database.write() as connection:
        await connection.exec_driver_sql("DROP TABLE payments")
    await database.close()
    async with Inbox(PIPELINE, url) as inbox:  # another's Alembic is none of our business
        assert await rows(inbox, payments) == []


async def test_a_migration_that_fails_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    upgrade = command.upgrade

    def fail(*arguments: Any) -> None:
        upgrade(*arguments)
        raise OSError("the disk is full")

    monkeypatch.setattr(command, "upgrade", fail)
    with pytest.raises(Exception, match="cannot be opened: the disk is full"):
        async with Inbox(PIPELINE, url):
            pass
    monkeypatch.undo()
    async with Inbox(PIPELINE, url) as inbox:
        assert await rows(inbox, events) == []


async def test_the_file_is_its_owner_s_alone(sqlite: str) -> None:
    path = Path(make_url(sqlite).database or "")
    async with Inbox(PIPELINE, sqlite) as inbox:
        await Receiver(PIPELINE, inbox).receive(about("1"))
        for each in path.parent.glob("inbox.db*"):
            assert stat.S_IMODE(each.stat().st_mode) == 0o600
    path.chmod(0o640)  # noqa: ASYNC240
    async with Inbox(PIPELINE, sqlite):
        mode = path.stat().st_mode  # noqa: ASYNC240
        assert stat.S_IMODE(mode) == 0o640  # whoever shares it has said so


async def test_sqlite_waits_for_the_disk(sqlite: str) -> None:
    database = Database(sqlite)
    async with database.write() as connection:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar() == value
        # Another writer is kept out from the beginning.
        other = sqlite3.connect(make_url(sqlite).database or "", timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
    await database.close()


async def test_postgres_waits_for_the_disk_whatever_it_is_set_to(postgres: str) -> None:
    database = Database(postgres)
    name = make_url(postgres).database
    async with database.write() as connection:
        await connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        await connection.exec_driver_sql(
            f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
        )
    await database.close()
    async with database.write() as connection:
        assert (await connection.exec_driver_sql("SHOW synchronous_commit")).scalar() == "on"
        assert (await connection.exec_driver_sql("SHOW transaction_isolation")).scalar() == "read committed"
    async with database.read() as connection:
        assert (await connection.exec_driver_sql("SHOW transaction_isolation")).scalar() == "repeatable read"
        assert (await connection.exec_driver_sql("SHOW transaction_read_only")).scalar() == "on"
    await database.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "inbox.db",
        "mysql://a:hunter2@b/c",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://a:hunter2@b:x/c",
    ],
)
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^url: ") as raised:
        Database(url)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__context__ is None


def test_libpq_s_word_for_tls_is_known() -> None:
    url = database_url("postgres://a:b@c/d?sslmode=require&application_name=e")
    assert url.drivername == "postgresql+asyncpg"
    assert dict(url.query) == {"ssl": "require", "application_name": "e"}
