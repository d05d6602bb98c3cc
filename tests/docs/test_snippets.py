"""Every Python block of every page runs, in order, and prints what the page says it prints."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cambist_cli._config import load_config

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_fence = re.compile(r"^```(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    line: int
    code: str
    follows: bool
    """Whether it comes right after the block before it."""


def blocks(page: Path) -> Iterator[Block]:
    text, end = page.read_text(), 0
    for found in _fence.finditer(text):
        yield Block(
            language=found[1],
            line=text.count("\n", 0, found.start(2)),
            code=found[2],
            follows=end > 0 and not text[end : found.start()].strip(),
        )
        end = found.end()


def pages(language: str) -> list[Any]:
    found = [*sorted(DOCS.rglob("*.md")), *ROOT.glob("*/README.md"), *ROOT.glob("*/*/README.md")]
    return [
        pytest.param(page, id=page.relative_to(ROOT).as_posix())
        for page in found
        if any(block.language == language for block in blocks(page))
    ]


@pytest.mark.parametrize("page", pages("python"))
def test_python(page: Path) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    try:
        for block in blocks(page):
            if block.language == "text" and block.follows:
                assert printed == block.code, f"{page}:{block.line}"
            printed = ""
            if block.language == "python":
                # With the lines above it, so that an error names the page's own line.
                code = compile("\n" * block.line + block.code, str(page), "exec")
                with contextlib.redirect_stdout(io.StringIO()) as output:
                    exec(code, names)
                printed = output.getvalue()
    finally:
        for value in names.values():
            if isinstance(value, sqlite3.Connection):
                value.close()


@pytest.mark.parametrize("page", pages("toml"))
def test_configurations(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each configuration that a page shows is one that `cambist serve` takes."""
    monkeypatch.setenv("COINSPAID_SECRET", "s3cret")
    monkeypatch.setenv("STELLAR_API_KEY", "s3cret")
    monkeypatch.setenv("COINSPAID_SECRET_OLD", "old")
    monkeypatch.setenv("ANYSPEND_SECRET", "whsec_s3cret")
    monkeypatch.setenv("ANYSPEND_ORDER_KEY", "k3y")
    monkeypatch.setenv("ALCHEMYPAY_PATH_SECRET", "s3cret")
    (tmp_path / "old-secret").write_text("old\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/coinspaid").write_text("s3cret\n")
    for block in blocks(page):
        if block.language == "toml" and "[[sources]]" in block.code:
            (tmp_path / "cambist.toml").write_text(block.code)
            config = load_config(tmp_path / "cambist.toml")
            _, pipeline = config.wire()
            assert len(pipeline.routes) == block.code.count("[[sources]]")


def test_commands(tmp_path: Path) -> None:
    """Each command that the page of the command line shows does what it should."""
    (tmp_path / "deposit.json").write_bytes((DOCS / "tutorial/deposit.json").read_bytes())
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COINSPAID_SECRET": "s3cret",
    }
    commands = [block.code for block in blocks(DOCS / "reference/cli.md") if block.language == "sh"]
    commands.sort(key=lambda command: "> headers.txt" not in command)  # others read that file
    for command in commands:
        subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=tmp_path, env=environ, check=True)
