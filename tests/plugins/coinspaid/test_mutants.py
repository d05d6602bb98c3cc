"""The tests are worth something: a plugin with one of these faults makes them fail, by name.

Each mutant is a copy of the installed plugin with a few lines added to its end, in a process of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from attrs import frozen

import cambist_coinspaid

CASE = "test_conformance.py::TestCoinsPaid::test_a_delivery_becomes_what_its_case_says"
HOSTILE, IDENTITY = "test_hostile.py::test_", "test_identity.py::test_"


@frozen
class Mutant:
    """A faulty plugin, the tests that must notice, and one that shows that it works otherwise."""

    code: str
    killed_by: tuple[str, ...]
    spared_by: str = f"{CASE}[deposit_btc]"

    @property
    def tests(self) -> dict[str, str]:
        """The tests and their outcomes."""
        return dict.fromkeys(self.killed_by, "FAILED") | {self.spared_by: "PASSED"}


MUTANTS = {
    "verification always says yes": Mutant(
        """
class Yes(HmacSignature):
    def verify(self, delivery):
        return Verification(self.name, "1")
COINSPAID = evolve(COINSPAID, verification=lambda settings: Yes(
    secrets=settings.secrets, hash="sha512", header="X-Processing-Signature"))
""",
        (
            f"{CASE}[error_signature_wrong]",
            f"{CASE}[error_signature_missing]",
            f"{CASE}[error_secret_expired]",
            f"{CASE}[error_api_key_wrong]",
            f"{HOSTILE}a_signature_that_is_not_of_the_body_and_the_secret_is_refused[garbage]",
            f"{HOSTILE}a_signature_that_is_not_of_the_body_and_the_secret_is_refused[of another body]",
            f"{HOSTILE}a_body_with_one_bit_flipped_is_never_accepted",
            f"{HOSTILE}a_signature_with_one_bit_flipped_is_never_accepted_but_for_the_case_of_a_digit",
        ),
    ),
    "the signature is checked over JSON that was written again": Mutant(
        """
COINSPAID = evolve(COINSPAID, verification=lambda settings: HmacSignature(
    secrets=settings.secrets, hash="sha512", header="X-Processing-Signature",
    canonical=lambda body: encode_json(decode_json(body))))
""",
        (f"{CASE}[withdrawal_btc]", f"{CASE}[error_signature_of_reserialised_body]"),
    ),
    "the account's key is not compared": Mutant(
        """
COINSPAID = evolve(COINSPAID, verification=lambda settings: HmacSignature(
    secrets=settings.secrets, hash="sha512", header="X-Processing-Signature"))
""",
        (f"{CASE}[error_api_key_wrong]", f"{CASE}[error_api_key_missing]", f"{CASE}[verified_with_api_key]"),
    ),
    "sums go through a float": Mutant(
        """
from cambist_coinspaid import callbacks, parts
parts.Money = callbacks.Money = lambda amount, asset: Money(Decimal(repr(float(amount))), asset)
""",
        (f"{CASE}[deposit_btc]", f"{CASE}[deposit_18_decimals]", f"{CASE}[deposit_40_digits]"),
        spared_by=f"{CASE}[payment_request_expired]",
    ),
    "JSON numbers go through a float": Mutant(
        """
COINSPAID = evolve(COINSPAID, decode=lambda body: json.loads(body, parse_float=lambda n: Decimal(float(n))))
""",
        (f"{CASE}[withdrawal_exchange_eur_btc]", f"{CASE}[deposit_18_decimals]"),
    ),
    "every status is completed": Mutant(
        """
for words in STATUSES.values():
    words.update(dict.fromkeys(words, Status.COMPLETED))
""",
        (
            f"{CASE}[deposit_not_confirmed]",
            f"{CASE}[withdrawal_cancelled]",
            f"{CASE}[invoice_expired_unpaid]",
            f"{CASE}[payment_request_rate_fixed]",
        ),
    ),
    "the time of arrival is the identity": Mutant(
        """
def mutant(payload, context):
    return [{**draft, "identity": (str(context.delivery.received_at),)} for draft in parse(payload, context)]
COINSPAID = evolve(COINSPAID, parse=mutant)
""",
        (
            f"{CASE}[deposit_btc]",
            f"{IDENTITY}neither_the_time_of_arrival_nor_the_headers_matter[deposit_btc]",
            f"{IDENTITY}each_change_is_another_event",
        ),
        spared_by="test_conformance.py::TestCoinsPaid::test_an_event_obeys_the_schema_and_survives_json[deposit_btc]",
    ),
    "transactions are no part of the identity": Mutant(
        """
def mutant(payload, context):
    return [{**draft, "identity": draft["identity"][:3]} for draft in parse(payload, context)]
COINSPAID = evolve(COINSPAID, parse=mutant)
""",
        (f"{CASE}[invoice_failed_underpaid]", f"{IDENTITY}each_change_is_another_event"),
        spared_by=f"{CASE}[create_invoice_created]",
    ),
    "what remains of an invoice is ignored": Mutant(
        """
def mutant(payload, context):
    if isinstance(payload, dict) and isinstance(payload.get("currency_sent"), dict):
        payload["currency_sent"].pop("remaining_amount", None)
    return parse(payload, context)
COINSPAID = evolve(COINSPAID, parse=mutant)
""",
        (
            f"{CASE}[invoice_failed_underpaid]",
            f"{CASE}[invoice_confirmed_with_remainder]",
            f"{CASE}[invoice_pending_part_paid_in_btc]",
        ),
    ),
}
IMPORTS = """
import json
from decimal import Decimal
from attrs import evolve
from cambist import Money, Status, Verification, decode_json, encode_json
"""


def outcomes(tests: Iterable[str], code: str, folder: Path, root: Path) -> dict[str, str]:
    """Return what becomes of the tests with a plugin that has these lines at its end."""
    copy = folder / "cambist_coinspaid"
    shutil.copytree(
        Path(cambist_coinspaid.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__")
    )
    with (copy / "__init__.py").open("a") as module:
        module.write(IMPORTS + code)
    # Without the plugins that no named test needs: to import Hypothesis' takes as long as all the rest.
    options = ("-q", "-rA", "--tb=no", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(f"{Path(__file__).parent / test}" for test in tests)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": "", "CAMBIST_TEST_DRAWS": "50"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^(PASSED|FAILED|ERROR) \S*?(test_\w+\.py::.+?)(?: - .*)?$", run.stdout, re.MULTILINE)
    return {test: outcome for outcome, test in found} or {"pytest": run.stdout + run.stderr}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_faulty_plugin_is_found_out(mutant: Mutant, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    assert outcomes(mutant.tests, mutant.code, tmp_path, pytestconfig.rootpath) == mutant.tests


def test_the_same_tests_pass_with_the_plugin_as_it_is(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    tests = {test for mutant in MUTANTS.values() for test in mutant.tests}
    assert outcomes(sorted(tests), "", tmp_path, pytestconfig.rootpath) == dict.fromkeys(tests, "PASSED")
