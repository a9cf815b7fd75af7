"""limiter.py: the rate, the burst, and whose turn it is."""

from __future__ import annotations

import random

import pytest

from filesend_tui.core.torrent.rates.limiter import BURST_S, Limits, RateLimit
from filesend_tui.core.wire.shape import BLOCK

RATE = 100_000


def test_what_moves_never_exceeds_rate_and_burst() -> None:
    """Whoever asks, however late it takes its turns: rate x time + burst + one turn is the most."""
    rng = random.Random(1)
    limit = RateLimit(RATE)
    now, moved = 50.0, 0
    for _ in range(2_000):
        size = rng.randrange(1, 2 * BLOCK)
        # A timer is late now and then, and now and then nobody asks for a while.
        now = limit.book(now, size) + rng.choice([0, 0, 0, 0.001, 0.02, 3.0])
        moved += size
        assert moved <= RATE * (now - 50.0 + BURST_S) + 2 * BLOCK


def test_late_timers_do_not_slow_it_down() -> None:
    limit = RateLimit(RATE)
    now, moved = 0.0, 0
    while moved < 10 * RATE:
        now = limit.book(now, BLOCK) + 0.05  # each turn is taken 50 ms late
        moved += BLOCK
    assert now == pytest.approx(10, rel=0.05)


def test_time_in_which_nobody_asked_is_lost() -> None:
    limit = RateLimit(RATE)
    limit.book(0.0, BLOCK)
    limit.book(1_000.0, RATE)
    assert limit.book(1_000.0, BLOCK) == pytest.approx(1_001 - BURST_S)


def test_each_that_asks_for_one_slice_at_a_time_gets_as_much_as_any_other() -> None:
    limit = RateLimit(RATE)
    moved = [0] * 5
    turns = [limit.book(0.0, limit.slice) for _ in moved]
    for _ in range(500):
        turn = min(turns)
        who = turns.index(turn)
        moved[who] += limit.slice
        turns[who] = limit.book(turn, limit.slice)
    assert max(moved) - min(moved) <= limit.slice


def test_what_was_not_used_is_there_for_the_next() -> None:
    limit = RateLimit(RATE)
    limit.book(0.0, RATE)
    limit.give_back(RATE - 1_000)
    assert limit.book(0.0, 1) == pytest.approx(max(0.0, 1_000 / RATE - BURST_S))
    limit.give_back(1 - RATE)  # more moved than was booked
    assert limit.book(0.0, 1) == pytest.approx((1_000 + RATE) / RATE - BURST_S)


@pytest.mark.parametrize(("rate", "size"), [(1, BLOCK), (RATE, BLOCK), (10_000_000, 500_000)])
def test_a_slice_is_a_block_at_least(rate: int, size: int) -> None:
    assert RateLimit(rate).slice == size


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        RateLimit(0)


def test_limits_are_for_each_direction() -> None:
    upload, download = Limits.of(1_000_000, None)
    assert (upload.rate, download.rate) == (1_000_000, None)
    assert upload.slice == 50_000


def test_a_limit_changes_at_once_and_may_go() -> None:
    limit = RateLimit()
    assert limit.book(0.0, 10**12) == limit.book(0.0, 10**12) == 0.0
    limit.give_back(10**12)
    limit.change(RATE)
    limit.book(0.0, RATE)
    assert limit.book(0.0, 1) == pytest.approx(1 - BURST_S)
    limit.change(10 * RATE)
    assert limit.book(0.0, RATE) == 0.0
    assert limit.book(0.0, 1) == pytest.approx(0.1 - BURST_S, abs=0.2)
    limit.change(None)
    assert limit.book(0.0, 10**12) == 0.0
