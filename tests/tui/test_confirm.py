"""Questions: whole at every size, and their buttons too."""

from __future__ import annotations

import pytest
from textual.widgets import Button

from filesend_tui.core.events import FileEntry
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from tests.security.test_terminal import screen_text
from tests.tui.moments import paired, receiving
from tests.tui.scripted import Stage

SIZES = [(40, 12), (60, 18), (80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_words_to_compare_are_whole_at_every_size(
    stage: Stage, size: tuple[int, int]
) -> None:
    words = ("blacksmith", "wheelbarrow", "stagecoach")
    stage.client.words = " ".join(words)
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired("A name as long as they may be, or so it is"))
        await pilot.press("v")
        await stage.settle(pilot)
        drawn = "\n".join(screen_text(stage.app))
        for word in (*words, "!  Different", "=  The same"):
            assert word in drawn
        assert size[0] > 64 or stage.app.screen.query_one("#box").region.width == size[0]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_long_question_scrolls_and_leaves_the_buttons_where_they_are(
    stage: Stage, size: tuple[int, int]
) -> None:
    long = tuple(FileEntry(path=f"{'a long name ' * 30}{n}", size=1) for n in range(2))
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), *receiving("r1", long[:1]), *receiving("r2", long[1:]))
        await pilot.press("q")
        await stage.settle(pilot)
        screen = stage.app.screen
        assert isinstance(screen, ConfirmScreen)
        box = screen.query_one("#box").content_region
        for button in screen.query(Button):
            assert button.region.height and box.contains_region(button.region)
        for _ in range(30):
            await pilot.press("down")
        assert "sides." in "\n".join(screen_text(stage.app))
