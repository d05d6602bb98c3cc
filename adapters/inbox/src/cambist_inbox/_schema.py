"""The tables. Whoever changes them writes a migration (see ``migrations``); a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects import sqlite

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite counts rows by itself in a column of exactly this type only.
Number = BigInteger().with_variant(Integer(), "sqlite")


class _Text(sqlite.DATETIME):
    """A time in SQLite, which has no type for it: UTC, in a text that sorts."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def bind_processor(self, dialect: Dialect) -> Any:
        return written

    def literal_processor(self, dialect: Dialect) -> Any:
        return lambda value: f"'{written(value)}'"

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _read


def written(value: datetime | None) -> str | None:
    """Return a time as SQLite has it."""
    if value is None:
        return None
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return utc.isoformat(" ", "microseconds")[:26]  # without its zone


def _read(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


# A time with a zone, which is UTC when it is read.
Instant = DateTime(timezone=True).with_variant(_Text(), "sqlite")


# A delivery that was proven genuine and acknowledged. One that comes again with the same bytes is counted.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Number, primary_key=True),
    Column("source", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("received_at", Instant),  # as the edge said
    Column("stored_at", Instant, nullable=False, index=True),
    Column("last_seen_at", Instant, nullable=False),
    Column("times", Integer, nullable=False),
    Column("scheme", Text),
    Column("label", Text),
    Column("problem", Text),  # why it is in quarantine; nothing where it became events
    Column("headers", Text, nullable=False),  # JSON: those that the provider's parser reads, and no others
    Column("digest", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary),  # nothing once retention has dropped it
    Column("key_id", Text),  # which key the body is encrypted with
)

# Few are in quarantine: only those are looked for by their digest.
Index(
    "ix_deliveries_quarantined",
    deliveries.c.digest,
    sqlite_where=deliveries.c.problem.is_not(None),
    postgresql_where=deliveries.c.problem.is_not(None),
)

# Where each payment stands, by the reducer.
payments = Table(
    "payments",
    metadata,
    Column("id", Number, primary_key=True),
    Column("key", LargeBinary(16), nullable=False, unique=True),  # of source, kind and reference
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("timed", Text, nullable=False),
    Column("occurred_at", Instant),
    Column("untimed", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("delivery_id", ForeignKey(deliveries.c.id), nullable=False, index=True),
    Column("payment_id", ForeignKey(payments.c.id), index=True),
    Column("source", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("verdict", Text),  # what it did to its payment; nothing where it is about none
    Column("reference", Text),  # the provider's identifier of the payment
    Column("merchant_reference", Text),
    Column("occurred_at", Instant),
    Column("stored_at", Instant, nullable=False, index=True),
    Column("times", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),  # as to_json writes it
    Column("key_id", Text),  # which key the document is encrypted with
)

# What is still to be handed to a sink. A row goes when its sink has the event, or to the dead letters.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Number, primary_key=True),
    Column("sink", Text, nullable=False),
    Column("event_seq", ForeignKey(events.c.seq), nullable=False),
    Column("payment_id", ForeignKey(payments.c.id)),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),  # of what a relay has: when it counts as lost with the relay
    Column("claim", Text),  # which relay has it, and since which look
    Column("problem", Text),  # what the last try failed with: a class and a place, no message
    Index(None, "sink", "payment_id", "id"),
    Index(None, "sink", "due_at", "id"),
    # A number is never given twice: what is said of one entry must not hit a later one.
    sqlite_autoincrement=True,
)

# What a sink did not take in as many tries as it gets.
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Number, primary_key=True),
    Column("sink", Text, nullable=False),
    Column("event_seq", ForeignKey(events.c.seq), nullable=False),
    Column("payment_id", ForeignKey(payments.c.id)),
    Column("attempts", Integer, nullable=False),
    Column("died_at", Instant, nullable=False),
    Column("problem", Text, nullable=False),
    sqlite_autoincrement=True,  # whoever revives one by its number gets no other
)

# A delivery that was refused. It proves nothing: its content may be an attacker's.
rejections = Table(
    "rejections",
    metadata,
    Column("id", Number, primary_key=True),
    Column("stored_at", Instant, nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("provider", Text),
    Column("remote", Text),
    Column("status", Integer, nullable=False),  # the HTTP status that it was refused with
    Column("error", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("digest", Text),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary),  # its beginning
    Column("key_id", Text),
)
