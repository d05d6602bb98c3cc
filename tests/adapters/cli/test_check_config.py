"""`cambist check-config`: every error with its line, what is dangerous, and what is configured."""

from __future__ import annotations

import importlib.util
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist.errors import ConfigurationError
from cambist_cli._config import config_of
from cambist_cli._mending import read_all

SHOP = """\
[[sources]]
name = "shop"
provider = "mint"
secrets = [{ env = "MINT_SECRET" }]
"""
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def check(cambist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MINT_SECRET", "the-s3cret")

    def check(text: str, *arguments: str) -> Any:
        (tmp_path / "cambist.toml").write_text(text)
        result = cambist("check-config", *arguments)
        assert "the-s3cret" not in result.out + result.err
        assert "Traceback" not in result.err
        return result

    return check


BROKEN = """\
colours = 1
[server]
port = "x"
prot = 1
host = ""
[inbox]
keys = [ "a", 1,
  { env = "NOT_SET" } ]
attempts = 0
colour = 1
[plugins]
load = 7
[[sources]]
provider = "mint"
colour = 1
secrets = [{ env = "A" }, "x",
  { file = "B" }]
[[sources]]
name = "b"
path = "x"
quarantine = 1
[[sources]]
name = "a b"
provider = "mint"
[[sinks]]
url = "localhost"
[[sinks]]
name = "a"
url = "ledger://"
[[sinks]]
name = "a"
url = "gold://"
"""
ERRORS = """\
1: colours: is not known here; known are:
3: [server] port: is not a whole number
4: [server] prot: is not known here
5: [server] host: is not an address
6: [inbox] url: is missing
7: [inbox] keys[1]: is neither a text nor a table
8: [inbox] keys[2]: the environment variable NOT_SET is not set
9: [inbox] attempts: is not a whole number
10: [inbox] colour: is not known here
12: [plugins] load: is not a list
13: [[sources]] number 1 name: is missing
15: [[sources]] number 1 colour: is not known here
16: [[sources]] number 1 secrets[0]: the environment variable A is not set
17: [[sources]] number 1 secrets[2]: the file 'B' cannot be read
18: [[sources]] 'b' provider: is missing
20: [[sources]] 'b' path: must be like
21: [[sources]] 'b' quarantine: is neither
22: [[sources]] 'a b' a source's name is
26: [[sinks]] number 1 url: is not a URL
31: [[sinks]] 'a' (number 3) name: another sink
"""


def test_every_error_is_told_with_its_line(check: Any) -> None:
    result = check(BROKEN)
    lines, expected = result.out.splitlines(), ERRORS.splitlines()
    assert [line[: len(f"cambist.toml:{start}")] for line, start in zip(lines, expected, strict=True)] == [
        f"cambist.toml:{start}" for start in expected
    ]
    assert (result.code, result.err) == (1, f"cambist: cambist.toml: {len(expected)} errors\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[sources]]\nname = "x"\nprovider = "gold"\n', "3: [[sources]] 'x' provider: there is no such"),
        (SHOP + "secret = 1\ncolour = 2\n", "5: [[sources]] 'shop' secret: is not known here"),
        (SHOP + "secret = 1\ncolour = 2\n", "6: [[sources]] 'shop' colour: is not known here"),
        (SHOP.replace("{ ", '\n"", { '), "5: [[sources]] 'shop' secrets: entry 0 is empty"),
        ('[[sources]]\nname = "x"\nprovider = "mint"', "1: [[sources]] 'x' secrets: is missing"),
        (SHOP + "limit = 'x'", "5: [[sources]] 'shop' limit: "),
        (SHOP + SHOP, "6: [[sources]] 'shop' (number 2) name: two sources have this name"),
        (SHOP + "path = '/webhooks/shop'", "5: [[sources]] 'shop' path: "),
        (
            SHOP + "path = '/v1'\n" + SHOP.replace("shop", "bar") + "path = '/v1'",
            "10: [[sources]] 'bar' path: another source claims /v1 too",
        ),
        (SHOP + "quarantine = true", "5: [[sources]] 'shop' quarantine: needs an inbox"),
        (SHOP + "allow = ['10.0.0.1/8']", "5: [[sources]] 'shop' allow: an address or network is malformed"),
        *(
            (SHOP + f"allow = {allow}", "5: [[sources]] 'shop' allow: is not a list of addresses")
            for allow in ("'10.0.0.1'", "[]", "[1]", "['']", "{}")
        ),
        (SHOP + "[[sinks]]\nurl = 'nats://x'\ntopic = 'a b'", "7: [[sinks]] number 1 topic: is not like"),
        (SHOP + "[deliveries]\nurl = 'gold://x'", "6: [deliveries] url: "),
        (
            SHOP + "[[records]]\nurl = 'kafka://x'\nsource = 'shop'\ntopic = 'x'",
            "7: [[records]] number 1 source: asks for hmac-sha256",
        ),
        (
            SHOP + "[[records]]\nurl = 'kafka://x'\nsource = 'bar'",
            "7: [[records]] number 1 source: there is no",
        ),
        (SHOP + "[[sinks]]\nurl = 'gold://x:the-s3cret@y'", "6: [[sinks]] number 1 url: no plugin brings"),
        (SHOP + "[inbox]\nurl = 'mysql://x:the-s3cret@y'", "6: [inbox] url: is not like sqlite:///"),
        (SHOP + "[inbox]\nkeys = [\n'the-s3cret']\nurl = 'sqlite:///x.db'", "6: [inbox] "),
        (SHOP + "[plugins]\nload = ['gold']", "6: [plugins] load: plugins not installed: gold"),
        (SHOP + "[server]\ntrusted_proxies = ['::/0']", "6: [server] trusted_proxies: ::/0 is everybody"),
        ("[server]\nport = 1", "[[sources]]: at least one is needed"),
        ("sources = 1", "1: sources: write each as a table of its own, [[sources]]"),
        ("[[sources]]\nx = [", "is not valid TOML: "),
        ("[[sources]]\nx = 1 y", "2: is not valid TOML: "),
    ],
)
def test_an_error(check: Any, text: str, expected: str) -> None:
    result = check(text)
    assert result.code == 1
    where = "cambist.toml:" if expected[0].isdigit() else "cambist.toml: "
    found = [line for line in result.out.splitlines() if line.startswith(where + expected)]
    assert len(found) == 1, result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            SHOP.replace("MINT_SECRET", "NOT_SET") + SHOP,
            [
                "4: [[sources]] 'shop' (number 1) secrets[0]: the environment variable NOT_SET is not set",
                "6: [[sources]] 'shop' (number 2) name: two sources have this name",
            ],
        ),
        (
            SHOP.replace("shop", "bar") + "path = '/v1'\n" + SHOP + "path = '/v1'\n" + SHOP,
            [
                "10: [[sources]] 'shop' (number 2) path: another source claims /v1 too",
                "12: [[sources]] 'shop' (number 3) name: two sources have this name",
            ],
        ),
        (
            SHOP + "[[sinks]]\nname = 'a'\nurl = 7\n" + "[[sinks]]\nname = 'a'\nurl = 'ledger://x'",
            [
                "7: [[sinks]] 'a' (number 1) url: is not a text",
                "9: [[sinks]] 'a' (number 2) name: another sink is called 'a' too",
            ],
        ),
        (
            2 * "[[sources]]\nname = 'a b'\nprovider = 'mint'\nsecrets = ['x']\n",
            [
                f"{line}: [[sources]] 'a b' (number {number}) a source's name is up to 64 letters, digits, "
                "'.', '_' and '-'"
                for line, number in ((1, 1), (5, 2))
            ],
        ),
    ],
)
def test_of_two_with_one_name_each_has_its_own_errors(check: Any, text: str, expected: list[str]) -> None:
    assert check(text).out.splitlines() == [f"cambist.toml:{line}" for line in expected]


