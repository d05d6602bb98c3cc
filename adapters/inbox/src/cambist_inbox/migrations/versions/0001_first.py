"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "deliveries",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT),
        sa.Column("stored_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("scheme", sa.Text()),
        sa.Column("label", sa.Text()),
        sa.Column("problem", sa.Text()),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("key_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    quarantined = sa.text("problem IS NOT NULL")
    op.create_index(
        "ix_deliveries_quarantined",
        "deliveries",
        ["digest"],
        sqlite_where=quarantined,
        postgresql_where=quarantined,
    )
    op.create_index("ix_deliveries_stored_at", "deliveries", ["stored_at"])
    op.create_table(
        "payments",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("key", sa.LargeBinary(16), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("timed", sa.Text(), nullable=False),
        sa.Column("occurred_at", INSTANT),
        sa.Column("untimed", sa.Text(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("key", name="uq_payments_key"),
    )
    op.create_table(
        "rejections",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("stored_at", INSTANT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text()),
        sa.Column("remote", sa.Text()),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text()),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("key_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_rejections"),
    )
    op.create_index("ix_rejections_stored_at", "rejections", ["stored_at"])
    op.create_table(
        "events",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("delivery_id", NUMBER, nullable=False),
        sa.Column("payment_id", NUMBER),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text()),
        sa.Column("reference", sa.Text()),
        sa.Column("merchant_reference", sa.Text()),
        sa.Column("occurred_at", INSTANT),
        sa.Column("stored_at", INSTANT, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text()),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_events_delivery_id"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_events_payment_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
    )
    for column in ("delivery_id", "payment_id", "stored_at"):
        op.create_index(f"ix_events_{column}", "events", [column])
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("event_seq", NUMBER, nullable=False),
        sa.Column("payment_id", NUMBER),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("claim", sa.Text()),
        sa.Column("problem", sa.Text()),
        sa.ForeignKeyConstraint(["event_seq"], ["events.seq"], name="fk_outbox_event_seq"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_outbox_payment_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_sink_payment_id_id", "outbox", ["sink", "payment_id", "id"])
    op.create_index("ix_outbox_sink_due_at_id", "outbox", ["sink", "due_at", "id"])
    op.create_table(
        "dead_letters",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("event_seq", NUMBER, nullable=False),
        sa.Column("payment_id", NUMBER),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("died_at", INSTANT, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event_seq"], ["events.seq"], name="fk_dead_letters_event_seq"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_dead_letters_payment_id"),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
        sqlite_autoincrement=True,
    )
