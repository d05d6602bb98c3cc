"""Sinks that a test can hold up, installed for the tests of `cambist serve` alone. A file lets them go on."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cambist import Processed
from cambist.hookspecs import SinkFactory, hookimpl

if "QUAY_COUNTS" in os.environ:  # some plugins have numbers of their own
    importlib.import_module("prometheus_client")


async def until(path: Path) -> None:
    """Return when there is such a file. That somebody waits for it is to be seen by another one."""
    path.with_suffix(".awaited").touch()
    while not path.exists():  # noqa: ASYNC240
        await asyncio.sleep(0.01)


class Gate:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def publish(self, processed: Processed) -> None:
        await until(self._path)


class Nowhere:
    async def publish(self, processed: Processed) -> None:
        pass


@asynccontextmanager
async def gate(url: str, options: Mapping[str, Any]) -> AsyncIterator[Gate]:
    """Waits with each event."""
    yield Gate(Path(url.removeprefix("gate://")))


@asynccontextmanager
async def slip(url: str, options: Mapping[str, Any]) -> AsyncIterator[Nowhere]:
    """Waits when it is opened."""
    await until(Path(url.removeprefix("slip://")))
    yield Nowhere()


@asynccontextmanager
async def lock(url: str, options: Mapping[str, Any]) -> AsyncIterator[Nowhere]:
    """Waits when it is closed."""
    yield Nowhere()
    await until(Path(url.removeprefix("lock://")))


@asynccontextmanager
async def reef(url: str, options: Mapping[str, Any]) -> AsyncIterator[Nowhere]:
    """Takes its process down when it is opened, once the file is there."""
    if Path(url.removeprefix("reef://")).exists():  # noqa: ASYNC240
        os._exit(7)
    yield Nowhere()


@hookimpl
def cambist_register_sinks() -> Mapping[str, SinkFactory]:
    return {"gate": gate, "lock": lock, "reef": reef, "slip": slip}
