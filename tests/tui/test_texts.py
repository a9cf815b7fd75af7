"""Texts that somebody sent, on the screens: told of, shown plainly, copied; and a stream asked."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from filesend_tui.core import events
from filesend_tui.core.events import Direction, FileEntry
from filesend_tui.screens.boxes.text import TextScreen
from tests.tui.moments import ANA, paired
from tests.tui.scripted import Stage
from tests.tui.test_app import notice

MARKUP = "[red]$(ls)[/red]\n\tindented ✓\n"


def text(words: str) -> events.Event:
    return events.Text(partner=ANA, text=words)


async def opened(stage: Stage, pilot: Pilot[None]) -> TextScreen:
    await pilot.press("f4")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, TextScreen)
    return stage.app.screen


def shown(screen: TextScreen) -> str:
    return str(screen.query_one("#page Static", Static).visual)


async def test_a_text_is_told_of_and_shown_as_it_is(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("f4")
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, TextScreen), "there is none"
        await stage.play(pilot, paired(), text(MARKUP))
        assert "sent you a text of 2 lines" in notice(stage)
        screen = await opened(stage, pilot)
        assert shown(screen) == MARKUP.expandtabs()
        await pilot.press("escape")
        await stage.settle(pilot)
        assert stage.app.screen is not screen


async def test_a_key_copies_it_whole(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(type(stage.app), "copy_to_clipboard", lambda _, text: copied.append(text))
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), text(MARKUP))
        screen = await opened(stage, pilot)
        await pilot.press("c")
        await stage.settle(pilot)
        assert copied == [MARKUP]
        assert str(screen.query_one("#box").border_subtitle) == "copied"


async def test_the_last_one_comes_first_and_arrows_lead_to_others(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), text("one"), text("two"))
        screen = await opened(stage, pilot)
        assert shown(screen) == "two"
        await pilot.press("left", "left")
        assert shown(screen) == "one"
        assert "1 of 2" in str(screen.query_one("#box").border_title)
        await pilot.press("right", "right")
        assert shown(screen) == "two"


async def test_a_stream_is_asked_for_as_one(stage: Stage) -> None:
    asks = events.FileRequest(
        transfer="s",
        direction=Direction.RECEIVE,
        partner=ANA,
        files=(FileEntry(path="dump", size=0),),
        total_bytes=0,
        stream=True,
    )
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), asks)
        await pilot.press("f2")
        await stage.settle(pilot)
        title = str(stage.app.screen.query_one("#box").border_title)
        assert "wants to send you a stream" in title
        figures = str(stage.app.screen.query_one("#figures", Static).visual)
        assert "a stream · of unknown length" in figures
