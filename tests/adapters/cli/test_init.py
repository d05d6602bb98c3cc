"""`cambist init`: what it writes is in order, whatever provider is installed, and it asks for no secret."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import pytest

from cambist import Registry, Secrets
from cambist_cli._init_text import _value

DOCS = Path(__file__).parents[3] / "docs"
SECRET = "0f" * 32  # a text for any scheme, and a public key in hex for those that want one


def examples() -> dict[str, dict[str, Any]]:
    """Return a source of each provider, as its page shows it."""
    found: dict[str, dict[str, Any]] = {}
    for page in (DOCS / "providers").glob("*.md"):
        for block in re.findall(r"^```toml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
            for source in tomllib.loads(block).get("sources", ()):
                found.setdefault(source["provider"], source)
    return found


def accounts() -> Iterator[Any]:
    """Return what there is to say of an account at each installed provider, for each word of its settings."""
    pages = examples()
    for name, registered in Registry.load().providers.items():
        settings = registered.provider.settings
        hints = get_type_hints(settings)
        required = [field.name for field in attrs.fields(settings) if field.default is attrs.NOTHING]
        words = [key for key in required if get_origin(hints[key]) is Literal]
        texts = {key: pages[name][key] for key in required if hints[key] is str}
        for key in words:
            for word in get_args(hints[key]):
                yield pytest.param(name, texts | {key: word}, id=f"{name}-{word}")
        if not words:
            yield pytest.param(name, texts, id=name)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ITS_SECRET", SECRET)


# What a setting may need besides, by its name: an address is a fine text, too.
MORE = "203.0.113.7"


@pytest.mark.parametrize(("provider", "settings"), list(accounts()))
def test_what_is_written_is_in_order(
    cambist: Any, secret: None, provider: str, settings: dict[str, Any]
) -> None:
    """What is missing is told, by name: with that it is written, and passes. Where a secret is, it knows."""
    hints = get_type_hints(Registry.load().providers[provider].provider.settings)

    def init() -> Any:
        given = [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
        return cambist("init", f"--provider={provider}", "--name=its", *given, "--no-input")

    result = init()
    while missing := re.search(r"--set (\w+)=VALUE is needed", result.err):
        assert missing[1] not in settings
        settings = settings | {missing[1]: [MORE] if get_origin(hints[missing[1]]) is tuple else MORE}
        result = init()
    assert (result.code, result.err) == (0, "")
    checked = cambist("check-config")
    assert (checked.code, checked.err) == (0, "")
    assert f": {provider}, " in checked.out
    written = tomllib.loads(Path("cambist.toml").read_text())
    assert SECRET not in str(written)
    for key, hint in hints.items():
        if hint == Secrets and key in written["sources"][0]:
            assert written["sources"][0][key] == [{"env": "ITS_SECRET"}]


def test_the_providers_that_are_tried_are_those_that_are_installed() -> None:
    tried = {parameter.values[0] for parameter in accounts()}
    assert tried == set(Registry.load().providers)
    assert len(tried) >= len(entry_points(group="cambist")) - 1  # one of them brings sinks


def test_all_that_can_be_said_without_a_question(cambist: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE", "sqlite:///elsewhere.db")
    Path("secret.txt").write_text(SECRET)
    result = cambist(
        "init",
        "--provider=mint",
        "--name=shop",
        "--secret-file=secret.txt",
        "--set=limit=3",
        '--set=account="a\\"b\\u007f"',
        "--inbox-env=DATABASE",
        "--host=::1",
        "--port=0",
        "--no-input",
        "--config=our own.toml",
    )
    assert (result.code, result.err) == (0, "")
    assert tomllib.loads(Path("our own.toml").read_text()) == {
        "server": {"host": "::1", "port": 0},
        "inbox": {"url": {"env": "DATABASE"}},
        "sources": [
            {
                "name": "shop",
                "provider": "mint",
                "limit": 3,
                "account": 'a"b\x7f',
                "secrets": [{"file": "secret.txt"}],
            }
        ],
    }
    assert "cambist check-config --config 'our own.toml'" in result.out
    assert cambist("check-config", "--config", "our own.toml").code == 0


def test_a_file_that_is_there_is_left_alone(cambist: Any, secret: None) -> None:
    Path("cambist.toml").write_text("mine")
    arguments = ("init", "--provider=mint", "--secret-env=ITS_SECRET", "--no-input")
    refused = cambist(*arguments)
    assert refused.failed().startswith("cambist.toml: is there already")
    assert Path("cambist.toml").read_text() == "mine"
    assert cambist(*arguments, "--force").code == 0
    assert cambist("check-config").code == 0


def test_a_link_to_nowhere_is_not_followed(cambist: Any, secret: None) -> None:
    Path("cambist.toml").symlink_to("elsewhere.toml")
    result = cambist("init", "--provider=mint", "--secret-env=ITS_SECRET", "--no-input")
    assert "cannot be written (File exists)" in result.failed()
    assert not Path("elsewhere.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ((), 2, "With --no-input, --provider is needed"),
        (("--provider=gold",), 1, "--provider: 'gold' is not installed (there are: "),
        (("--provider=mint", "--name=a b"), 1, "a source's name is up to 64"),
        (("--provider=mint-keys",), 2, "With --no-input, --set unit=minor|major is needed"),
        (("--provider=mint", "--set=limit=x"), 1, "limit: "),
        (("--provider=mint", "--set=colour=1"), 1, "colour: is not known here"),
        (("--provider=mint", "--secret-env=A", "--secret-file=B"), 2, "not both"),
        (("--provider=mint", "--inbox=sqlite:///x", "--inbox-env=B"), 2, "not both"),
        (("--provider=mint", "--inbox=postgresql://u:the-s3cret@h/d"), 1, "--inbox: holds a password"),
        (("--provider=mint", "--config=no/where.toml"), 1, "cannot be written (No such file"),
    ],
)
def test_what_cannot_be_written(
    cambist: Any, arguments: tuple[str, ...], code: int, expected: str, tmp_path: Path
) -> None:
    assert expected in cambist("init", *arguments, "--no-input").failed(code)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "value",
    [
        "",
        'a"b',
        "a\\b",
        "a\nb\x00\x1f\x7f",
        "ünï😀",
        0,
        -7,
        True,
        Decimal("1.50"),
        [],
        ["a", [1]],
        {"a b": {"c": 1}},
    ],
)
def test_values_are_written_as_they_are(value: Any) -> None:
    read = tomllib.loads(f"value = {_value(value)}", parse_float=Decimal)["value"]
    assert read == value
    assert type(read) is type(value)


DIALOGUE = (
    ("Who sends webhooks?", "gold"),
    ("Who sends webhooks?", "mint-keys"),
    ("What is the source called, in its URL? [mint-keys]", "a b"),
    ("What is the source called, in its URL? [mint-keys]", "coins"),
    ("for a file [COINS_SECRET]", "ITS_SECRET"),
    ("unit? (minor, major)", "minor"),
    ("Another source? [y/N]", "y"),
    ("Who sends webhooks?", "mint-sometimes"),
    ("What is the source called, in its URL? [mint-sometimes]", "coins"),
    ("What is the source called, in its URL? [mint-sometimes]", ""),
    ("for a file [MINT_SOMETIMES_SECRET]", "keys/its-secret"),
    ("Another source? [y/N]", ""),
    ("Where to store events? A URL, or 'none' [sqlite:///cambist.db]", "none"),
    ("Which address to listen on? [127.0.0.1]", ""),
    ("Which port? [8080]", "70000"),
    ("Which port? [8080]", "8081"),
)


def read_until(descriptor: int, question: str, shown: str) -> str:
    """Return all that was shown since, once the question is asked."""
    while not re.search(f"{re.escape(question)}.*: $", shown):
        shown += os.read(descriptor, 65536).decode()
    return ""


def test_a_person_is_asked(environ: dict[str, str], tmp_path: Path) -> None:
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 1000, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "cambist_cli", "init"],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**environ, "TERM": "dumb", "LC_ALL": "C.UTF-8"},
        cwd=tmp_path,
    )
    os.close(inner)
    shown = ""
    for question, answer in DIALOGUE:
        shown = read_until(outer, question, shown)
        os.write(outer, f"{answer}\n".encode())
    try:
        while os.read(outer, 65536):
            pass
    except OSError:  # Linux says so when the other side is closed
        pass
    os.close(outer)
    assert process.wait(timeout=30) == 0
    assert tomllib.loads((tmp_path / "cambist.toml").read_text()) == {
        "server": {"host": "127.0.0.1", "port": 8081},
        "sources": [
            {
                "name": "coins",
                "provider": "mint-keys",
                "api_keys": [{"env": "ITS_SECRET"}],
                "unit": "minor",
            },
            {
                "name": "mint-sometimes",
                "provider": "mint-sometimes",
                "secrets": [{"file": "keys/its-secret"}],
            },
        ],
    }
