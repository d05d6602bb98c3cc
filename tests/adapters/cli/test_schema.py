"""`cambist schema openapi`: the routes of what is configured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

CONFIG = """
[server]
prefix = "/hooks"

[[sources]]
name = "shop"
provider = "coinspaid"
secrets = ["s3cret-that-must-not-be-told"]

[[sources]]
name = "anchor"
provider = "stellar-anchor"
auth = "none"
path = "/event"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cambist.toml"
    path.write_text(CONFIG)
    return path


def test_it_is_of_the_configured_sources_and_prefix(cambist: Any, config: Path) -> None:
    result = cambist("schema", "openapi", "--config", str(config))
    assert result.code == 0
    document = json.loads(result.out)
    validate(document)
    assert list(document["paths"]) == ["/hooks/shop", "/hooks/anchor", "/event"]
    assert "s3cret" not in result.out


def test_without_a_configuration_it_says_so(cambist: Any, tmp_path: Path) -> None:
    result = cambist("schema", "openapi", "--config", str(tmp_path / "missing.toml"))
    assert (result.code, result.out) == (1, "")
    assert "missing.toml: cannot be read" in result.err


def test_the_event_needs_no_configuration(cambist: Any, tmp_path: Path) -> None:
    result = cambist("schema", "event", "--config", str(tmp_path / "missing.toml"))
    assert result.code == 0
