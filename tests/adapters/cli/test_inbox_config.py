"""``[inbox]`` and the names of sinks: what a file says, and what is wrong with it."""

from __future__ import annotations

import base64
import importlib.util
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cambist.errors import ConfigurationError
from cambist_cli._config import Config, load_config, load_stored
from cambist_cli._inbox_table import Inbox

SHOP = '[[sources]]\nname = "shop"\nprovider = "mint"\nsecrets = ["s3cret"]\n'
KEY = base64.b64encode(bytes(32)).decode()
PASSWORD = "pa55word"


@pytest.fixture
def load(tmp_path: Path):
    def load(text: str) -> Config:
        (tmp_path / "cambist.toml").write_text(SHOP + text)
        return load_config(tmp_path / "cambist.toml")

    return load


def table(load: Any, text: str) -> Inbox:
    inbox = load("[inbox]\n" + text).inbox
    assert isinstance(inbox, Inbox)
    return inbox


def test_the_least(load) -> None:
    inbox = table(load, 'url = "sqlite:////var/lib/cambist.db"')
    assert inbox == Inbox("sqlite:////var/lib/cambist.db", (), 90, 30, 10_000, 32)
    assert (inbox.bodies, inbox.rejections) == (timedelta(days=90), timedelta(days=30))
    assert load("").inbox is None


def test_the_defaults_are_the_inbox_s() -> None:
    theirs = pytest.importorskip("cambist_inbox")
    inbox = Inbox("sqlite:///x")
    assert inbox.bodies == theirs.KEEP_BODIES
    assert inbox.rejections == theirs.KEEP_REJECTIONS
    assert inbox.max_rejections == theirs.MAX_REJECTIONS
    assert inbox.attempts == theirs.ATTEMPTS


def test_everything(load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE", f"postgresql://cambist:{PASSWORD}@db/cambist")
    monkeypatch.setenv("KEY", KEY)
    (tmp_path / "old").write_text(KEY + "\n")
    inbox = table(
        load,
        """
        url = { env = "DATABASE" }
        keys = [{ env = "KEY", label = "2026" }, { file = "old" }, "third"]
        keep_bodies_days = "forever"
        keep_rejections_days = 1
        max_rejections = 5
        attempts = 1
        """,
    )
    assert inbox.url == f"postgresql://cambist:{PASSWORD}@db/cambist"
    assert [(key.label, key.reveal()) for key in inbox.keys] == [("2026", KEY), ("old", KEY), ("3", "third")]
    assert (inbox.bodies, inbox.rejections) == (None, timedelta(days=1))
    assert PASSWORD not in repr(inbox)
    assert KEY not in repr(inbox)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///cambist.db", "sqlite:///{folder}/cambist.db"),
        ("sqlite:///data/cambist.db", "sqlite:///{folder}/data/cambist.db"),
        ("sqlite:////data/cambist.db", "sqlite:////data/cambist.db"),
        ("postgresql://db/cambist", "postgresql://db/cambist"),
    ],
)
def test_a_relative_file_is_beside_the_configuration(load, tmp_path: Path, url: str, expected: str) -> None:
    assert table(load, f'url = "{url}"').url == expected.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('inbox = "sqlite:///x"', "inbox: write it as a table, [inbox]"),
        ("[inbox]", "[inbox] url: is missing"),
        ("[inbox]\nurl = 1", "[inbox] url: is neither a URL like sqlite:///cambist.db nor a reference"),
        ("[inbox]\nurl = ''", "[inbox] url: is neither"),
        ("[inbox]\nurl = { env = 'NOT_SET' }", "[inbox] url: the environment variable NOT_SET is not set"),
        ("[inbox]\nurl = 'x'\npath = 1", "[inbox] path: is not known here; known are: url, keys, "),
        ("[inbox]\nurl = 'x'\nkeys = 'k'", "[inbox] keys: is not a list of secrets"),
        ("[inbox]\nurl = 'x'\nkeys = [1]", "[inbox] keys[0]: is neither a text nor a table"),
        ("[inbox]\nurl = 'x'\nkeys = ['']", "[inbox] keys[0]: is neither a text nor a table"),
        ("[inbox]\nurl = 'x'\nkeys = [{ env = 'NOT_SET' }]", "[inbox] keys[0]: the environment variable"),
        (
            "[inbox]\nurl = 'x'\nkeys = [{ value = 'k', not_after = 2026-01-01T00:00:00Z }]",
            "[inbox] keys[0]: knows value, label, env and file, no not_after",
        ),
        ("[inbox]\nurl = 'x'\nkeep_bodies_days = 0", "[inbox] keep_bodies_days: is neither a number of days"),
        ("[inbox]\nurl = 'x'\nkeep_bodies_days = true", "[inbox] keep_bodies_days: is neither"),
        ("[inbox]\nurl = 'x'\nkeep_rejections_days = 'x'", "[inbox] keep_rejections_days: is neither"),
        ("[inbox]\nurl = 'x'\nmax_rejections = 0", "[inbox] max_rejections: is not a whole number"),
        ("[inbox]\nurl = 'x'\nattempts = 0", "[inbox] attempts: is not a whole number"),
        ("[[sinks]]\nurl = 'nats://a'\nname = 'a b'", "[[sinks]] 'a b' name: is up to 64 letters"),
        (
            "[[sinks]]\nurl = 'a://x'\nname = 'b'\n[[sinks]]\nurl = 'b://x'",
            "[[sinks]] number 2 name: another sink is called 'b' too",
        ),
    ],
)
def test_what_is_wrong_is_named(load, tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "cambist.toml").write_text(text + "\n" + SHOP)
    with pytest.raises(ConfigurationError) as caught:
        load_config(tmp_path / "cambist.toml")
    assert str(caught.value).removeprefix(f"{tmp_path}/cambist.toml: ").startswith(expected)


