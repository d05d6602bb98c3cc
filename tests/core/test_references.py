"""References to secrets are resolved at the edge: its environment, and the files it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cambist import resolve_references
from cambist.errors import ConfigurationError

VALUE = "s3cret-4f9a"
ENVIRON = {"SHOP_SECRET": VALUE, "EMPTY": "", "OTHER": "0ther"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(f"{VALUE}\n")
    (tmp_path / "crlf").write_bytes(f"{VALUE}\r\n".encode())
    (tmp_path / "blank").write_text(f" {VALUE}\n\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    return tmp_path


def resolved(files: Path, **settings: Any) -> dict[str, Any]:
    return resolve_references(settings, ENVIRON, lambda name: (files / name).read_bytes().decode())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"env": "SHOP_SECRET"}, {"value": VALUE, "label": "SHOP_SECRET"}),
        ({"env": "SHOP_SECRET", "label": "new"}, {"value": VALUE, "label": "new"}),
        ({"env": "OTHER", "not_after": "x"}, {"value": "0ther", "label": "OTHER", "not_after": "x"}),
        ({"env": "EMPTY"}, {"value": "", "label": "EMPTY"}),
        ({"file": "secret"}, {"value": VALUE, "label": "secret"}),
        ({"file": "./crlf"}, {"value": VALUE, "label": "crlf"}),
        ({"file": "blank", "label": "b"}, {"value": f" {VALUE}\n", "label": "b"}),
        ({"value": VALUE}, {"value": VALUE}),
        (VALUE, VALUE),
        ("$SHOP_SECRET", "$SHOP_SECRET"),
        (5, 5),
    ],
    ids=str,
)
def test_a_reference_becomes_the_secret_it_names(given: object, expected: object, files: Path) -> None:
    assert resolved(files, secrets=[given, "x"]) == {"secrets": [expected, "x"]}
    assert resolved(files, key=given) == {"key": expected}


def test_what_is_no_reference_stays_as_it_is(files: Path) -> None:
    settings = {"secrets": ("a",), "unit": "minor", "n": 1, "table": {"a": {"b": 1}}}
    assert resolved(files, **settings) == {**settings, "secrets": ["a"]}


@pytest.mark.parametrize(
    ("reference", "named"),
    [
        ({"env": "MISSING"}, ("secrets[1]", "environment variable MISSING is not set")),
        ({"env": ["SHOP_SECRET"]}, ("secrets[1]", "environment variable")),
        ({"env": None}, ("secrets[1]", "environment variable")),
        ({"file": "missing"}, ("secrets[1]", "missing", "FileNotFoundError")),
        ({"file": "."}, ("secrets[1]", "cannot be read")),
        ({"file": "binary"}, ("secrets[1]", "UnicodeDecodeError")),
        ({"file": "a\x00b"}, ("secrets[1]", "cannot be read")),
        ({"file": 5}, ("secrets[1]", "cannot be read")),
        ({"env": "SHOP_SECRET", "file": "secret"}, ("secrets[1]", "one of value, env and file")),
        ({"env": "SHOP_SECRET", "value": VALUE}, ("secrets[1]", "one of value, env and file")),
    ],
    ids=str,
)
def test_a_reference_that_leads_nowhere_is_named(
    reference: object, named: tuple[str, ...], files: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolved(files, secrets=[VALUE, reference])
    assert all(part in str(caught.value) for part in named)
    assert VALUE not in str(caught.value)
    assert caught.value.__context__ is None