def test_a_secret_that_is_missing_hides_no_other_error(check: Any) -> None:
    broken = SHOP.replace("MINT_SECRET", "NOT_SET") + "secret = 1\n"
    assert [line.partition(": ")[0] for line in check(broken).out.splitlines()] == [
        "cambist.toml:4",
        "cambist.toml:5",
    ]


def test_what_stands_in_for_a_secret_is_not_told_of(check: Any) -> None:
    """A key that is not set is no malformed key."""
    broken = SHOP.replace('"mint"', '"mint-public"').replace("MINT_SECRET", "NOT_SET")
    (line,) = check(broken).out.splitlines()
    assert line.endswith("secrets[0]: the environment variable NOT_SET is not set")


@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        ("uvloop", "\nloop = 'uvloop'", "6: [server] loop: uvloop is not installed"),
        ("cambist_inbox", "\n[inbox]\nurl = 'sqlite:///x.db'", "6: [inbox]: is not installed: "),
        ("cambist_queue", "\n[deliveries]\nurl = 'nats://x'", "6: [deliveries] is not installed: "),
    ],
)
def test_what_is_not_installed(
    check: Any, monkeypatch: pytest.MonkeyPatch, module: str, text: str, expected: str
) -> None:
    if module == "uvloop":
        monkeypatch.setitem(sys.modules, module, None)
    found = importlib.util.find_spec
    for user in ("_inbox", "_wiring_queues"):
        monkeypatch.setattr(
            f"cambist_cli.{user}.find_spec", lambda name: None if name == module else found(name)
        )
    result = check(SHOP + "[server]" + text)
    assert result.code == 1
    assert [line for line in result.out.splitlines() if line.startswith(f"cambist.toml:{expected}")]


