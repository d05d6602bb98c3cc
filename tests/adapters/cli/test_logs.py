"""What is printed of a log record: one line, and of what is not ours only where it is from."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cambist import Acknowledgement, Delivery
from cambist_cli._json_log import DeliveryLog
from cambist_cli._log import _handler, log_to_stderr

VALUE = "4111111111111111"


@pytest.fixture
def printed(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    yield lambda: capfd.readouterr().err.splitlines()
    logging.getLogger().removeHandler(_handler)
    log_to_stderr(logging.ERROR)
    logging.getLogger().removeHandler(_handler)


def test_a_line_of_text(printed: Callable[[], list[str]]) -> None:
    log_to_stderr(logging.WARNING)
    logging.getLogger("cambist.toy").warning("two\nlines of %r", "a source")
    logging.getLogger("cambist.toy").info("too quiet")
    assert printed() == ["cambist: warning: two lines of 'a source'"]


def test_a_line_of_json(printed: Callable[[], list[str]]) -> None:
    log_to_stderr(logging.WARNING, "json")
    logging.getLogger("cambist.toy").warning("two\nlines of %r", "a source")
    (line,) = map(json.loads, printed())
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo == UTC
    assert line == {"level": "warning", "logger": "cambist.toy", "event": "two\nlines of 'a source'"}


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_shows_its_type_alone(printed: Callable[[], list[str]], form: Any) -> None:
    log_to_stderr(logging.WARNING, form)
    try:
        raise ValueError(VALUE)
    except ValueError:
        logging.getLogger("cambist.toy").exception("failed")
    (line,) = printed()
    assert "ValueError" in line
    assert "Traceback" not in line
    assert VALUE not in line


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("name", ["asyncio", "aiohttp.server", "root"])
def test_what_others_say_is_not_shown(printed: Callable[[], list[str]], form: Any, name: str) -> None:
    log_to_stderr(logging.WARNING, form)
    logging.getLogger(name).error("future: %s", VALUE, extra={"source": VALUE})
    logging.getLogger(name).error("Bad request: " + VALUE, stack_info=True)  # noqa: G003
    first, second = printed()
    assert name in first
    assert "test_logs.py:" in first
    assert VALUE not in first + second


def test_lines_of_one_delivery_have_its_identifier(printed: Callable[[], list[str]]) -> None:
    log_to_stderr(logging.WARNING, "json")
    for source in ("shop", "market"):
        watch = DeliveryLog().received(Delivery(source, {}, VALUE.encode(), remote="203.0.113.7"))
        logging.getLogger("cambist").warning("of %s", source)
        watch.ended(Acknowledgement(202))
        logging.getLogger("cambist").warning("of nobody")
    lines = [json.loads(line) for line in printed()]
    shop, told, nobody, market, also_told, _ = lines
    assert shop["delivery"] == told["delivery"] != market["delivery"] == also_told["delivery"]
    assert "delivery" not in nobody
    assert {key: told[key] for key in ("source", "provider", "remote", "status", "outcome", "events")} == {
        "source": "shop",
        "provider": None,
        "remote": "203.0.113.7",
        "status": 202,
        "outcome": "accepted",
        "events": [],
    }
