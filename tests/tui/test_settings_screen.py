"""The settings screen: what is set is shown, what is changed counts at once and is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from filesend_tui.app import FileSendApp
from filesend_tui.screens.boxes.settings import SettingsScreen
from filesend_tui.settings.load import load
from filesend_tui.settings.preferences import Preferences
from filesend_tui.theme import THEMES
from tests.tui.moments import asked, paired
from tests.tui.scripted import ScriptedClient, ScriptedPlaces, Stage
from tests.tui.test_app import notice, nowhere

SIZES = [(40, 12), (60, 18), (80, 24), (120, 40), (200, 60)]


def file_of(stage: Stage) -> Path:
    assert stage.app._preferences.file is not None
    return stage.app._preferences.file


def remembered(stage: Stage) -> Preferences:
    """What a start after this one would find."""
    file = file_of(stage)
    return Preferences.of(load({}, {"FILESEND_SETTINGS": str(file)}), file)


async def opened(stage: Stage, pilot: Pilot[None]) -> SettingsScreen:
    await stage.settle(pilot)
    await pilot.press("comma")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, SettingsScreen)
    return stage.app.screen


async def type_into(pilot: Pilot[None], screen: SettingsScreen, key: str, text: str) -> None:
    screen.query_one(f"#{key}", Input).focus()
    await pilot.pause()
    await pilot.press("ctrl+u", *text)


async def test_all_of_it_counts_at_once_and_is_remembered(stage: Stage, home: Path) -> None:
    file_of(stage).write_text('# mine\nname = "You"\n', encoding="utf-8")
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("right")
        assert stage.app.theme == "filesend-light"
        await type_into(pilot, screen, "name", "Ann")
        await type_into(pilot, screen, "output", "~/Music")
        await type_into(pilot, screen, "upload_limit", "2M")
        await pilot.press("ctrl+s")
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, SettingsScreen)
        assert "counts from now on" in notice(stage)
        assert stage.client.named("rename") == [("Ann",)]
        assert stage.client.named("limit") == [(2_000_000, None)]
        kept = remembered(stage)
        assert kept.text["theme"] == "filesend-light"
        assert kept.text["name"] == "Ann"
        assert kept.text["upload_limit"] == "2M"
        assert "# mine" in file_of(stage).read_text(encoding="utf-8")
        await stage.play(pilot, paired(), *asked("r1"))
        await pilot.press("f2")
        await stage.settle(pilot)
        assert stage.app.screen.query_one("#folder", Input).value == str(Path("~/Music"))


async def test_escape_leaves_all_as_it_was(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("right", "right")
        await type_into(pilot, screen, "name", "Eve")
        await pilot.press("escape")
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, SettingsScreen)
        assert stage.app.theme == THEMES[0].name
        assert not file_of(stage).exists()
        assert stage.client.named("rename") == []


async def test_what_cannot_be_used_is_told_where_it_stands(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await type_into(pilot, screen, "name", "Ann")
        await type_into(pilot, screen, "download_limit", "fast")
        await pilot.press("ctrl+s")
        await stage.settle(pilot)
        assert stage.app.screen is screen
        assert "Receive at most: 'fast' is no rate" in str(
            screen.query_one("#problem", Static).render()
        )
        assert screen.query_one("#download_limit").has_focus
        assert not file_of(stage).exists()


async def test_a_file_that_cannot_be_written_is_told(stage: Stage) -> None:
    file_of(stage).write_text("name = ", encoding="utf-8")
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await type_into(pilot, screen, "name", "Ann")
        await pilot.press("ctrl+s")
        await stage.settle(pilot)
        assert "cannot be changed" in str(screen.query_one("#problem", Static).render())
        assert stage.client.named("rename") == []


async def test_what_a_variable_says_is_shown_and_cannot_be_changed(stage: Stage) -> None:
    stage.app._preferences = stage.app._preferences._replace(
        text={"name": "Ann"}, held={"name": "FILESEND_NAME"}
    )
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        assert not screen.query("#name")
        lines = [str(words.render()) for words in screen.query(Static)]
        assert "Ann  (set by FILESEND_NAME)" in lines


async def test_a_theme_from_the_palette_is_remembered(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.app.theme = "nord"
        await stage.settle(pilot)
        assert remembered(stage).text["theme"] == "nord"


@pytest.mark.parametrize(("theme", "known"), [("filesend-light", True), ("no-such", False)])
async def test_the_next_start_has_the_theme(home: Path, theme: str, known: bool) -> None:
    client = ScriptedClient()
    app = FileSendApp(
        lambda: client,
        places=ScriptedPlaces(nowhere),
        output=home,
        preferences=Preferences(None, {"theme": theme}),
    )
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.theme == (theme if known else THEMES[0].name)
        assert (app.store.notice is None) is known


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_line_and_both_buttons_have_room_at_every_size(
    stage: Stage, size: tuple[int, int]
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        screen = await opened(stage, pilot)
        screen.refuse("name", "a name needs at least one letter that can be shown")
        await stage.settle(pilot)
        box = screen.query_one("#box").content_region
        for id in ("#save", "#close", "#problem"):
            region = screen.query_one(id).region
            assert region.height and box.contains_region(region), id
        for key in ("theme", "name", "output", "upload_limit", "download_limit"):
            screen.query_one(f"#{key}").focus()
            await stage.settle(pilot)
            assert box.contains_region(screen.query_one(f"#{key}").region), key