def test_a_file_that_is_not_there(cambist: Any) -> None:
    result = cambist("check-config", "--config", "nowhere.toml")
    assert result.code == 1
    assert result.out == "nowhere.toml: cannot be read (No such file or directory)\n"
    assert result.err == "cambist: nowhere.toml: 1 error\n"


FULL = (
    SHOP
    + """\
path = "/v1/coin"
quarantine = true
allow = ["203.0.113.0/24"]
[[sources]]
name = "bar"
provider = "mint-keys"
unit = "minor"
api_keys = [{ env = "MINT_SECRET", label = "new" }, { env = "MINT_SECRET", label = "old" }]
[[sinks]]
url = { env = "LEDGER_URL" }
[inbox]
url = "sqlite:///inbox.db"
keys = [{ env = "KEY", label = "k1" }]
"""
)
SHOWN = """\
cambist.toml is in order:
  listens on 127.0.0.1 port 8080
  source shop: mint, ip-allow-list+hmac-sha256 with 'MINT_SECRET'
    POST /webhooks/shop
    POST /v1/coin
  source bar: mint-keys, hmac-sha256 with 'new', 'old'
    POST /webhooks/bar
  inbox sqlite:///inbox.db, encrypted with 'k1'
  sink ledger: ledger://host
"""


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setenv("LEDGER_URL", "ledger://user:the-s3cret@host/the-s3cret")


def test_what_is_in_order_is_shown(check: Any, key: None, tmp_path: Path) -> None:
    result = check(FULL)
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith(SHOWN)
    assert KEY not in result.out
    assert [path.name for path in tmp_path.iterdir()] == ["cambist.toml"], "something was opened"


