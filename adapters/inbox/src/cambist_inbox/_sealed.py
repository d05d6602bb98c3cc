"""What is stored sealed, and what it is sealed as: a row cannot be passed off as another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import frozen
from sqlalchemy import Column, Table

from cambist_inbox._schema import deliveries, events, rejections
from cambist_inbox._vault import SealError, Vault


@frozen(eq=False)
class SealedColumn:
    """A column that holds sealed bytes.

    Attributes:
        table: The table; its ``key_id`` says which key a row is sealed with.
        number: Its primary key.
        data: The sealed bytes; nothing where they were dropped.
        subject: What a row is sealed as comes from this column.
        prefix: Stands before the subject.
    """

    table: Table
    number: Column[int]
    data: Column[bytes]
    subject: Column[str]
    prefix: str

    def open(self, vault: Vault, row: Mapping[str, Any]) -> bytes | None:
        """Return the plain bytes of a row; nothing where they were dropped.

        Raises:
            SealError: They cannot be opened, or are not this row's.
        """
        data = row[self.data.name]
        return None if data is None else vault.open(data, row["key_id"], self.context(row))

    def context(self, row: Mapping[str, Any]) -> str:
        """Return what a row is sealed as."""
        return f"{self.prefix}{row[self.subject.name]}"


DOCUMENT = SealedColumn(events, events.c.seq, events.c.document, events.c.id, "")
BODY = SealedColumn(deliveries, deliveries.c.id, deliveries.c.body, deliveries.c.digest, "delivery ")
REFUSED = SealedColumn(rejections, rejections.c.id, rejections.c.body, rejections.c.digest, "rejection ")
SEALED = (BODY, DOCUMENT, REFUSED)


def open_document(vault: Vault, row: Mapping[str, Any]) -> bytes:
    """Return an event's document, exactly as it was stored: one line of JSON.

    Raises:
        SealError: It cannot be opened, or is not this event's.
    """
    document = DOCUMENT.open(vault, row) or b""
    try:
        found = orjson.loads(document)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict) and found.get("id") == row["id"] and b"\n" not in document:
        return document
    raise SealError(f"what is stored for {row['id']} is not its document")
