"""The kit as an author has it: an installed package, a test file of a few lines, pytest from a shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TEST = """
from pathlib import Path

from cambist.testing import ProviderConformance


class TestHazel(ProviderConformance):
    provider = "hazel"
    settings = {"secrets": ["hazel-s3cret"]}
    cases = Path(__file__).parent / "cases"
    same_event = [{"paid", "paid_again"}]
"""
ID_OF_THE_PROCESS = """

import attrs as _attrs

_parse = parse


def parse(payload, context):
    return [{**draft, "identity": (str(hash(draft["identity"])),)} for draft in _parse(payload, context)]


HAZEL = _attrs.evolve(HAZEL, parse=parse)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with Hazel installed in it as the distribution hazel-pay, and the tests of its author."""
    shutil.copy(HERE / "hazel.py", tmp_path / "hazel.py")
    shutil.copytree(HERE / "cases", tmp_path / "tests/cases")
    for case in tmp_path.glob("tests/cases/*.json"):
        case.write_text(case.read_text().replace("unreleased {release}", "hazel-pay {release}"))
    information = tmp_path / "hazel_pay-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: hazel-pay\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[cambist]\nhazel = hazel\n")
    (tmp_path / "tests/test_conformance.py").write_text(TEST)
    return tmp_path


def run(package: Path, *options: str) -> tuple[int, str]:
    """Run the author's tests in a process of its own; return its exit code and what it printed."""
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", *options, "tests"]
    done = subprocess.run(
        command,
        cwd=package,
        env={
            **os.environ,
            "PYTHONPATH": str(package),
            "PYTEST_ADDOPTS": "",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "options",
    [(), ("--import-mode=importlib", "--strict-markers", "-W", "error", "-p", "xdist", "-n", "2")],
    ids=["as it comes", "strict and on two processes"],
)
def test_an_installed_provider_passes(package: Path, options: tuple[str, ...]) -> None:
    code, printed = run(package, *options)
    assert code == 0, printed
    assert re.search(r"^[0-9]{3} passed, [0-9]+ skipped in ", printed, re.MULTILINE)


def test_an_id_that_only_this_process_gives_is_found(package: Path) -> None:
    with (package / "hazel.py").open("a") as module:
        module.write(ID_OF_THE_PROCESS)
    code, printed = run(package, "-k", "same_ids or arrival or headers")
    assert code == 1
    assert re.findall(r"^FAILED .*::(\w+)", printed, re.MULTILINE) == [
        "test_another_process_gives_the_same_ids"
    ]


def test_what_differs_from_a_case_is_told_and_its_value_only_when_asked(package: Path) -> None:
    case = package / "tests/cases/paid.json"
    case.write_text(case.read_text().replace('"order-2048"', '"order-2049"'))
    chosen = ("-k", "test_a_delivery_becomes_what_its_case_says")
    for verbosity, shown in ((), False), (("-vvv",), True):
        code, printed = run(package, *chosen, *verbosity)
        assert code == 1
        assert "A delivery becomes exactly what its case says" in printed
        assert "- events[0].payment.merchant_reference: is another" in printed
        assert ("order-2049" in printed) is shown


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sorted(sys.modules))"],
        capture_output=True,
        check=True,
        text=True,
    )
    return set(done.stdout.split())


def test_cases_can_be_read_without_pytest() -> None:
    found = modules_after("from cambist.testing import Case, load_cases")
    assert not found & {"pytest", "_pytest", "hypothesis", "jsonschema"}


def test_the_core_does_not_import_the_kit() -> None:
    everything = "import cambist, cambist.verification; [getattr(cambist, name) for name in cambist.__all__]"
    assert "cambist.testing" not in modules_after(everything)


@pytest.mark.parametrize("missing", ["pytest", "jsonschema"])
@pytest.mark.parametrize("name", ["ProviderConformance", "run_conformance"])
def test_without_the_extra_the_error_names_it(missing: str, name: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None\nfrom cambist.testing import load_cases, {name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    told = done.stderr.strip().splitlines()[-1]
    assert (
        told == f"ImportError: {name} needs {missing}, which is not installed: pip install 'cambist[testing]'"
    )
    assert "The above exception" not in done.stderr
    assert "During handling" not in done.stderr


def test_another_name_is_an_attribute_error() -> None:
    import cambist.testing

    with pytest.raises(AttributeError, match="no attribute 'Conformance'"):
        _ = cambist.testing.Conformance
