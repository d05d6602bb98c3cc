"""`cambist normalize` and `cambist sign`, which are each other's counterpart."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cambist import from_json

SECRET = "the-s3cret"
COIN = b'{"id":1,"amount":"1.050","status":"struck","note":"order-7"}'
SIGNATURE = f"X-Mint-Signature: {hmac.new(SECRET.encode(), COIN, hashlib.sha256).hexdigest()}"


def test_a_signed_body_becomes_one_line_of_json(process: Any, coin: str) -> None:
    signed = process("sign", "mint", coin, "--secret", SECRET)
    assert (signed.code, signed.out, signed.err) == (0, SIGNATURE + "\n", "")

    before = datetime.now(UTC)
    result = process("normalize", "mint", coin, "--secret", SECRET, "-H", signed.out.strip())
    assert (result.code, result.err) == (0, "")
    assert result.out.count("\n") == 1
    event = from_json(result.out)
    assert (event.provider, event.source, event.status) == ("mint", "cli", "completed")
    assert str(event.amounts.received.amount) == "1.050"
    assert event.verification.scheme == "hmac-sha256"
    assert event.received_at.utcoffset() == timedelta(0)
    assert before <= event.received_at <= datetime.now(UTC)
    assert event.plugin_version == "cambist-mint 0.9"


def test_the_two_work_together_in_a_shell(environ: dict[str, str], tmp_path: Path, coin: str) -> None:
    command = f"{sys.executable} -m cambist_cli"
    script = f'{command} normalize mint --secret s -H "$({command} sign mint {coin} --secret s)" < {coin}'
    done = subprocess.run(["sh", "-c", script], env=environ, cwd=tmp_path, capture_output=True, check=True)
    assert from_json(done.stdout).payment.id == "1"


def test_a_forged_body_is_refused(process: Any) -> None:
    forged = COIN.replace(b"1.050", b"9.050")
    error = process("normalize", "mint", "-", "--secret", SECRET, "-H", SIGNATURE, stdin=forged).failed()
    assert error.startswith("source 'cli', provider 'mint': the signature")
    assert "9.050" not in error


def test_a_path_that_is_signed_is_given(cambist: Any, coin: str) -> None:
    secret, path = ("--secret", SECRET), ("--path", "/webhooks/shop")
    assert cambist("sign", "mint-path", coin, *secret).failed() == (
        "source 'cli', provider 'mint-path': the path is signed, and the delivery has none"
    )
    header = cambist("sign", "mint-path", coin, *secret, *path).out.strip()
    assert (
        from_json(cambist("normalize", "mint-path", coin, *secret, *path, "-H", header).out).payment.id == "1"
    )
    elsewhere = ("--path", "/webhooks/other")
    error = cambist("normalize", "mint-path", coin, *secret, *elsewhere, "-H", header).failed()
    assert "is not of this body" in error


def test_a_body_without_its_header_is_refused(cambist: Any, coin: str) -> None:
    error = cambist("normalize", "mint", coin, "--secret", SECRET).failed()
    assert error == "source 'cli', provider 'mint': header X-Mint-Signature is missing"


@pytest.mark.parametrize(
    "arguments",
    [
        ["mint"],
        ["mint", "--secret", SECRET],
        ["mint", "-H", "X-Mint-Signature: wrong"],
        ["mint-keys", "--set", "unit=minor"],
        ["mint-sometimes"],
        ["mint-public"],
        ["mint-open"],
    ],
    ids=" ".join,
)
def test_no_verify_needs_neither_secret_nor_header(cambist: Any, coin: str, arguments: list[str]) -> None:
    result = cambist("normalize", *arguments, coin, "--no-verify")
    assert (result.code, result.err) == (0, "")
    event = json.loads(result.out)
    assert event["verification"] is None
    assert event["plugin_version"] == "cambist-mint 0.9"


def test_no_verify_asks_for_what_is_no_secret(cambist: Any, coin: str) -> None:
    error = cambist("normalize", "mint-keys", coin, "--no-verify").failed()
    assert error == "source 'cli', provider 'mint-keys': unit: is missing"


def test_each_event_has_a_line(process: Any) -> None:
    coins = b"[" + COIN + b"," + COIN.replace(b'"id":1', b'"id":2') + b"]"
    result = process("normalize", "mint", "--no-verify", stdin=coins)
    assert [json.loads(line)["payment"]["id"] for line in result.out.splitlines()] == ["1", "2"]


def test_the_source_is_part_of_an_event_s_identity(cambist: Any, coin: str) -> None:
    events = [
        json.loads(cambist("normalize", "mint", coin, "--no-verify", "--source", name).out)
        for name in ("shop", "shop", "other")
    ]
    assert [event["source"] for event in events] == ["shop", "shop", "other"]
    assert events[0]["id"] == events[1]["id"] != events[2]["id"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["account=12-3", "limit=3", "strict=true"], None),
        (['account="123"'], None),
        (["account=123"], "account: is not a string"),
        (["limit=three"], "limit: is not an integer"),
        (["limit=1.5"], "limit: is not an integer"),
        (["strict=yes"], "strict: is not true or false"),
        (["colour=red"], "colour: is not known here; known are: secrets, account, limit, strict"),
        (["account=" + "[" * 100_000], None),
    ],
)
def test_a_setting_is_json_or_else_text(
    cambist: Any, coin: str, settings: list[str], expected: str | None
) -> None:
    options = [part for setting in settings for part in ("--set", setting)]
    result = cambist("normalize", "mint", coin, "--secret", SECRET, "-H", SIGNATURE, *options)
    if expected is None:
        assert (result.code, result.err) == (0, "")
    else:
        assert result.failed() == f"source 'cli', provider 'mint': {expected}"


def test_secrets_by_reference(
    cambist: Any, coin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINT_SECRET", SECRET)
    (tmp_path / "secret.txt").write_text(SECRET + "\n")
    labels = []
    for references in ('[{"env":"MINT_SECRET"}]', '["old", {"file":"secret.txt","label":"new"}]'):
        result = cambist("normalize", "mint", coin, "-H", SIGNATURE, "--set", f"secrets={references}")
        labels.append(json.loads(result.out)["verification"]["label"])
    assert labels == ["MINT_SECRET", "new"]
    error = cambist("sign", "mint", coin, "--set", 'secrets=[{"env":"NOT_SET"}]').failed()
    assert error == "secrets[0]: the environment variable NOT_SET is not set"


def test_several_secrets(cambist: Any, coin: str) -> None:
    result = cambist("normalize", "mint", coin, "-H", SIGNATURE, "--secret", "old", "--secret", SECRET)
    assert json.loads(result.out)["verification"]["label"] == "2"


def test_secret_means_the_only_secret_that_a_provider_has(cambist: Any, coin: str) -> None:
    signed = cambist("sign", "mint-keys", coin, "--secret", SECRET, "--set", "unit=minor")
    assert signed.out == SIGNATURE + "\n"


@pytest.mark.parametrize(
    "header",
    ["X-Mint-Signature", "X Mint: a", ": a", "", "X-Mint: a\nX-Other: b", "X-Mint: a\r", "X-Münze: a"],
)
def test_a_malformed_header_is_wrong_usage(cambist: Any, coin: str, header: str) -> None:
    error = cambist("normalize", "mint", coin, "--secret", SECRET, "-H", header).failed(2)
    assert "'-H'" in error
    assert "write 'Name: value', one header for each -H" in error


@pytest.mark.parametrize(
    "header", [SIGNATURE.replace(": ", ":"), SIGNATURE.upper().lower(), SIGNATURE + " \t"]
)
def test_a_header_as_http_has_it(cambist: Any, coin: str, header: str) -> None:
    assert cambist("normalize", "mint", coin, "--secret", SECRET, "-H", header).code == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"id":"the-s3cret"}', "amount: is missing; status: is missing"),
    ],
)
def test_a_body_of_another_form(cambist: Any, tmp_path: Path, body: bytes, expected: str) -> None:
    (tmp_path / "body").write_bytes(body)
    error = cambist("normalize", "mint", "body", "--no-verify").failed()
    assert error.startswith("source 'cli', provider 'mint': ")
    assert expected in error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["sign", "mint-public", "coin.json", "--secret", "0" * 63 + "1"],
            "only the sender, who has the private key, can sign with ed25519",
        ),
        (["sign", "mint-open", "coin.json"], "no header makes a delivery genuine"),
        (
            ["sign", "mint-faulty", "coin.json", "--secret", SECRET],
            "cambist-mint 0.9 failed with RuntimeError",
        ),
        (["sign", "mint", "coin.json"], "secrets: is missing"),
        (["sign", "mint", "coin.json", "--secret", ""], "secrets: entry 0 is empty"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_what_cannot_be_signed(cambist: Any, coin: str, arguments: list[str], expected: str) -> None:
    assert expected in cambist(*arguments).failed()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["normalize", "mint", "nowhere.json"], "nowhere.json: cannot be read (No such file or directory)"),
        (["normalize", "mint", "."], ".: cannot be read (Is a directory)"),
        (
            ["normalize", "none such", "coin.json"],
            "source 'cli', provider 'none such': there is no such provider (installed: ",
        ),
        (["normalize", "none", "coin.json", "--no-verify", "--secret", SECRET], "there is no such provider"),
        (["normalize", "mint", "coin.json", "--source", "a b"], "source 'a b': a source's name is"),
    ],
    ids=lambda value: " ".join(value[1:3]) if isinstance(value, list) else "",
)
def test_what_is_not_there(cambist: Any, coin: str, arguments: list[str], expected: str) -> None:
    if "--no-verify" not in arguments:
        arguments = [*arguments, "--secret", SECRET]
    assert expected in cambist(*arguments).failed()
