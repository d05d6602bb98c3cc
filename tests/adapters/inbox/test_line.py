"""How much a sink is given: all that it can take, and one event at a time while it is out of order."""

from __future__ import annotations

import heapq
from itertools import count

import pytest

from cambist_inbox import ATTEMPTS
from cambist_inbox._line import LONGEST_REST_S, STREAK, Line, longest_wait_s, wait_s


def test_a_sink_that_works_gets_as_many_as_it_may() -> None:
    line = Line(8)
    assert line.room(0) == 8
    line.running = 5
    assert line.room(0) == 3


def test_after_a_streak_it_rests_and_then_gets_one() -> None:
    line = Line(8)
    for _ in range(STREAK - 1):
        line.failed(0)
    assert line.room(0) == 8
    line.failed(0)
    assert line.room(0) == line.room(0.09) == 0
    assert line.room(0.11) == 1
    line.running = 1
    assert line.room(0.11) == 0


def test_a_success_ends_it_at_once() -> None:
    line = Line(8)
    for _ in range(STREAK + 3):
        line.failed(0)
    line.succeeded()
    assert line.room(0) == 8
    line.failed(0)
    assert line.room(0) == 8


def test_failures_that_were_under_way_make_one_rest() -> None:
    line = Line(32)
    for _ in range(32):
        line.failed(0)
    assert line.room(0.11) == 1


def test_rests_double_up_to_the_longest() -> None:
    line, now, rests = Line(1), 0.0, []
    for _ in range(STREAK - 1):
        line.failed(now)
    for _ in range(12):
        line.failed(now)
        begin = now
        while line.room(now) == 0:
            now += 0.01
        rests.append(now - begin)
    assert rests[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8], abs=0.02)
    assert rests[-1] == pytest.approx(LONGEST_REST_S, abs=0.02)


def test_waits_double_up_to_an_hour() -> None:
    assert [longest_wait_s(n, 1) for n in (1, 2, 3, 12, 13, 40)] == [1, 2, 4, 2048, 3600, 3600]
    for attempts in (1, 5, 20):
        waits = [wait_s(attempts, 1) for _ in range(200)]
        assert longest_wait_s(attempts, 1) / 2 <= min(waits) < max(waits) <= longest_wait_s(attempts, 1)


def test_the_tries_of_one_event_last_as_long_as_is_said() -> None:
    longest = sum(longest_wait_s(attempts, 1) for attempts in range(1, ATTEMPTS))
    assert 10 * 3600 < longest / 2 < longest < 20.5 * 3600


def test_a_sink_that_is_away_for_eight_hours_while_50000_events_wait() -> None:
    """Nothing dies, hardly a try is spent, and all is handed on soon after."""
    hours, latency = 8 * 3600.0, 0.05
    line, numbers = Line(32), count()
    due = [(0.0, next(numbers), 0) for _ in range(50_000)]  # when, which, tries so far
    running: list[tuple[float, int, int]] = []
    now, tries, most, delivered = 0.0, 0, 0, 0
    while due or running:
        while due and due[0][0] <= now and line.room(now):
            _, number, attempts = heapq.heappop(due)
            line.running += 1
            tries += 1
            heapq.heappush(running, (now + latency, number, attempts + 1))
        if running:
            now, number, attempts = heapq.heappop(running)
            line.running -= 1
            most = max(most, attempts)
            if now < hours:
                line.failed(now)
                heapq.heappush(due, (now + wait_s(attempts, 1), number, attempts))
            else:
                line.succeeded()
                delivered += 1
        else:
            now += 0.05
    assert delivered == 50_000
    assert tries < 50_000 + 1200
    assert most <= 5
    assert now < hours + LONGEST_REST_S + 50_000 / 32 * latency + 60
