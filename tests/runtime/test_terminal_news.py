"""What the screens' terminal is told, and when it is not."""

from __future__ import annotations

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.events import Direction, TransferPhase
from filesend_tui.runtime.terminal_news import TerminalNews
from filesend_tui.state.views import TransferRow
from filesend_tui.system import telling

XTERM = {"TERM": "xterm", "WT_SESSION": "x"}


def row(progress: float, phase: TransferPhase = TransferPhase.TRANSFERRING) -> TransferRow:
    return TransferRow(
        "t",
        Direction.SEND,
        "Ann",
        name="film.mkv",
        phase=phase,
        progress=progress,
        wanted_bytes=100,
    )


@pytest.mark.parametrize(
    ("on", "focus", "told"),
    [(True, None, True), (True, False, True), (True, True, False), (False, False, False)],
    ids=["unknown", "elsewhere", "here", "off"],
)
def test_news_are_for_who_looks_elsewhere(on: bool, focus: bool | None, told: bool) -> None:
    written: list[str] = []
    news = TerminalNews(lambda: 0.0, on, written.append, XTERM)
    if focus is not None:
        news.focus(focus)
    news.hear(e.Message(partner="Ann", text="hello"))
    assert written == ([telling.notification("Ann: hello", XTERM)] if told else [])


def test_progress_is_in_the_title_until_nothing_runs_and_the_title_is_given_back() -> None:
    written: list[str] = []
    news = TerminalNews(lambda: 0.0, True, written.append, XTERM)
    news.show([row(0.0, TransferPhase.ASKED)])
    assert written == []
    news.show([row(0.5)])
    news.show([row(0.501)])
    assert written == [f"{telling.KEEP_TITLE}\x1b]2;50% film.mkv — FileSend\a\x1b]9;4;1;50\a"]
    news.show([])
    assert written[-1] == "\x1b]2;FileSend\a\x1b]9;4;0\a"
    news.close()
    news.close()
    assert written[-1].endswith(telling.GIVE_TITLE_BACK)
    assert len(written) == 3
