"""`load_config`: what a file says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cambist import Source
from cambist.errors import ConfigurationError
from cambist_aiohttp import DEFAULT_MAX_BODY
from cambist_cli._config import Config, Plugins, Server, SinkSettings, load_config

SHOP = '[[sources]]\nname = "shop"\nprovider = "mint"\nsecrets = ["s3cret"]\n'


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def load(text: str | bytes, name: str = "cambist.toml") -> Config:
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(path)

    return load


def test_the_least(load) -> None:
    assert load(SHOP) == Config(
        path=Path("cambist.toml"),
        sources=(Source("shop", "mint", {"secrets": ["s3cret"]}),),
        server=Server(host="127.0.0.1", port=8080, prefix="/webhooks", max_body=DEFAULT_MAX_BODY),
        sinks=(),
        plugins=Plugins(load=None),
    )


def test_everything(load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINT_SECRET", "from the environment")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "secret").write_text("from a file beside\n")
    (tmp_path / "elsewhere").write_text("from a file elsewhere")
    config = load(
        f"""
        [server]
        host = "::1"
        port = 0
        prefix = "/hooks/in"
        max_body = 1000

        [plugins]
        load = ["mint"]

        [[sources]]
        name = "shop"
        provider = "mint"
        path = "/v1/callback"
        account = "12-3"
        secrets = [
            {{ env = "MINT_SECRET" }},
            {{ file = "secret", label = "beside" }},
            {{ file = "{tmp_path}/elsewhere" }},
            "the value itself",
        ]

        [[sources]]
        name = "bar"
        provider = "mint-open"

        [[sinks]]
        url = "nats://user:password@127.0.0.1:4222"
        stream = "events"
        """,
        "etc/cambist.toml",
    )
    assert config.server == Server("::1", 0, "/hooks/in", 1000)
    assert config.plugins == Plugins(("mint",))
    assert config.sinks == (
        SinkSettings("nats://user:password@127.0.0.1:4222", {"stream": "events"}, "nats"),
    )
    shop, bar = config.sources
    assert (shop.name, shop.provider, shop.path) == ("shop", "mint", "/v1/callback")
    assert shop.settings == {
        "account": "12-3",
        "secrets": [
            {"label": "MINT_SECRET", "value": "from the environment"},
            {"label": "beside", "value": "from a file beside"},
            {"label": "elsewhere", "value": "from a file elsewhere"},
            "the value itself",
        ],
    }
    assert (bar.settings, bar.path) == ({}, None)
    assert "password" not in repr(config)
    assert "value itself" not in repr(config)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "[[sources]]: at least one is needed"),
        ("sources = []", "[[sources]]: at least one is needed"),
        ("[server", "is not valid TOML: "),
        (b"name = '\xff'", "is not valid TOML: it is not in UTF-8"),
        ("a = " + "[" * 100_000, "is not valid TOML: "),
        (
            "port = 1\n" + SHOP,
            "port: is not known here; known are: [server], ",
        ),
        ("[colours]\n" + SHOP, "colours: is not known here"),
        ("[inbox]\n" + SHOP, "[inbox] url: is missing"),
        (
            "[server]\nprot = 1\n" + SHOP,
            "[server] prot: is not known here; known are: host, port, prefix, max_body",
        ),
        ("server = 8080\n" + SHOP, "server: write it as a table, [server]"),
        ("[[server]]\n" + SHOP, "server: write it as a table, [server]"),
        ("[server]\nport = '80'\n" + SHOP, "[server] port: is not a whole number from 0 to 65535"),
        ("[server]\nport = 65536\n" + SHOP, "[server] port: is not a whole number from 0 to 65535"),
        ("[server]\nport = true\n" + SHOP, "[server] port: is not a whole number from 0 to 65535"),
        ("[server]\nhost = ''\n" + SHOP, "[server] host: is not an address or a host's name"),
        ("[server]\nprefix = 'hooks'\n" + SHOP, "[server] prefix: is not a path like /webhooks"),
        ("[server]\nprefix = '/hooks/'\n" + SHOP, "[server] prefix: is not a path like /webhooks"),
        ("[server]\nprefix = '/{hooks}'\n" + SHOP, "[server] prefix: is not a path like /webhooks"),
        ("[server]\nmax_body = 0\n" + SHOP, "[server] max_body: is not a number of bytes"),
        ("[plugins]\nonly = []\n" + SHOP, "[plugins] only: is not known here; known are: load"),
        ("[plugins]\nload = 'mint'\n" + SHOP, "[plugins] load: is not a list of plugins' names"),
        ("[plugins]\nload = [1]\n" + SHOP, "[plugins] load: is not a list of plugins' names"),
        ("[sources]\nname = 'shop'", "sources: write each as a table of its own, [[sources]]"),
        ("sources = ['shop']", "sources: write each as a table of its own, [[sources]]"),
        (SHOP + "[[sources]]\nprovider = 'mint'", "[[sources]] number 2 name: is missing"),
        ("[[sources]]\nname = 1\nprovider = 'mint'", "[[sources]] number 1 name: is not a text"),
        ("[[sources]]\nname = 'shop'", "[[sources]] 'shop' provider: is missing"),
        ("[[sources]]\nname = 'a b'\nprovider = 'mint'", "[[sources]] 'a b' a source's name is"),
        (SHOP + "path = 'v1'", "[[sources]] 'shop' path: must be like /v1/callback"),
        (
            "[[sources]]\nname = 'shop'\nprovider = 'mint'\nsecrets = [{ env = 'NOT_SET' }]",
            "[[sources]] 'shop' secrets[0]: the environment variable NOT_SET is not set",
        ),
        (
            "[[sources]]\nname = 'shop'\nprovider = 'mint'\nsecrets = [{ env = [1] }]",
            "[[sources]] 'shop' secrets[0]: the environment variable",
        ),
        (
            "[[sources]]\nname = 'shop'\nprovider = 'mint'\nsecrets = ['x', { file = 'nowhere' }]",
            "[[sources]] 'shop' secrets[1]: the file 'nowhere' cannot be read (FileNotFoundError)",
        ),
        (SHOP + "[[sinks]]\nstream = 'x'", "[[sinks]] number 1 url: is missing"),
        (SHOP + "[[sinks]]\nurl = 'localhost'", "[[sinks]] number 1 url: is not a URL like"),
        (SHOP + "[[sinks]]\nurl = 'nats://[s3cret'", "[[sinks]] number 1 url: is not a URL like"),
    ],
)
def test_what_is_wrong_is_named(load, text: str | bytes, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    message = str(caught.value)
    assert message.startswith(f"cambist.toml: {expected}")
    assert message.isprintable()
    assert "s3cret" not in message


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nowhere.toml", "No such file or directory"), (".", "Is a directory")],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=expected) as caught:
        load_config(Path(name))
    assert str(caught.value) == f"{name}: cannot be read ({expected})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            SHOP.replace('"mint"', '"gold"'),
            "cambist.toml: source 'shop', provider 'gold': there is no such provider",
        ),
        (SHOP + "colour = 1", "cambist.toml: source 'shop', provider 'mint': colour: is not known here"),
        (SHOP + SHOP, "cambist.toml: source 'shop': two sources have this name"),
        (SHOP + "[plugins]\nload = ['gold']", "cambist.toml: plugins not installed: gold"),
    ],
)
def test_what_plugins_find_wrong_names_the_file_too(load, plugin: None, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text).wire()
    assert str(caught.value).startswith(expected)


def test_only_the_plugins_that_are_asked_for_are_loaded(load, plugin: None) -> None:
    registry, pipeline = load(SHOP + "[plugins]\nload = ['mint']").wire()
    assert {found.distribution for found in registry.providers.values()} == {"cambist-mint"}
    assert [route.source.name for route in pipeline.routes] == ["shop"]
