"""A token bucket for each source, on a clock of the test's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambist.errors import ConfigurationError
from cambist_aiohttp import Rate
from cambist_aiohttp._rates import Buckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(Rate(2, 3), clock)
    assert [buckets.take("shop") for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]
    clock.now += 0.25
    assert buckets.take("shop") == pytest.approx(0.25)
    clock.now += 0.25
    assert buckets.take("shop") == 0
    assert buckets.take("shop") > 0


def test_a_source_does_not_use_up_another_ones() -> None:
    buckets = Buckets(Rate(1, 1), Clock())
    assert [buckets.take("shop"), buckets.take("market")] == [0, 0]
    assert buckets.take("shop") > 0


def test_to_ask_takes_nothing_and_keeps_nothing() -> None:
    buckets = Buckets(Rate(1, 1), Clock())
    assert [buckets.wait(f"source {number}") for number in range(3)] == [0, 0, 0]
    assert buckets._full_at == {}


def test_what_is_given_back_can_be_taken_again() -> None:
    buckets = Buckets(Rate(1, 1), Clock())
    buckets.take("shop")
    buckets.give_back("shop")
    buckets.give_back("never seen")
    assert buckets.take("shop") == 0
    assert buckets.take("shop") > 0


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.integers(0, 2000), max_size=60),
)
def test_no_span_of_time_has_more_than_its_burst_and_its_rate(
    per_second: int, burst: int, pauses_ms: list[int]
) -> None:
    clock = Clock()
    buckets = Buckets(Rate(per_second, burst), clock)
    taken: list[float] = []
    for pause in pauses_ms:
        clock.now += pause / 1000
        if buckets.take("shop") == 0:
            taken.append(clock.now)
    for first, start in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= burst + (end - start) * per_second + 1e-6


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 80))
def test_who_waits_as_long_as_told_is_let_in(per_second: int, burst: int, tries: int) -> None:
    clock = Clock()
    buckets = Buckets(Rate(per_second, burst), clock)
    for _ in range(tries):
        clock.now += buckets.wait("shop") + 1e-9
        assert buckets.take("shop") == 0


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (1, 0), (float("nan"), 1)])
def test_a_rate_that_is_none_is_refused(per_second: float, burst: int) -> None:
    with pytest.raises(ConfigurationError):
        Rate(per_second, burst)
