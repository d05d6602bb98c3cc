"""What a field means, told once: the JSON Schema and the event reference are made from it."""

from __future__ import annotations

from typing import Any

KEY = "cambist"


def describe(text: str) -> dict[str, Any]:
    """Return attrs metadata that carries a field's description (Markdown, one sentence)."""
    return {KEY: text}
