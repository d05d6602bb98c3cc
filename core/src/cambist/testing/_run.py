"""A conformance class run from a program: `cambist check`, or an author's own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import frozen

from cambist.errors import place
from cambist.testing._conformance import ProviderConformance
from cambist.testing._subject import subject_of

_HOST = Path(__file__).with_name("_host.py")
_running: list[type[ProviderConformance]] = []


@frozen
class Check:
    """What became of one test.

    Attributes:
        test: The test's name.
        about: What it was run for: a case, an account, a word; ``None`` for a test that runs once.
        result: Whether it passed, failed or was skipped.
        message: What is wrong and where, or why it was skipped. It holds no value of a payload.
    """

    test: str
    about: str | None
    result: Literal["passed", "failed", "skipped"]
    message: str = ""


def run_conformance(
    conformance: type[ProviderConformance], *, only: Collection[str] = ()
) -> tuple[Check, ...]:
    """Run a conformance class in this process and return what became of each test.

    pytest reads no configuration, no ``conftest.py`` and no installed plugin for it, and prints nothing.

    Args:
        conformance: The class; its name does not matter.
        only: Names of tests; all of them unless given.

    Raises:
        ConfigurationError: The class's settings are refused.
        LookupError: The provider is not installed.
        ValueError: A case is malformed, or none gives events.
    """
    subject = subject_of(conformance)
    _ = subject.accounts  # what is wrong with the class is told here, and not as pytest would
    collected = _Collected()
    tests = [f"{_HOST}::TestProvider::{name}" for name in only] or [str(_HOST)]
    _running.append(conformance)
    with _by_itself():
        code = pytest.main(
            [
                *("-q", "-q", "-c", os.devnull, f"--rootdir={_HOST.parent}", "--noconftest", "--capture=no"),
                *("--import-mode=importlib", "--disable-plugin-autoload", "-p", "no:cacheprovider"),
                *("-p", "no:faulthandler", "-p", "no:unraisableexception", *tests),
            ],
            plugins=[collected],
        )
    _running.pop()
    if code == pytest.ExitCode.INTERRUPTED and not collected.problem:
        raise KeyboardInterrupt
    if collected.problem or not collected.checks:
        raise RuntimeError(f"pytest could not run the tests: {collected.problem or code!r}")
    return tuple(collected.checks)


def running() -> type[ProviderConformance]:
    """Return the class that is being run: `_host` shows it to pytest."""
    return _running[-1]


class _Collected:
    """A plugin of pytest that keeps what became of each test."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.problem = ""
        self.raised: dict[str, str] = {}

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, Exception):  # a test of ours fails with what is no Exception
            self.raised[item.nodeid] = f"raised {place(error)}"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.problem = report.longreprtext

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        name, bracket, about = report.nodeid.rpartition("::")[2].partition("[")
        message = ""
        if report.skipped and isinstance(report.longrepr, tuple):
            message = report.longrepr[2].removeprefix("Skipped: ")
        elif report.failed:
            message = self.raised.get(report.nodeid) or report.longreprtext
        self.checks.append(Check(name, about[:-1] if bracket else None, report.outcome, message))


@contextmanager
def _by_itself() -> Iterator[None]:
    """Keep what is around out of a run of pytest, and the run out of what is around."""
    mine = {name: os.environ.pop(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS") if name in os.environ}
    current: Any = os.environ.get("PYTEST_CURRENT_TEST")
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        os.environ.update(mine)
        if current is not None:
            os.environ["PYTEST_CURRENT_TEST"] = current
        for name, module in list(sys.modules.items()):
            if getattr(module, "__file__", None) == str(_HOST):
                del sys.modules[name]
