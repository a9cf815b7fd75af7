"""What is told to somebody who looks elsewhere, and how often."""

from __future__ import annotations

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.events import Direction, FileEntry, TransferPhase
from filesend_tui.state.news import PACE, Pace, news_of


def request(direction: Direction, *, stream: bool = False) -> e.FileRequest:
    return e.FileRequest(
        transfer="t",
        direction=direction,
        partner="Ann",
        files=(FileEntry(path="film.mkv", size=1),),
        total_bytes=1,
        stream=stream,
    )


def state(phase: TransferPhase, direction: Direction = Direction.SEND) -> e.TransferState:
    return e.TransferState(transfer="t", direction=direction, phase=phase, partner="Ann")


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (request(Direction.RECEIVE), "Ann wants to send you film.mkv"),
        (request(Direction.RECEIVE, stream=True), "Ann wants to send you a stream"),
        (request(Direction.SEND), ""),
        (e.Message(partner="Ann", text="hello"), "Ann: hello"),
        (e.Message(partner="Ann", text="hello", outgoing=True), ""),
        (e.Text(partner="Ann", text="secret"), "Ann sent you a text"),
        (state(TransferPhase.DONE), "Ann has everything"),
        (state(TransferPhase.DONE, Direction.RECEIVE), "What Ann sent is here"),
        (state(TransferPhase.FAILED), "A transfer failed"),
        (state(TransferPhase.CANCELLED), ""),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_what_is_told(event: e.Event, told: str) -> None:
    assert news_of(event) == told


def test_a_flood_is_told_a_few_times() -> None:
    pace = Pace(0.0)
    assert sum(pace.allows(0.0) for _ in range(1000)) == PACE[0]
    assert pace.allows(1 / PACE[1])
