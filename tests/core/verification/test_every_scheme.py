"""What holds for every scheme that looks into a header: it takes what is genuine, and fails closed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from cambist import Secret
from cambist.errors import ConfigurationError
from cambist.verification import Scheme

HOUR = timedelta(hours=1)


def test_what_it_signs_it_takes_and_names_the_secret(row: Any) -> None:
    scheme = row.make(row.secrets())
    verification = scheme.verify(row.signed())
    assert (verification.scheme, verification.label) == (scheme.name, "key 1")


def test_it_is_a_scheme_and_says_what_it_does_against_replays(row: Any) -> None:
    scheme = row.make(row.secrets())
    assert isinstance(scheme, Scheme)
    assert scheme.replay is row.replay


def test_without_its_header_it_refuses(row: Any) -> None:
    assert f"header {row.header} is missing" in row.refusal(row.with_values())


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", ",", "=", ".", "..", ",,,,", "t=", "t=,v1=", "t=1767268800,v1=", "v1,", "v1=", "v0,v1"),
        *("sha256=", "sha256=00", "Basic", "Basic ", "Basic Og==", "Bearer", "Bearer ", "Bearer a.b.c"),
        *("garbage-4111", "00" * 64, "0" * 128, "A" * 43 + "=", "\x00", "\x00" * 64, "a" * 100_000),
        *("é", "Bearer é", "Basic é", "sha256=é", "t=1767268800,v1=é", "v1,é", "é" * 128, "ключ", "\udcff"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_whatever_else_stands_in_its_header_it_refuses(row: Any, value: str) -> None:
    assert "4111" not in row.refusal(row.with_values(value))


def test_a_second_value_in_its_header_gains_nothing(row: Any) -> None:
    value = row.signed().headers[row.header]
    forged = row.with_values("garbage", value)
    if row.a_forgery_beside_it_is_harmless:
        assert row.make(row.secrets()).verify(forged).label == "key 1"
    else:
        row.refusal(forged)
    row.refusal(row.with_values("garbage", "garbage too"))
    assert row.make(row.secrets()).verify(row.with_values(value, value)).label == "key 1"


def test_of_two_good_signatures_the_first_secret_is_named(row: Any) -> None:
    values = [row.signed(index=index).headers[row.header] for index in (1, 0)]
    both = row.with_values(*values)
    if row.a_forgery_beside_it_is_harmless:
        assert row.make((*row.secrets(0), *row.secrets(1))).verify(both).label == "key 1"
    else:
        row.refusal(both, *row.secrets(0), *row.secrets(1))


def test_another_secret_is_refused(row: Any) -> None:
    row.refusal(row.signed(index=1))


@pytest.mark.parametrize("index", [0, 1])
def test_of_two_secrets_either_is_taken_and_named(row: Any, index: int) -> None:
    scheme = row.make((*row.secrets(0), *row.secrets(1)))
    assert scheme.verify(row.signed(index=index)).label == f"key {index + 1}"


@pytest.mark.parametrize(("start", "end"), [(None, 0), (1, None), (-2, -1)])
def test_a_secret_out_of_its_window_is_refused(row: Any, start: int | None, end: int | None) -> None:
    now: datetime = row.delivery.received_at
    bounds = {"not_before": start, "not_after": end}
    (outside,) = row.secrets(0, **{key: now + n * HOUR for key, n in bounds.items() if n is not None})
    (inside,) = row.secrets(1, not_before=now, not_after=now + HOUR)
    assert row.make((outside, inside)).verify(row.signed(index=1)).label == "key 2"
    row.refusal(row.signed(index=0), outside, inside)
    assert "no secret is valid at the time of arrival" in row.refusal(row.signed(index=0), outside)
    with pytest.raises(ConfigurationError):
        row.make((outside,)).sign(row.delivery)


def test_a_window_cannot_be_held_against_an_unknown_time(row: Any) -> None:
    secrets = row.secrets(not_before=row.delivery.received_at - HOUR)
    assert "received_at" in row.refusal(evolve(row.signed(), received_at=None), *secrets)


@pytest.mark.parametrize("empty", [(), (Secret("", "1"),)])
def test_a_scheme_with_an_empty_secret_is_not_made(row: Any, empty: tuple[Secret, ...]) -> None:
    with pytest.raises(ConfigurationError, match="secret"):
        row.make(empty)
    if empty:
        with pytest.raises(ConfigurationError, match="empty"):
            row.make((*row.secrets(), *empty))


def test_a_signature_is_of_one_body_and_a_credential_of_any(row: Any) -> None:
    other = evolve(row.signed(), body=row.delivery.body + b"\n")
    if row.covers_body:
        row.refusal(other)
        row.refusal(evolve(other, body=b""))
    else:
        assert row.make(row.secrets()).verify(other).label == "key 1"