def test_as_json(check: Any, key: None) -> None:
    result = check(FULL, "--json")
    document = json.loads(result.out)
    assert result.code == 0
    assert document["errors"] == []
    assert document["configured"]["sources"][0]["paths"] == ["/webhooks/shop", "/v1/coin"]
    broken = check(FULL + "url = 1", "--json")
    assert broken.code == 1
    assert json.loads(broken.out)["configured"] is None
    assert json.loads(broken.out)["errors"][0]["text"].startswith("is not valid TOML")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            SHOP.replace('{ env = "MINT_SECRET" }', '\n"the-s3cret"'),
            "5: warning: [[sources]] 'shop' secrets[0]",
        ),
        (
            SHOP.replace("[{", "[{ env = 'MINT_SECRET', label = 'new' },\n{").replace(
                '" }', '", not_after = 2020-01-01T00:00:00Z }'
            ),
            "5: warning: [[sources]] 'shop' secrets[1]: 'MINT_SECRET' holds no longer",
        ),
        (
            SHOP.replace("}", ", not_before = 2999-01-01T00:00:00Z }"),
            "4: warning: [[sources]] 'shop' secrets: none holds now",
        ),
        (
            SHOP + "[[sources]]\nname = 'open'\nprovider = 'mint-open'",
            "5: warning: [[sources]] 'open' accepts unverified deliveries",
        ),
        (SHOP + "[[sinks]]\nurl = 'ledger://x'", "5: warning: [[sinks]]: there is no [inbox]"),
        (
            SHOP + "[server]\ntrust_traceparent = true",
            "6: warning: [server] trust_traceparent: does nothing without traces",
        ),
        (
            SHOP + "[server]\nforwarded_header = 'Forwarded'",
            "6: warning: [server] forwarded_header: does nothing without trusted_proxies",
        ),
        *(
            (
                SHOP + f"[server]\nadmin = '{host}:9090'",
                "6: warning: [server] admin: is not on this machine alone",
            )
            for host in ("0.0.0.0", "[::]", "10.0.0.1", "metrics.example.org")
        ),
        (
            SHOP + "[[sinks]]\nurl = 'ledger://x:the-s3cret@y'\n[inbox]\nurl = 'sqlite:///x.db'",
            "6: warning: [[sinks]] number 1 url: a password",
        ),
        (
            SHOP + f"[inbox]\nurl = 'sqlite:///x.db'\nkeys = ['{KEY}']",
            "7: warning: [inbox] keys[0]: the secret itself",
        ),
        (
            SHOP + "[inbox]\nurl = 'postgresql://x:the-s3cret@y/z'",
            "6: warning: [inbox] url: a password stands in the file",
        ),
    ],
)
def test_what_is_dangerous(check: Any, text: str, expected: str) -> None:
    result = check(text)
    assert (result.code, result.err) == (0, ""), result
    warnings = [line for line in result.out.splitlines() if ": warning: " in line]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"cambist.toml:{expected}")


@pytest.mark.parametrize(
    "server",
    [
        "forwarded_header = 'Forwarded'\ntrusted_proxies = ['10.0.0.0/8']",
        "trust_traceparent = true\ntraces = true",
        "trust_traceparent = false",
        "admin = '127.0.0.9:9090'",
        "admin = '[::1]:9090'",
        "admin = 'localhost:9090'",
    ],
)
def test_what_makes_sense_has_no_warning(check: Any, server: str) -> None:
    result = check(f"{SHOP}[server]\n{server}")
    assert result.code == 0
    assert "warning" not in result.out


def test_what_is_safe_has_no_warning(check: Any) -> None:
    assert "warning" not in check(SHOP).out
    assert "  events are printed\n" in check(SHOP).out


FRAGMENTS = st.sampled_from(
    [
        *(f"{block}\n" for block in BROKEN.split("\n[")[:1]),
        *(f"[{block}\n" for block in BROKEN.split("\n[")[1:]),
        SHOP,
        "[[server]]\n",
        "[sources]\n",
        "[[inbox]]\n",
        "[queue]\nx = 1\n",
        "[server.port]\nx = 1\n",
        "[[sinks]]\nurl = ['x']\nname = {}\n",
        "[[sources]]\nname = []\nprovider = {}\npath = [1]\nsecrets = [{ env = [] }]\n",
    ]
)


@given(st.lists(FRAGMENTS, max_size=6, unique=True))
def test_what_serve_refuses_is_told_and_what_is_told_is_refused(fragments: list[str]) -> None:
    try:
        document = tomllib.loads("".join(fragments))
    except tomllib.TOMLDecodeError:
        return
    before = repr(document)
    mended = read_all(lambda given: config_of(Path("x.toml"), given), document)
    assert repr(document) == before
    texts = [problem.text for problem in mended.problems]
    first = refusal(document)
    assert (first in texts) if first else not texts
    assert len({(problem.place, problem.text) for problem in mended.problems}) == len(texts)
    assert not any("stand-in" in text for text in texts)


def refusal(document: dict[str, Any]) -> str | None:
    try:
        config_of(Path("x.toml"), document)
    except ConfigurationError as error:
        return str(error)
    return None
