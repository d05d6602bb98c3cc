"""`cambist check`: the conformance tests on a provider that is installed."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from .conftest import MINT, SECRET, Command

BEECH = Path(__file__).parent / "beech"
REQUEST = b"""POST /webhooks/shop
X-Beech-Signature: 4f2a9d2a3c6e6e6b5f5ab6a3aa0e0c1d3d1f4c27a1c2b3d4e5f60718293a4b5c

{"id": "b-2", "status": "paid", "sum": "7.00"}"""


@pytest.fixture
def beech(environ: dict[str, str]) -> None:
    """Install Beech beside the plugin of all these tests."""
    environ["PYTHONPATH"] = os.pathsep.join((str(BEECH), str(MINT)))


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A folder with one case, whose signature is wrong: it is refused, as its file says or does not."""
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "forged.http").write_bytes(REQUEST)
    expected = {
        "about": "Nobody signed this.",
        "provider": "beech",
        "settings": {"secrets": [SECRET]},
        "received_at": "2026-01-31T12:00:00Z",
        "error": "VerificationError",
    }
    (folder / "forged.json").write_text(json.dumps(expected))
    return folder


def test_a_provider_that_keeps_everything_passes(process: Command, beech: None) -> None:
    done = process("check", "beech")
    assert (done.code, done.err) == (0, "")
    first, *lines, last = done.out.splitlines()
    assert first == "beech, Beech (beech-pay 2.1): 1 samples"
    assert "  ok      a sample gives events" in lines
    assert "  ok      a hostile body gives events or one error (29)" in lines
    assert "  skipped a status has a case: no folder of cases is given" in lines
    assert {line.split()[0] for line in lines} == {"ok", "skipped"}
    assert re.fullmatch(r"\d+ passed, 0 failed, \d+ skipped", last)


def test_a_failure_names_the_test_the_case_and_the_path(process: Command, beech: None) -> None:
    done = process("check", "careless")
    assert done.code == 1
    assert re.fullmatch(r"cambist: careless: \d+ of \d+ checks failed\n", done.err)
    lines = done.out.splitlines()
    place = lines.index("  FAILED  test_a_field_that_is_gone_or_null_gives_events_or_one_error: 1 of 1")
    told = lines[place + 1].strip()
    assert told.startswith(
        "paid: status, removed: fails inside of the plugin: beech-pay 2.1 failed: KeyError at"
    )
    assert "19.90" not in done.out


def test_settings_can_be_given_and_a_secret_is_told_nowhere(process: Command, beech: None) -> None:
    for given in (["--secret", SECRET], ["--set", f'secrets=["{SECRET}"]']):
        done = process("check", "beech", *given)
        assert done.code == 0
        assert SECRET not in done.out + done.err


def test_a_setting_that_cannot_be_made_up_is_asked_for(process: Command, beech: None) -> None:
    told = process("check", "chosen").failed()
    assert told == "chosen needs settings that cannot be made up: --set unit=minor|major"
    # The secret is not required of the class, but of the scheme: it is made up then.
    assert process("check", "chosen", "--set", "unit=minor").code == 0


def test_a_setting_that_is_wrong_is_told(process: Command, beech: None) -> None:
    told = process("check", "beech", "--set", "unit=minor").failed()
    assert "unit: is not known here" in told


def test_cases_are_replayed(process: Command, beech: None, cases: Path) -> None:
    request = cases / "paid.http"
    request.write_bytes(REQUEST)
    signed = process("sign", "beech", "-", "--secret", SECRET, stdin=REQUEST.partition(b"\n\n")[2])
    request.write_bytes(re.sub(rb"X-Beech-.*", signed.out.strip().encode(), REQUEST))
    expected = json.loads((cases / "forged.json").read_text())
    del expected["error"]
    event = process(
        *("normalize", "beech", "-", "--source", "shop", "--secret", SECRET, "-H", signed.out.strip()),
        stdin=REQUEST.partition(b"\n\n")[2],
    )
    stated = json.loads(event.out) | {
        "received_at": "2026-01-31T12:00:00Z",
        "plugin_version": "beech-pay {release}",
    }
    (cases / "paid.json").write_text(json.dumps(expected | {"events": [stated]}))
    done = process("check", "beech", "--cases", str(cases))
    assert done.code == 0, done.out
    assert "  ok      a delivery becomes what its case says (2)" in done.out
    assert "  ok      a status has a case" in done.out

    stated["status"] = "failed"
    (cases / "paid.json").write_text(json.dumps(expected | {"events": [stated]}))
    done = process("check", "beech", "--cases", str(cases))
    assert done.code == 1
    assert "          paid: events[0].status: is another\n" in done.out


def test_a_test_can_be_waived(process: Command, beech: None) -> None:
    waived = "test_a_field_that_is_gone_or_null_gives_events_or_one_error"
    done = process("check", "careless", "--waive", waived)
    assert f"  FAILED  {waived}" not in done.out
    assert "a field that is gone or null gives events or one error: waived: as asked for" in done.out
    done = process("check", "beech", "--waive", "test_of_nothing", "--unmasked", "id")
    assert "waived: there is no test 'test_of_nothing'" in done.out
    assert "unmasked: the provider has no `redact`" in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["oak"], "oak: no such provider is installed (see 'cambist providers')"),
        (["beech", "--cases", "{cases}"], "holds no case of 'beech' that gives events"),
        (["beech", "--cases", "{cases}", "--secret", SECRET, "--set", 'secrets=["x"]'], "not both"),
    ],
)
def test_what_cannot_be_checked_is_one_line(
    arguments: list[str], told: str, process: Command, beech: None, cases: Path
) -> None:
    done = process("check", *(argument.replace("{cases}", str(cases)) for argument in arguments))
    assert told in done.failed(2 if "both" in told else 1)


def test_a_folder_that_is_not_there_is_wrong_usage(process: Command, beech: None) -> None:
    assert "--cases" in process("check", "beech", "--cases", "nowhere").failed(2)


@pytest.mark.parametrize("missing", ["pytest", "jsonschema"])
def test_without_the_extra_it_says_what_to_install(
    missing: str, process: Command, beech: None, environ: dict[str, str], tmp_path: Path
) -> None:
    # A module that is not there: no process of the tests can do without pytest otherwise.
    (tmp_path / f"{missing}.py").write_text(
        f"raise ModuleNotFoundError('no such module', name='{missing}')\n"
    )
    environ["PYTHONPATH"] = os.pathsep.join((str(tmp_path), environ["PYTHONPATH"]))
    told = process("check", "beech").failed()
    assert told == f"this needs {missing}: install the extra, cambist-cli[authors]"
