"""What the tests of the inbox share: a database of each kind, and a small provider."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # inbox_toy, for tests and for the processes they start

POSTGRES = os.environ.get("CAMBIST_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


async def _execute(statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(POSTGRES, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(statement: str) -> None:
    # In a thread: the test may have a loop already.
    from threading import Thread

    failure: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_execute(statement))
        except BaseException as error:
            failure.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


@pytest.fixture
def postgres() -> Iterator[str]:
    """A database of PostgreSQL, empty, and gone afterwards."""
    name = f"cambist_test_{uuid.uuid4().hex}"
    try:
        _run(f"CREATE DATABASE {name}")
    except (OSError, ImportError, TimeoutError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"PostgreSQL cannot be reached ({error}); CAMBIST_TEST_POSTGRES says where it is")
    yield f"{POSTGRES.rpartition('/')[0]}/{name}"
    _run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """A database of SQLite, whose file is not there yet."""
    return f"sqlite:///{tmp_path}/inbox.db"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: Any) -> str:
    """A database of each kind, empty."""
    return str(request.getfixturevalue(request.param))
