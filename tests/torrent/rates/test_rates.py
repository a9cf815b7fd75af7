from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.torrent.rates.rates import RateMeter, time_remaining


@pytest.mark.parametrize("rate", [1_000, 250_000, 20_000_000])
@pytest.mark.parametrize("step", [0.001, 0.05, 0.4])
def test_measures_a_steady_flow(rate: float, step: float) -> None:
    meter = RateMeter(5.0)
    now = 1000.0
    for _ in range(int(12 / step)):
        now += step
        meter.add(now, int(rate * step))
    assert meter.rate(now) == pytest.approx(rate, rel=0.1)


def test_is_right_soon_after_the_flow_begins() -> None:
    meter = RateMeter(5.0)
    for tick in range(1, 11):
        meter.add(100 + tick / 10, 100_000)
    assert meter.rate(101) == pytest.approx(1_000_000, rel=0.15)


def test_a_first_burst_is_not_an_infinite_rate() -> None:
    meter = RateMeter(5.0)
    meter.add(7.0, 16384)
    assert meter.rate(7.0) == 16384 / 0.25


def test_falls_while_stalled_and_reaches_zero_after_the_window() -> None:
    meter = RateMeter(4.0)
    for tick in range(80):
        meter.add(tick / 10, 1000)
    seen = [meter.rate(8 + tick / 2) for tick in range(10)]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > 0
    assert seen[-1] == 0


def test_a_flow_that_begins_again_is_not_averaged_with_the_silence() -> None:
    meter = RateMeter(4.0)
    meter.add(0.0, 1000)
    for tick in range(11):
        meter.add(500 + tick / 10, 1000)
    assert meter.rate(501) == pytest.approx(11_000, rel=0.1)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 10**9)), max_size=60))
def test_agrees_with_a_full_record(steps: list[tuple[float, int]]) -> None:
    meter = RateMeter(2.0)
    now, added = 0.0, []
    for gap, size in steps:
        now += gap
        meter.add(now, size)
        added.append((now, size))
    assert meter.total == sum(size for _, size in added)
    # A bucket is a tenth of a second: what it holds is counted whole or not at all.
    longest = sum(size for when, size in added if when > now - 2.0)
    shortest = sum(size for when, size in added if when > now - 1.9)
    assert shortest <= meter._sum <= longest
    assert meter.rate(now) >= meter._sum / 2.0


@pytest.mark.parametrize(
    ("left", "rate", "expected"),
    [(0, 0.0, 0.0), (0, 5.0, 0.0), (100, 0.0, None), (100, 0.5, None), (100, 50.0, 2.0)],
)
def test_time_remaining(left: int, rate: float, expected: float | None) -> None:
    assert time_remaining(left, rate) == expected
