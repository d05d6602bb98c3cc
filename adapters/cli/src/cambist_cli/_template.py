"""A provider's package, written out of the templates: all of it or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import click


def write_package(folder: Path, facts: Mapping[str, str]) -> None:
    """Write a package, with cases that it has recorded itself.

    Args:
        folder: Where to: not there yet, or empty.
        facts: What the templates are filled in with.

    Raises:
        ClickException: The folder is neither, or cannot be written, or the cases cannot be recorded. Nothing
            is left behind.
    """
    try:
        with _all_or_nothing(folder) as written:
            for path, text in _rendered(facts).items():
                (written / path).parent.mkdir(parents=True, exist_ok=True)
                (written / path).write_text(text, encoding="utf-8")
            _record_cases(written, facts)
    except OSError as error:
        raise click.ClickException(f"{folder}: cannot be written ({error.strerror})") from None


def _rendered(facts: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each file of the package, by its path."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("cambist_cli", "templates/provider"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # Python, TOML and Markdown, filled in with words that were checked
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return {
        template.removesuffix(".jinja").replace("PACKAGE", facts["package"]): (
            environment.get_template(template).render(facts)
        )
        for template in environment.list_templates(extensions=["jinja"])
    }


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[Path]:
    """Give a folder to write to, whose content is in ``folder`` when the block has ended well.

    Raises:
        ClickException: The folder is there and not empty, or is none.
    """
    there = folder.exists()
    if there and (not folder.is_dir() or any(folder.iterdir())):
        raise click.ClickException(
            f"{folder} is there and not an empty folder: name another with --directory"
        )
    # On the same file system, so that a rename does it; and in the folder itself where that is there: it may
    # be the one that a shell is in.
    with TemporaryDirectory(prefix=".cambist-", dir=folder if there else folder.parent) as temporary:
        written = Path(temporary) / "package"
        written.mkdir()
        yield written
        if not there:
            written.rename(folder)
            return
        moved: list[Path] = []
        try:
            for path in sorted(written.iterdir()):
                moved.append(path.rename(folder / path.name))
        except BaseException:
            for path in moved:
                rmtree(path) if path.is_dir() else path.unlink()
            raise


def _record_cases(written: Path, facts: Mapping[str, str]) -> None:
    """Let the package record its own cases, as its author will; for this it is as good as installed.

    Raises:
        ClickException: It cannot.
    """
    with TemporaryDirectory() as site:
        information = Path(site) / f"{facts['package']}-0.1.0.dist-info"
        information.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {facts['distribution']}\nVersion: 0.1.0\n"
        (information / "METADATA").write_text(metadata)
        (information / "entry_points.txt").write_text(f"[cambist]\n{facts['name']} = {facts['package']}\n")
        paths = [str(written.resolve() / "src"), site, *filter(None, [os.environ.get("PYTHONPATH")])]
        done = subprocess.run(
            [sys.executable, "-B", "tests/record.py"],
            cwd=written,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise click.ClickException(f"its cases cannot be recorded: {reason}")
