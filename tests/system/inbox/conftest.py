"""Receivers as processes of their own, and a database for each test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
import pytest_asyncio

SCRIPT = Path(__file__).parent / "receiver.py"
POSTGRES = os.environ.get("CAMBIST_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
STARTING_S = 30


class Process:
    """A process of the script, by its number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.gone = False

    async def line(self) -> str:
        """Return the next line that it says."""
        return await asyncio.wait_for(self.lines.get(), STARTING_S)

    async def address(self) -> str:
        """Return its address, once it serves."""
        while (line := await self.line()) == "opening":
            pass
        return line

    async def kill(self) -> None:
        """End it without a word."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGKILL)
        await self._gone()

    async def close(self) -> None:
        """Ask it to end, and see that it ends well."""
        os.kill(self.number, signal.SIGTERM)
        while await self.line() != "closed":
            pass
        await self._gone()

    async def _gone(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            async with asyncio.timeout(STARTING_S):
                while True:
                    os.kill(self.number, 0)
                    await asyncio.sleep(0.001)
        self.gone = True


class Processes:
    """The script, which makes a process of each line that it is given."""

    def __init__(self, script: asyncio.subprocess.Process) -> None:
        self._script = script
        self._known: dict[int, Process] = {}
        self._new: asyncio.Queue[Process] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    async def start(self, **arguments: Any) -> Process:
        """Begin a process. It is about to open its inbox when this returns."""
        assert self._script.stdin is not None
        self._script.stdin.write(json.dumps(arguments).encode() + b"\n")
        return await asyncio.wait_for(self._new.get(), STARTING_S)

    async def kill(self) -> None:
        """End those that are still there."""
        for process in self._known.values():
            if not process.gone:
                await process.kill()
        self._known.clear()

    async def close(self) -> None:
        """End the script."""
        await self.kill()
        self._script.kill()
        await self._script.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._script.stdout is not None
        async for raw in self._script.stdout:
            number, _, line = raw.decode().rstrip("\n").partition(" ")
            process = self._known.get(int(number))
            if process is None:
                process = self._known[int(number)] = Process(int(number))
                self._new.put_nowait(process)
            process.lines.put_nowait(line)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def processes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Processes]:
    """Give the script, ready to begin processes. What they complain of is in a file ``complaints``."""
    with (tmp_path_factory.mktemp("receivers") / "complaints").open("wb") as complaints:
        pipe = asyncio.subprocess.PIPE
        script = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), stdin=pipe, stdout=pipe, stderr=complaints
        )
    started = Processes(script)
    yield started
    await started.close()


@pytest.fixture(autouse=True)
async def no_process_stays(processes: Processes) -> AsyncIterator[None]:
    """End what a failed test has left."""
    yield
    await processes.kill()


@pytest.fixture
async def new_database(tmp_path: Path) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """Make empty databases of either kind, and drop them in the end."""
    made: list[str] = []

    async def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / f'{uuid.uuid4().hex}.db'}"
        name = f"cambist_kill_{uuid.uuid4().hex}"
        await _administer(f'CREATE DATABASE "{name}"')
        made.append(name)
        return f"{POSTGRES.rpartition('/')[0]}/{name}"

    yield make
    for name in made:
        await _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


async def _administer(statement: str) -> None:
    try:
        connection = await asyncpg.connect(POSTGRES, timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL ({type(error).__name__}); CAMBIST_TEST_POSTGRES says where one is")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, new_database: Callable[[str], Awaitable[str]]) -> str:
    """Give an empty database of each kind."""
    return await new_database(request.param)
