"""A copy of an inbox in SQLite, made while it is served; and the way back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import mkstemp

from cambist.errors import ConfigurationError
from cambist_inbox._archive import known_revisions
from cambist_inbox._database import database_url
from cambist_inbox._schema import metadata
from cambist_inbox.migrations import VERSION_TABLE

_STEP = 1000  # pages
Progress = Callable[[int, int], object]


def backup(url: str, target: Path, *, progress: Progress | None = None) -> None:
    """Write a consistent copy of an inbox into one file of its own, which only its owner can read.

    It may be served meanwhile: nobody waits for it.

    Args:
        url: As of the `Inbox`.
        target: Where to; not there yet.
        progress: Is told how many pages of how many are done.

    Raises:
        ConfigurationError: It is not SQLite, there is no inbox, or the target is there already.
        OSError: The target cannot be written.
        sqlite3.Error: The database is at fault.
    """
    source = _file(url)
    if not source.is_file():
        raise ConfigurationError("url: there is no inbox yet; `cambist serve` makes it")
    if target.exists():
        raise ConfigurationError(f"{target} is there already: name a file that is not")
    with _written(target) as temporary:
        with closing(_connect(source, "ro")) as origin, closing(sqlite3.connect(temporary)) as copy:
            # A transaction that stays open holds this state: else each commit would make the copy begin anew.
            origin.execute("BEGIN")
            origin.execute("SELECT count(*) FROM sqlite_master").fetchone()
            origin.backup(
                copy,
                pages=_STEP,
                progress=lambda _status, left, total: progress(total - left, total) if progress else None,
                sleep=0.001,
            )
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with no log beside it
        check(temporary)
        _put(temporary, target)


def restore(url: str, backup_file: Path, *, force: bool = False) -> None:
    """Put a copy in the place of an inbox.

    Args:
        url: As of the `Inbox`.
        backup_file: What `backup` has written.
        force: Replace an inbox that is there.

    Raises:
        ConfigurationError: It is no copy of an inbox, or damaged, or of a newer release; or an inbox is
            there, or in use.
        OSError: A file cannot be read or written.
        sqlite3.Error: The database is at fault.
    """
    target = _file(url)
    check(backup_file)
    replaces = target.exists()
    for rest in (f"{target}-wal", f"{target}-journal"):
        # SQLite would take it for what was written last to the database that is put here.
        if not replaces and Path(rest).exists():
            raise ConfigurationError(f"{rest} is left of another database: move it away")
    if replaces:
        if not force:
            raise ConfigurationError(f"{target} is there already: move it away, or use --force to replace it")
        _close_down(target)
    with _written(target) as temporary:
        with closing(_connect(backup_file, "ro")) as origin, closing(sqlite3.connect(temporary)) as copy:
            origin.backup(copy)
        check(temporary)
        # The copy took its time: what a server that was started meanwhile has acknowledged must not go.
        if replaces:
            _close_down(target)
            temporary.replace(target)
        else:
            _put(temporary, target)


def check(path: Path) -> None:
    """Look whether a file is an inbox as a whole, of this release or of one before.

    Raises:
        ConfigurationError: It is not.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path}: there is no such file")
    try:
        with closing(_connect(path, "ro")) as connection:
            tables = {
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            }
            if VERSION_TABLE not in tables or not tables & metadata.tables.keys():
                raise ConfigurationError(f"{path}: is no inbox")
            query = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608  # a name of ours
            revisions = {name for (name,) in connection.execute(query)}
            if not revisions or not revisions <= known_revisions():
                raise ConfigurationError(f"{path}: is of a newer release than this one")
            problems = connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)
            problems = problems or connection.execute("PRAGMA foreign_key_check").fetchone() is not None
    except sqlite3.DatabaseError as error:
        problem = f"is no inbox, or damaged ({type(error).__name__})"
    else:
        problem = "is damaged" if problems else ""
    if problem:
        raise ConfigurationError(f"{path}: {problem}")


def _put(temporary: Path, target: Path) -> None:
    """Give a file its name, which nothing has yet."""
    if not target.exists():
        try:
            os.link(temporary, target)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            temporary.rename(target)
            return
        else:
            return
    raise ConfigurationError(f"{target} is there already: name a file that is not")


def _file(url: str) -> Path:
    parsed = database_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise ConfigurationError("url: this is for SQLite; of PostgreSQL, pg_dump makes a backup")
    return Path(parsed.database or "")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None)


def _close_down(target: Path) -> None:
    """Leave a database without a log beside it, which only the last of its users can do.

    Raises:
        ConfigurationError: Somebody else has it open.
    """
    try:
        with closing(_connect(target, "rw")) as connection:
            if connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",):
                return
    except sqlite3.OperationalError:
        pass
    except sqlite3.DatabaseError:  # no database at all: it is to be replaced anyway
        return
    raise ConfigurationError(f"{target} is in use: end `cambist serve` first")


@contextmanager
def _written(target: Path) -> Iterator[Path]:
    """Give a file beside the target that only its owner can read; it is gone in the end, and on the disk."""
    number, name = mkstemp(prefix=".cambist-", dir=target.parent)
    os.close(number)
    temporary = Path(name)
    try:
        yield temporary
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)
