"""The history screen: found, opened, deleted; by keys, and at any size."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from filesend_tui.core.events import Direction, Result
from filesend_tui.screens import open_folder
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.boxes.history import HistoryScreen
from filesend_tui.state.past import matches, title, who
from filesend_tui.widgets.bars.key_bar import KeyBar
from filesend_tui.widgets.history_list import HistoryList
from tests.tui.moments import past
from tests.tui.scripted import Stage
from tests.tui.test_app import notice


async def opened(stage: Stage, pilot: Pilot[None]) -> HistoryScreen:
    await stage.settle(pilot)
    await pilot.press("H")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, HistoryScreen)
    return stage.app.screen


def shown(screen: HistoryScreen) -> list[str]:
    return [each.names[0] for each in screen.query_one(HistoryList).rows]


def hints(screen: HistoryScreen) -> str:
    return screen.query_one(KeyBar).render_line(0).text


async def test_it_opens_from_anywhere_and_closes_by_the_same_key(stage: Stage) -> None:
    stage.client.past = list(past())
    async with stage.app.run_test() as pilot:
        for place in ("p", "s", "t"):
            await pilot.press(place)
            screen = await opened(stage, pilot)
            assert shown(screen) == [each.names[0] for each in past()]
            await pilot.press("H")
            await stage.settle(pilot)
            assert not isinstance(stage.app.screen, HistoryScreen)


async def test_an_empty_one_says_so_and_offers_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        assert "Nothing here yet" in screen.query_one(HistoryList).render_line(0).text
        for word in ("Open folder", "Find", "Delete all"):
            assert word not in hints(screen)
        assert "Esc Close" in hints(screen)
        await pilot.press("x", "enter", "slash")
        await stage.settle(pilot)
        assert stage.app.screen is screen
        await pilot.press("escape")
        await stage.settle(pilot)
        assert stage.app.screen is not screen


async def test_a_part_of_a_name_finds_it(stage: Stage) -> None:
    stage.client.past = list(past())
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("slash", *"FILM")
        await stage.settle(pilot)
        assert shown(screen) == ["film.mkv"]
        await pilot.press("enter")  # to the list
        await stage.settle(pilot)
        assert isinstance(screen.focused, HistoryList)
        assert shown(screen) == ["film.mkv"]
        await pilot.press("slash", *"x", "escape")  # letters are letters in the field
        await stage.settle(pilot)
        assert stage.app.screen is screen
        assert len(shown(screen)) == len(past())
        await pilot.press("slash", *"zzz")
        await stage.settle(pilot)
        assert "Nothing with this" in screen.query_one(HistoryList).render_line(0).text


async def test_enter_opens_the_folder_of_what_arrived(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened_folders: list[Path] = []

    async def show(path: Path, program: str, environment: object) -> None:
        opened_folders.append(path)

    monkeypatch.setattr(open_folder, "opener", lambda: "xdg-open")
    monkeypatch.setattr(open_folder, "open_folder_of", show)
    came = tmp_path / "in box" / "film.mkv"
    sent, received = past()[:2]
    assert sent.direction is Direction.SEND
    stage.client.past = [sent, replace(received, url=came.as_uri(), folder=str(came.parent))]
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        assert "Open folder" not in hints(screen)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.app.screen is screen, "what was sent has no folder here"
        await pilot.press("down")
        await stage.settle(pilot)
        assert "Open folder" in hints(screen)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.app.screen is not screen
        assert opened_folders == [came]
        assert "is open" in notice(stage)


async def test_it_is_deleted_after_a_question(stage: Stage) -> None:
    stage.client.past = list(past())
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        for answer, left in (("n", len(past())), ("y", 0)):
            await pilot.press("x")
            await stage.settle(pilot)
            assert isinstance(stage.app.screen, ConfirmScreen)
            await pilot.press(answer)
            await stage.settle(pilot)
            assert stage.app.screen is screen
            assert len(stage.client.past) == left
        assert shown(screen) == []
        assert "Delete all" not in hints(screen)


async def test_where_it_cannot_be_read_nothing_opens_and_it_is_told(stage: Stage) -> None:
    stage.client.fails["history"] = RuntimeError("a fault")
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("H")
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, HistoryScreen)
        assert "broke" in notice(stage)


async def test_a_box_that_opened_meanwhile_stays(stage: Stage) -> None:
    stage.client.hangs["history"] = asyncio.Event()
    stage.stuck = {"history"}
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("H", "question_mark")
        await stage.settle(pilot)
        help_screen = stage.app.screen
        stage.client.hangs["history"].set()
        stage.stuck = set()
        await stage.settle(pilot)
        assert stage.app.screen is help_screen


async def test_ten_thousand_entries(stage: Stage) -> None:
    stage.client.past = list(past()) * 1_250
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("end")
        await stage.settle(pilot)
        assert screen.query_one(HistoryList).cursor == len(past()) * 1_250 - 1


def test_an_entry_in_words() -> None:
    sent, received, *others = past()
    assert (title(sent), who(sent)) == ("↑ taxes 2025.pdf", "to Ben")
    assert (title(received), who(received)) == ("↓ film.mkv", "from Ana")
    share, download = (each for each in others if not each.partner)
    assert who(share) == "for anyone with the link"
    assert who(download) == "from an open swarm"
    assert {each.result for each in past()} == set(Result)
    assert matches(sent, "TAXES") and matches(sent, "ben") and not matches(sent, "film")
