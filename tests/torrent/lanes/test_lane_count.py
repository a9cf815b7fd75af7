from __future__ import annotations

from collections.abc import Callable

import pytest

from filesend_tui.core.torrent.lanes.lane_count import (
    IDLE,
    LONG_WAY,
    LONGEST_PAUSE,
    MOST_LANES,
    OPENING,
    PAUSE,
    STEPS,
    LaneCount,
)

TICK = 0.25
MB = 1_000_000


class Way:
    """A way to a peer whose rate, in bytes a second, depends on how many lanes there are."""

    def __init__(self, rate: Callable[[int], float], round_trip: float | None = 0.05) -> None:
        self.rate = rate
        self.round_trip = round_trip
        self.count = LaneCount()
        self.now = 100.0
        self.received = 0
        self.lanes = 0
        self.opens = True
        self.told: list[int] = []

    def go(self, seconds: float, *, busy: bool = True) -> int:
        """Let time pass; return how many lanes are wanted at its end."""
        wanted = self.told[-1] if self.told else 0
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            if busy:
                self.received += int(self.rate(self.lanes) * TICK)
            wanted = self.count.wanted(
                self.now,
                received=self.received,
                busy=busy,
                lanes=self.lanes,
                round_trip=self.round_trip,
            )
            self.told.append(wanted)
            if self.opens:
                self.lanes = wanted
        return wanted


def test_lanes_that_add_up_are_all_opened() -> None:
    way = Way(lambda lanes: MB * (1 + lanes))
    assert way.go(15) == MOST_LANES
    assert sorted(set(way.told)) == [0, *STEPS]


def test_lanes_that_bring_nothing_are_closed_and_tried_ever_more_rarely() -> None:
    way = Way(lambda _lanes: 10 * MB)
    assert way.go(8) == 0
    tries = sum(a == 0 < b for a, b in zip([0, *way.told], way.told, strict=False))
    assert tries == 1
    way.go(600)
    tries = sum(a == 0 < b for a, b in zip([0, *way.told], way.told, strict=False))
    assert 600 / LONGEST_PAUSE < tries <= 7
    assert sum(wanted > 0 for wanted in way.told) < 0.08 * len(way.told)


def test_what_eight_bring_is_kept_where_sixteen_bring_no_more() -> None:
    way = Way(lambda lanes: MB * min(8, 1 + lanes))
    assert way.go(PAUSE / 2) == STEPS[0]
    assert MOST_LANES in way.told
    assert way.go(PAUSE / 2) == STEPS[0]


@pytest.mark.parametrize("round_trip", [None, LONG_WAY / 2])
def test_a_short_way_needs_none(round_trip: float | None) -> None:
    way = Way(lambda lanes: MB * (1 + lanes), round_trip)
    assert way.go(60) == 0
    assert set(way.told) == {0}


def test_a_peer_that_owes_nothing_gets_none() -> None:
    way = Way(lambda lanes: MB * (1 + lanes))
    assert way.go(60, busy=False) == 0


def test_they_go_when_nothing_comes_any_more() -> None:
    way = Way(lambda lanes: MB * (1 + lanes))
    way.go(15)
    assert way.go(IDLE / 2, busy=False) == MOST_LANES
    assert way.go(IDLE, busy=False) == 0


def test_lanes_that_never_open_are_not_waited_for() -> None:
    way = Way(lambda lanes: MB * (1 + lanes))
    way.opens = False
    assert way.go(OPENING + 8) == 0


def test_a_way_that_gets_much_worse_is_tried_again_at_once() -> None:
    way = Way(lambda _lanes: 10 * MB)
    way.go(8)
    way.rate = lambda lanes: MB * (1 + lanes)
    assert way.go(PAUSE / 2) > 0


def test_lanes_that_break_are_not_opened_again_at_once() -> None:
    way = Way(lambda lanes: MB * (1 + lanes))
    way.go(15)
    way.count.broke(way.now)
    assert way.go(PAUSE - 5) == 0
    assert way.go(10) > 0
