"""What a person sees on a terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cambist import (
    Amounts,
    Anomaly,
    Asset,
    BaseUnits,
    Card,
    Failure,
    Fee,
    Kind,
    Money,
    Payment,
    PaymentEvent,
    Refund,
    Status,
    Transaction,
    Verification,
)
from cambist_cli._show import card
from cambist_cli._text import one_line, printable


@pytest.fixture
def terminal(environ: dict[str, str], tmp_path: Path) -> Any:
    """Run the command on a terminal of 100 columns, and return what it shows, without colours."""

    def run(*arguments: str) -> tuple[int, str]:
        outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "cambist_cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=inner,
            stderr=inner,
            env={**environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
            cwd=tmp_path,
        )
        os.close(inner)
        shown = b""
        while chunk := _read(outer):
            shown += chunk
        os.close(outer)
        text = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
        return process.wait(timeout=30), text.replace("\r\n", "\n")

    return run


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""


def test_an_event_is_a_card(terminal: Any, coin: str) -> None:
    code, shown = terminal("normalize", "mint", coin, "--no-verify")
    assert code == 0
    lines = [line.strip("│ \n") for line in shown.splitlines()]
    assert lines[0].startswith("╭─ completed payment mint ─")
    assert [line.split(maxsplit=1) for line in lines[1:-1]][:1] == [["payment", "1"]]
    assert "merchant reference  order-7" in lines
    assert "received            1.050 DUC" in lines


def test_providers_are_a_table(terminal: Any) -> None:
    code, shown = terminal("providers")
    assert code == 0
    assert "│ mint " in shown
    assert "https://mint.example/webhooks" in shown
    assert "release   cambist-mint 0.9" in shown
    assert "settings  secrets (required), account, limit, strict" in shown


EVENT = PaymentEvent(
    id="evt_" + "0" * 32,
    provider="mint",
    source="shop",
    kind=Kind.PAYMENT,
    status=Status.FAILED,
    provider_type="coin",
    provider_status="clipped",
    payment=Payment("7", "order-7", "customer-1", "link-1", "quote-1"),
    amounts=Amounts(
        requested=Money(Decimal("0.000000000000000001"), Asset("ETH", "eip155:1")),
        received=Money(asset=Asset("USDC"), base_units=BaseUnits(10**30)),
        net=Money(Decimal(5)),
    ),
    fees=(Fee("mining", Money(Decimal("0.10"), Asset("EUR"))), Fee("odd")),
    transactions=(
        Transaction(type="exchange", money=Money(Decimal(1)), converted=Money(Decimal(2), Asset("EUR"))),
        Transaction(hash="a" * 64, confirmations=1),
    ),
    refunds=(Refund(type="sepa", money=Money(Decimal("1.5"), Asset("EUR"))),),
    card=Card("c1", "4242", "virtual"),
    failure=Failure("underpaid", "\x1b[2J[red]gone\u202e"),
    occurred_at=datetime(2026, 1, 31, 12, 30, tzinfo=UTC),
    verification=Verification("hmac-sha256", "new"),
    anomalies=(Anomaly("fees[1].amount", "is not a number"), Anomaly("", "is odd")),
    raw_digest="0" * 64,
    plugin_version="cambist-mint 0.9",
)
SHOWN = r"""
payment             7
merchant reference  order-7
customer reference  customer-1
part of             link-1
quote               quote-1
requested           0.000000000000000001 ETH on eip155:1
received            1000000000000000000000000000000 base units USDC
net                 5 of an unknown asset
fee                 0.10 EUR, mining
fee                 unknown, odd
transaction         exchange, 1 of an unknown asset -> 2 EUR
transaction         1 confirmation, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
refund              1.5 EUR, sepa
card                virtual, ends in 4242, c1
failure             underpaid: \x1b[2J[red]gone\u202e
occurred            2026-01-31 12:30:00+00:00
provider says       coin, clipped
verified            hmac-sha256, secret 'new'
anomaly             fees[1].amount: is not a number
anomaly             is odd
event               evt_00000000000000000000000000000000
"""


def shown(width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, markup=False, highlight=False)
    console.print(card(EVENT))
    return re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())


def test_a_card_shows_all_that_a_person_asks_first() -> None:
    first, *rows, _ = shown(120).splitlines()
    assert first.startswith("╭─ failed payment mint ─")
    assert [row.strip("│ ") for row in rows] == SHOWN.strip().splitlines()


def test_a_narrow_terminal_hides_no_digit() -> None:
    values = "".join(re.findall(r"│ .{18}  (.*?) *│", shown(40)))
    assert "0.000000000000000001" in values
    assert "1000000000000000000000000000000" in values.replace(" ", "")
    assert "…" not in values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("ünïcode 京", "ünïcode 京"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\x00", "a\\nb\\x00"),
        ("\u202e\udc80", "\\u202e\\udc80"),
    ],
)
def test_nothing_reaches_a_terminal_that_is_not_printable(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert one_line(f"a \n\t {text}").startswith("a ")
