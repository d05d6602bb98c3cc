"""Run as a process of its own: reads deliveries on stdin, writes the ids of their events to stdout."""

from __future__ import annotations

import base64
import json
import sys
from datetime import datetime
from typing import Any

from cambist._delivery import Delivery
from cambist._pipeline import Pipeline
from cambist._registry import Registry
from cambist._source import Source


def ids(order: dict[str, Any], registry: Registry) -> list[str]:
    """Return the ids of one delivery's events."""
    when = order["received_at"]
    delivery = Delivery(
        order["source"],
        order["headers"],
        base64.b64decode(order["body"]),
        datetime.fromisoformat(when) if when else None,
        order["path"],
        order["remote"],
    )
    source = Source(order["source"], order["provider"], order["settings"])
    return [event.id for event in Pipeline([source], registry=registry).parse(delivery).events]


if __name__ == "__main__":
    plugins = Registry.load()
    # The last first: what a process did before is not to matter.
    orders = json.load(sys.stdin)[::-1]
    json.dump({order["name"]: ids(order, plugins) for order in orders}, sys.stdout)
