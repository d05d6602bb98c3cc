"""A signed time may be as far from the time of arrival as the tolerance says, either way, and no further."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from cambist import Delivery, Secret
from cambist.errors import VerificationError
from cambist.verification import HmacSignature, Timestamp

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOLERANCE = timedelta(minutes=5)
UNITS = ("s", "ms", "iso8601")
STEPS = {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1), "iso8601": timedelta(microseconds=1)}


def scheme(unit: Any, **place: str) -> HmacSignature:
    return HmacSignature(
        secrets=(Secret("s3cret", "1"),),
        header="X-Sign",
        separator=",",
        template="{timestamp}.{body}",
        timestamp=Timestamp(unit=unit, tolerance=TOLERANCE, **(place or {"header": "X-Time"})),
    )


def signed(of: HmacSignature, at: datetime = NOW) -> Delivery:
    delivery = Delivery("shop", {}, b"{}", at)
    return evolve(delivery, headers=of.sign(delivery))


def is_fresh(unit: Any, apart: timedelta, **place: str) -> bool:
    of = scheme(unit, **place)
    try:
        of.verify(evolve(signed(of), received_at=NOW + apart))
    except VerificationError as error:
        if "too far from the time of arrival" in error.reason:
            return False
        raise
    return True


@pytest.mark.parametrize("place", [{"header": "X-Time"}, {"key": "t"}])
@pytest.mark.parametrize("unit", UNITS)
def test_at_the_tolerance_it_is_taken_and_a_step_beyond_refused(unit: str, place: dict[str, str]) -> None:
    for way in (-1, 1):
        assert is_fresh(unit, timedelta(0), **place)
        assert is_fresh(unit, way * TOLERANCE, **place)
        assert not is_fresh(unit, way * (TOLERANCE + STEPS[unit]), **place)
        assert not is_fresh(unit, way * timedelta(hours=1), **place)


@given(st.sampled_from(UNITS), st.timedeltas(-timedelta(days=4000), timedelta(days=4000)))
@example("ms", TOLERANCE + timedelta(microseconds=1))
def test_it_is_fresh_within_the_tolerance_and_not_beyond(unit: str, apart: timedelta) -> None:
    assert is_fresh(unit, apart) is (abs(apart) <= TOLERANCE)


def test_the_zone_of_arrival_does_not_matter() -> None:
    of = scheme("s")
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert of.verify(evolve(signed(of), received_at=tokyo)).label == "1"
    assert signed(of, tokyo).headers == signed(of).headers


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("s", "1767268800"),
        ("ms", "1767268800000"),
        ("iso8601", "2026-01-01T12:00:00Z"),
    ],
)
def test_the_units_of_a_signed_time(unit: str, text: str) -> None:
    assert signed(scheme(unit)).headers["X-Time"] == text


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        *(("s", text) for text in ("", " ", "now", "-1", "1e9", "1767268800.0", "0x5f", "1" * 17, "١٢", "é")),
        *(("ms", text) for text in ("", "1767268800000.0", "9" * 16)),
        *(("iso8601", text) for text in ("", "2026-01-01", "2026-01-01T12:00:00", "1767268800", "é", "noon")),
        ("iso8601", "2026-01-01é12:00:00Z"),
    ],
    ids=ascii,
)
def test_a_malformed_time_is_refused(unit: str, text: str) -> None:
    of = scheme(unit)
    genuine = signed(of)
    with pytest.raises(VerificationError, match=r"malformed|empty"):
        of.verify(evolve(genuine, headers={**genuine.headers, "x-time": text}))


def test_the_header_of_the_time_is_needed_once() -> None:
    of = scheme("s")
    genuine = signed(of)
    time, signature = genuine.headers["X-Time"], genuine.headers["X-Sign"]
    for headers in (
        [("X-Sign", signature)],
        [("X-Sign", signature), ("X-Time", time), ("X-Time", "1")],
    ):
        with pytest.raises(VerificationError, match="X-Time"):
            of.verify(evolve(genuine, headers=headers))
