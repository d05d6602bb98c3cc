"""Writes the pages that are made from the code: the event, its JSON Schema, the providers and their statuses.

Run: ``python docs/generate.py``. With ``--check`` it writes nothing, and exits with 1 where a page is out of
date.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from _generate.event import event_page
from _generate.matrix import matrix_page
from _generate.statuses import described_in, with_statuses

import cambist

DOCS = Path(__file__).parent


def main(arguments: list[str], docs: Path = DOCS) -> int:
    """Write the pages, or check them; return the exit code."""
    stale = {path: text for path, text in pages(docs) if not path.is_file() or path.read_text() != text}
    for path, text in stale.items():
        if "--check" in arguments:
            print(f"{path.relative_to(docs)} is out of date: run python docs/generate.py", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(docs)}")
    return 1 if stale and "--check" in arguments else 0


def pages(docs: Path) -> Iterator[tuple[Path, str]]:
    """Return each page that is made from the code, and what it should hold."""
    yield docs / "reference/event.md", event_page()
    yield docs / "reference/event.schema.json", json.dumps(cambist.event_schema(), indent=2) + "\n"
    page_of: dict[str, Path] = {}
    for page in sorted((docs / "providers").glob("*.md")):
        text = page.read_text()
        page_of |= dict.fromkeys(described_in(text), page)
        if page.stem != "index":
            yield page, with_statuses(text)
    yield docs / "providers/index.md", matrix_page(page_of)


if __name__ == "__main__":
    logging.getLogger("cambist").setLevel(logging.ERROR)  # every choice of settings is tried, unsafe ones too
    sys.exit(main(sys.argv[1:]))
