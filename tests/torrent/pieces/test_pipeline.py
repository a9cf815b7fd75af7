from __future__ import annotations

import heapq

import pytest

from filesend_tui.core.torrent.pieces.pipeline import (
    CAP,
    FLOOR,
    SNUB_S,
    START,
    WINDOW_S,
    RequestPipeline,
)
from filesend_tui.core.wire.extension_state import DEFAULT_REQQ
from filesend_tui.core.wire.shape import BLOCK


class Link:
    """A peer behind a link: answers each request after the round trip, at its rate."""

    def __init__(self, pipeline: RequestPipeline, *, rate: float, round_trip: float) -> None:
        self.pipeline = pipeline
        self.rate = rate
        self.round_trip = round_trip
        self.now = 50.0
        self.arrivals: list[float] = []
        self.free_at = self.now
        self.received = 0
        self.sends = 0
        self.asked = 0
        self.most_in_flight = 0

    @property
    def in_flight(self) -> int:
        return len(self.arrivals)

    def ask(self) -> None:
        room = self.pipeline.room(self.now, self.in_flight)
        if not room:
            return
        self.pipeline.sent(self.now)
        self.sends += 1
        self.asked += room
        for _ in range(room):
            self.free_at = max(self.free_at, self.now + self.round_trip) + BLOCK / self.rate
            heapq.heappush(self.arrivals, self.free_at)
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def run(self, seconds: float) -> float:
        """Return the bytes a second delivered in that time."""
        start, before = self.now, self.received
        self.ask()
        while self.now < start + seconds:
            self.now = heapq.heappop(self.arrivals)
            self.received += BLOCK
            self.pipeline.received(self.now, BLOCK)
            self.ask()
        return (self.received - before) / (self.now - start)


LINKS = [
    pytest.param(rate, round_trip, id=f"{rate // 1000} kB per s, {round_trip * 1000:g} ms")
    for rate in (50_000, 1_000_000, 8_000_000)
    for round_trip in (0.001, 0.05, 0.3, 0.8)
]


@pytest.mark.parametrize(("rate", "round_trip"), LINKS)
def test_fills_any_link_within_seconds(rate, round_trip) -> None:
    pipeline = RequestPipeline()
    pipeline.limit(2000)
    link = Link(pipeline, rate=rate, round_trip=round_trip)
    link.run(5 + 4 * round_trip)
    assert link.run(10) >= 0.95 * rate


@pytest.mark.parametrize(("rate", "round_trip"), LINKS)
def test_settles_at_the_window_it_aims_for(rate, round_trip) -> None:
    pipeline = RequestPipeline()
    pipeline.limit(CAP)
    link = Link(pipeline, rate=rate, round_trip=round_trip)
    link.run(15)
    aim = rate * WINDOW_S / BLOCK
    assert max(FLOOR, 0.8 * aim) - 1 <= pipeline.window <= max(FLOOR, 1.25 * aim) + 1


def test_starts_with_half_a_mebibyte_and_doubles_each_round_trip() -> None:
    pipeline = RequestPipeline()
    pipeline.limit(CAP)
    link = Link(pipeline, rate=1e9, round_trip=0.1)
    link.ask()
    assert link.in_flight == START == 32
    link.run(0.1)
    link.run(0.1)
    assert pipeline.window >= 2 * START


def test_follows_a_link_that_gets_slower_and_faster() -> None:
    pipeline = RequestPipeline()
    pipeline.limit(CAP)
    link = Link(pipeline, rate=4_000_000, round_trip=0.05)
    link.run(8)
    link.rate = 200_000
    link.run(45)  # what was asked for at the old rate comes first
    assert pipeline.window <= 1.3 * 200_000 * WINDOW_S / BLOCK
    link.rate = 4_000_000
    link.run(10)
    assert pipeline.window >= 0.8 * 4_000_000 * WINDOW_S / BLOCK


@pytest.mark.parametrize(
    ("reqq", "most"), [(None, DEFAULT_REQQ), (5, 5), (0, 1), (-7, 1), (10**9, CAP)]
)
def test_never_asks_for_more_than_the_peer_bears(reqq, most) -> None:
    pipeline = RequestPipeline()
    if reqq is not None:
        pipeline.limit(reqq)
    link = Link(pipeline, rate=100_000_000, round_trip=0.3)
    link.run(5)
    assert link.most_in_flight == most


def test_asks_in_handfuls() -> None:
    pipeline = RequestPipeline()
    pipeline.limit(CAP)
    link = Link(pipeline, rate=8_000_000, round_trip=0.02)
    link.run(6)
    assert link.asked / link.sends >= 20


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_a_small_window_still_moves(limit) -> None:
    pipeline = RequestPipeline()
    pipeline.limit(limit)
    link = Link(pipeline, rate=1_000_000, round_trip=0.01)
    assert link.run(3) > 0
    assert link.in_flight >= 1


class TestSnubbed:
    def test_after_half_a_minute_of_nothing(self) -> None:
        pipeline = RequestPipeline()
        pipeline.sent(100.0)
        assert not pipeline.keeps_waiting(100 + SNUB_S - 1, 3)
        assert pipeline.keeps_waiting(100 + SNUB_S, 3)

    def test_a_block_starts_the_wait_again(self) -> None:
        pipeline = RequestPipeline()
        pipeline.sent(100.0)
        pipeline.received(120.0, BLOCK)
        assert not pipeline.keeps_waiting(149, 2)
        assert pipeline.keeps_waiting(150, 2)

    def test_not_while_nothing_is_owed(self) -> None:
        pipeline = RequestPipeline()
        pipeline.sent(100.0)
        assert not pipeline.keeps_waiting(1000, 0)

    def test_a_quiet_time_before_asking_does_not_count(self) -> None:
        pipeline = RequestPipeline()
        pipeline.sent(100.0)
        pipeline.received(101.0, BLOCK)
        pipeline.sent(900.0)
        assert not pipeline.keeps_waiting(901, 1)


def test_starts_small_after_a_drop_and_grows_again() -> None:
    pipeline = RequestPipeline()
    pipeline.limit(CAP)
    link = Link(pipeline, rate=4_000_000, round_trip=0.05)
    link.run(5)
    pipeline.dropped()
    link.arrivals.clear()
    link.free_at = link.now
    assert pipeline.room(link.now, link.in_flight) == FLOOR
    link.run(5)
    assert link.run(5) >= 0.95 * 4_000_000


def test_after_a_snub_it_is_asked_for_one_block_until_one_comes() -> None:
    pipeline = RequestPipeline()
    pipeline.sent(0)
    assert pipeline.keeps_waiting(SNUB_S, 5)
    pipeline.snub()
    assert pipeline.snubbed
    assert (pipeline.room(31, 0), pipeline.room(31, 1)) == (1, 0)
    pipeline.received(32, BLOCK)
    assert not pipeline.snubbed
    assert pipeline.room(32, 0) > 1
