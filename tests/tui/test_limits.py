"""The box for the rate limits of this run, and what shows them."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from filesend_tui.core import events
from filesend_tui.screens.boxes.limits import LimitsScreen
from filesend_tui.settings.preferences import Preferences
from filesend_tui.widgets.fields.rate_field import USUAL
from tests.tui.moments import asked, paired
from tests.tui.scripted import Stage
from tests.tui.test_app import notice


def top(stage: Stage) -> str:
    return str(stage.app.screen_stack[0].query_one("#link", Static).render())


async def opened(stage: Stage, pilot: Pilot[None]) -> LimitsScreen:
    await stage.settle(pilot)
    await pilot.press("l")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, LimitsScreen)
    return stage.app.screen


async def test_limits_count_at_once_and_the_settings_stay(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot)
        await pilot.press(*"500k", "tab", *"2M", "enter")
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, LimitsScreen)
        assert stage.client.named("limit") == [(500_000, 2_000_000)]
        assert "Sends at most 500 kB/s, receives at most 2 MB/s" in notice(stage)
        assert "≤ ↑500k ↓2M" in top(stage)
        assert stage.app._preferences.limits == {"upload": None, "download": None}
        assert stage.app._preferences.file is not None
        assert not stage.app._preferences.file.exists()


@pytest.mark.parametrize("none", ["", "0", "none"])
async def test_nothing_and_zero_are_no_limit(stage: Stage, none: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.Limits(upload=500_000, download=2_000_000))
        assert "≤ ↑500k ↓2M" in top(stage)
        screen = await opened(stage, pilot)
        assert [screen.query_one(f"#{way}", Input).value for way in ("upload", "download")] == [
            "500k",
            "2M",
        ]
        await pilot.press("ctrl+u", *none, "tab", "ctrl+u", *none, "enter")
        await stage.settle(pilot)
        assert stage.client.named("limit") == [(None, None)]
        assert "≤" not in top(stage)


async def test_what_is_no_rate_is_told_and_the_box_stays(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("tab", *"fast", "enter")
        await stage.settle(pilot)
        assert stage.app.screen is screen
        assert "Receive at most: 'fast' is no rate" in str(screen.query_one("#problem").render())
        assert screen.focused is screen.query_one("#download")
        assert stage.client.named("limit") == []
        await pilot.press("escape")
        await stage.settle(pilot)
        assert stage.app.screen is not screen
        assert stage.client.named("limit") == []


async def test_the_arrows_take_the_usual_rates(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        field = screen.query_one("#upload", Input)

        async def pressed(key: str) -> str:
            await pilot.press(key)
            return field.value

        assert [await pressed("down") for _ in USUAL] == list(reversed(USUAL))
        assert await pressed("down") == USUAL[0], "the lowest"
        assert [await pressed("up") for _ in USUAL] == [*USUAL[1:], ""]
        assert await pressed("up") == "", "there is nothing above no limit"
        field.value = "700k"
        assert await pressed("up") == "1M"
        field.value = "700k"
        assert await pressed("down") == "500k"


async def test_the_limits_of_the_settings_are_shown_from_the_start(stage: Stage) -> None:
    stage.app._preferences = Preferences(None, {"upload_limit": "2M"}, {})
    stage.app.store.limits = (2_000_000, None)
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        assert "≤ ↑2M" in top(stage)
        assert "↓" not in top(stage)


async def test_a_narrow_screen_shows_that_there_are_limits(stage: Stage) -> None:
    async with stage.app.run_test(size=(40, 12)) as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.Limits(upload=500_000, download=2_000_000))
        assert "≤↑↓" in top(stage)


async def test_the_key_does_nothing_in_a_box(stage: Stage) -> None:
    """There it was one of the arrows once."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), *asked("r1"))
        await pilot.press("f2")
        await stage.settle(pilot)
        box = stage.app.screen
        await pilot.press("l")
        await stage.settle(pilot)
        assert stage.app.screen is box
