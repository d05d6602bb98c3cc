"""The pages that are made from the code are up to date, and say what the code says."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import attrs
import pytest

from cambist import Registered, Registry

DOCS = Path(__file__).parents[2] / "docs"
MATRIX = "providers/index.md"
PROVIDERS = {
    name: each
    for name, each in Registry.load().providers.items()
    if (DOCS / f"providers/{each.distribution.removeprefix('cambist-')}.md").is_file()
}


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    sys.path.insert(0, str(DOCS))
    try:
        yield importlib.import_module("generate")
    finally:
        sys.path.remove(str(DOCS))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("_build")))


def rows(title: str, page: str = MATRIX) -> list[list[str]]:
    """Return the cells of the table under a heading, without its own two lines."""
    section = (DOCS / page).read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def of(provider: str, title: str) -> list[list[str]]:
    """Return a provider's rows of a table of the matrix, without its name."""
    return [cells for link, *cells in rows(title) if link.startswith(f"[`{provider}`](")]


def test_the_committed_pages_are_up_to_date(generate: ModuleType) -> None:
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("page", "word"),
    [
        ("reference/event.md", "completed"),
        ("reference/event.schema.json", "completed"),
        ("providers/coinspaid.md", "completed` | yes"),
        ("providers/anyspend.md", "`executed` | `completed` | yes"),
        ("providers/stellar.md", "completed` | yes"),
        (MATRIX, "hmac-sha512"),
    ],
)
def test_a_stale_page_is_found_and_mended(
    generate: ModuleType, copy: Path, page: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (copy / page).read_text()
    assert word in before
    (copy / page).write_text(before.replace(word, "finished"))
    assert generate.main(["--check"], copy) == 1
    assert page in capsys.readouterr().err
    assert generate.main([], copy) == 0
    assert (copy / page).read_text() == before


@pytest.mark.parametrize("page", ["reference/event.md", MATRIX])
def test_a_missing_page_is_stale(generate: ModuleType, copy: Path, page: str) -> None:
    (copy / page).unlink()
    assert generate.main(["--check"], copy) == 1


@pytest.mark.parametrize("registered", PROVIDERS.values(), ids=list(PROVIDERS))
def test_the_page_of_a_provider_has_each_of_its_words_once_and_no_other(registered: Registered) -> None:
    provider = registered.provider
    page = (DOCS / f"providers/{registered.distribution.removeprefix('cambist-')}.md").read_text()
    (section,) = re.findall(
        rf"<!-- statuses of {provider.name}, made by docs/generate.py -->\n(.*?)<!-- ", page, re.DOTALL
    )
    told = [tuple(row) for row in re.findall(r"^\| `(.*?)` \| `(.*?)` \| `(.*?)` \|", section, re.MULTILINE)]
    assert told == [
        (group, word, str(status))
        for group, words in provider.statuses.items()
        for word, status in words.items()
    ]


# What has to be given, what is checked then, what stops a replay, and whether a genuine delivery can be made.
VERIFIED = {
    "alchemypay-card": [
        ['`auth = "none"`', "`none`", "nothing", "no"],
        ['`auth = "path"`, `secrets`', "`path-secret`", "nothing", "no"],
        ['`auth = "ip"`, `networks`', "`ip-allow-list`", "nothing", "no"],
        ['`auth = "basic"`, `secrets`, `username`', "`basic`", "nothing", "yes"],
        ['`auth = "header"`, `secrets`, `header`', "`api-key`", "nothing", "yes"],
        ['`auth = "signed"`, `secrets`', "`hmac-sha256`", "a signed time", "yes"],
        ['`auth = "signed"`, `secrets`, `access_key`', "`api-key+hmac-sha256`", "a signed time", "yes"],
    ],
    "anyspend": [["`secrets`", "`hmac-sha256`", "nothing", "yes"]],
    "anyspend-order": [["`api_keys`", "`api-key`", "nothing", "yes"]],
    "coinspaid": [
        ["`secrets`", "`hmac-sha512`", "nothing", "yes"],
        ["`secrets`, `api_key`", "`api-key+hmac-sha512`", "nothing", "yes"],
    ],
    "stellar-anchor": [
        ['`auth = "none"`', "`none`", "nothing", "no"],
        ['`auth = "api_key"`, `secrets`', "`api-key`", "nothing", "yes"],
        ['`auth = "jwt"`, `secrets`', "`jwt-hs256`", "a signed time", "yes"],
    ],
    "stellar-wallet": [["`signing_key`, `callback_host`", "`ed25519`", "a signed time", "no"]],
}
# Whether card numbers are masked, and the answer.
SENT = {
    "alchemypay-card": ["masked", "empty 200"],
    "anyspend": ["none", "empty 200"],
    "anyspend-order": ["none", '200, `{"executionId":"…","runId":"…"}`'],
    "coinspaid": ["none", "empty 200"],
    "stellar-anchor": ["none", "200, `{}`"],
    "stellar-wallet": ["none", "empty 200"],
}


def test_the_matrix_has_every_provider() -> None:
    for title in ("What they send", "How they are verified", "Settings"):
        assert {link for link, *_ in rows(title)} == {
            f"[`{name}`]({each.distribution.removeprefix('cambist-')}.md)" for name, each in PROVIDERS.items()
        }
    assert PROVIDERS.keys() == VERIFIED.keys() == SENT.keys()


@pytest.mark.parametrize("name", VERIFIED)
def test_the_matrix_has_every_way_to_verify(name: str) -> None:
    assert of(name, "How they are verified") == VERIFIED[name]


@pytest.mark.parametrize("name", SENT)
def test_the_matrix_says_what_a_record_says(name: str) -> None:
    provider = PROVIDERS[name].provider
    ((distribution, objects, media_types, *cells, samples),) = of(name, "What they send")
    assert distribution == f"`{PROVIDERS[name].distribution}`"
    assert objects == ", ".join(f"`{group}` {len(words)}" for group, words in provider.statuses.items())
    assert media_types == ", ".join(f"`{each}`" for each in provider.media_types)
    assert cells == SENT[name]
    assert samples == str(len(provider.samples)) != "0"


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_matrix_has_every_setting_and_whether_it_is_required(name: str) -> None:
    fields = attrs.fields(PROVIDERS[name].provider.settings)
    assert {cells[0]: cells[2] == "required" for cells in of(name, "Settings")} == {
        f"`{field.name}`": field.default is attrs.NOTHING for field in fields
    }


def test_a_setting_has_its_type_and_its_default_in_words() -> None:
    told = {cells[0]: cells[1:] for cells in of("alchemypay-card", "Settings")}
    assert told["`secrets`"] == ["list of secrets", "none"]
    assert told["`networks`"] == ["list of texts", "none"]
    assert told["`tolerance_s`"] == ["whole number", "none"]
    assert told["`card_amount_unit`"] == ['`"minor"` or `"major"`', '`"minor"`']
    (tokens,) = (cells for cells in of("anyspend", "Settings") if cells[0] == "`tokens`")
    assert tokens[1] == "list of tables with `chain_id`, `address`, `decimals`, `code`"


def test_a_provider_without_a_page_stops_it(generate: ModuleType, copy: Path) -> None:
    (copy / "providers/stellar.md").unlink()
    with pytest.raises(SystemExit, match="statuses of stellar-anchor, stellar-wallet"):
        generate.main(["--check"], copy)


def test_a_page_without_an_example_of_the_settings_stops_it(generate: ModuleType, copy: Path) -> None:
    page = copy / "providers/coinspaid.md"
    page.write_text(page.read_text().replace("```toml", "```text"))
    with pytest.raises(LookupError, match="configures coinspaid"):
        generate.main(["--check"], copy)