def test_sinks_have_names(load) -> None:
    urls = ["nats://a", "http://b", "nats://c", "nats://d"]
    sinks = "".join(f"[[sinks]]\nurl = '{url}'\n" for url in urls) + "name = 'last'\n"
    assert [sink.name for sink in load(sinks).sinks] == ["nats", "http", "nats-2", "last"]


def test_what_is_stored_needs_no_secret_of_a_source(tmp_path: Path) -> None:
    path = tmp_path / "cambist.toml"
    path.write_text(
        "[inbox]\nurl = 'sqlite:////x'\n[[sources]]\nname = 'shop'\nprovider = 'mint'\n"
        "secrets = [{ env = 'NOT_SET' }]\n[[sinks]]\nurl = 'nats://a'\n"
    )
    stored = load_stored(path)
    assert (stored.inbox.url, stored.sinks) == ("sqlite:////x", ("nats",))
    path.write_text(SHOP)
    with pytest.raises(ConfigurationError, match=r"\[inbox\]: is missing: nothing is stored without it"):
        load_stored(path)


def test_without_the_inbox_installed(cambist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "cambist_cli._inbox.find_spec", lambda name: None if name == "cambist_inbox" else found(name)
    )
    (tmp_path / "cambist.toml").write_text("[server]\nport = 0\n[inbox]\nurl = 'sqlite:///x.db'\n" + SHOP)
    for command in (["serve"], ["events"], ["backup", "x"], ["restore", "x"]):
        error = cambist(*command).failed()
        assert error == "cambist.toml: [inbox]: is not installed: install cambist-cli[inbox]"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"mysql://root:{PASSWORD}@localhost/x", "url: is not like sqlite:///cambist.db"),
        (f"{PASSWORD}", "url: is not like sqlite:///cambist.db"),
        ("sqlite://", "url: an inbox needs a file"),
        ("sqlite:///no/such/folder/x.db", ""),
        (f"postgresql://cambist:{PASSWORD}@127.0.0.1:1/x", ""),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(
    cambist: Any, tmp_path: Path, url: str, expected: str
) -> None:
    pytest.importorskip("cambist_inbox")
    (tmp_path / "cambist.toml").write_text(f"[server]\nport = 0\n[inbox]\nurl = '{url}'\n" + SHOP)
    for command in (["serve"], ["events"]):
        error = cambist(*command).failed()
        assert error.startswith(f"cambist.toml: [inbox] {expected}")
        assert PASSWORD not in error


@pytest.mark.parametrize("keys", [["c2hvcnQ="], ["not base64"]])
def test_a_key_that_is_none(cambist: Any, tmp_path: Path, keys: list[str]) -> None:
    pytest.importorskip("cambist_inbox")
    text = f"[server]\nport = 0\n[inbox]\nurl = 'sqlite:///x.db'\nkeys = {keys}\n"
    (tmp_path / "cambist.toml").write_text(text + SHOP)
    error = cambist("serve").failed()
    assert error.startswith("cambist.toml: [inbox] keys: '1' is not 32 bytes in base64")
    assert keys[0] not in error
