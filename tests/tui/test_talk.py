"""Talk: what was said is seen wherever one is, all of it can be read, and no line gets lost."""

from __future__ import annotations

import pytest
from rich.cells import chop_cells
from textual import events as textual_events
from textual.pilot import Pilot
from textual.widgets import Static

from filesend_tui.core import events
from filesend_tui.core.errors import NotPaired
from filesend_tui.core.sessions.partner import MAX_TEXT
from filesend_tui.screens.work import WorkScreen
from filesend_tui.state.store import MAX_LINES
from filesend_tui.widgets.bars import talk_bar
from filesend_tui.widgets.bars.talk_bar import TalkBar, TalkField, TalkHistory
from tests.tui.moments import ANA, paired, receiving
from tests.tui.scripted import Stage
from tests.tui.test_app import notice

SIZES = [(40, 12), (60, 18), (80, 24), (120, 40), (200, 60)]


def says(text: str, *, outgoing: bool = False) -> events.Event:
    return events.Message(partner=ANA, text=text, outgoing=outgoing)


def badge(stage: Stage) -> str:
    return str(stage.app.screen.query_one("#link", Static).render())


def seen(stage: Stage) -> list[str]:
    """The lines of talk that are in view."""
    history = stage.app.screen.query_one(TalkHistory)
    lines = (history.render_line(y).text.rstrip() for y in range(history.size.height))
    return [line for line in lines if line]


async def at(stage: Stage, pilot: Pilot[None], key: str) -> None:
    await stage.settle(pilot)
    await stage.play(pilot, paired())
    await pilot.press(key)
    await stage.settle(pilot)


@pytest.mark.parametrize(
    ("place", "size"),
    # From 110 columns on the talk stands beside the picker.
    [*(("p", size) for size in SIZES), *(("s", size) for size in SIZES if size[0] < 110)],
    ids=str,
)
async def test_who_is_elsewhere_sees_a_number_and_the_first_words(
    stage: Stage, place: str, size: tuple[int, int]
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        await at(stage, pilot, place)
        await stage.play(pilot, says("Stop! [b]Not[/b] those. " + "Rather the others. " * 9))
        await stage.play(pilot, says("Are you there?"))
        assert "2 " in badge(stage)
        assert ("new" if size[0] < 60 else "messages") in badge(stage)
        assert "Ana: Are you there?" in notice(stage)
        await pilot.press("m")  # from anywhere
        await stage.settle(pilot)
        assert stage.app.current_mode == "transfers"
        assert stage.app.screen.query_one(TalkField).has_focus
        assert "2 " not in badge(stage)
        assert notice(stage) == ""
        if size[1] > 18:
            assert seen(stage)[0].startswith("14:02 Ana: Stop! [b]Not[/b]")
        assert "14:02 Ana: Are you there?" in seen(stage)[-1]


async def test_on_transfers_it_is_read_at_once(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await at(stage, pilot, "t")
        await stage.play(pilot, says("hello"))
        assert stage.app.store.unread == 0
        assert notice(stage) == ""
        assert seen(stage) == ["14:02 Ana: hello"]


async def test_it_is_not_read_under_a_box_nor_while_the_terminal_is_not_looked_at(
    stage: Stage,
) -> None:
    async with stage.app.run_test() as pilot:
        await at(stage, pilot, "t")
        await pilot.press("question_mark")
        await stage.play(pilot, says("hello"))
        assert stage.app.store.unread == 1
        await pilot.press("escape")
        await stage.settle(pilot)
        assert stage.app.store.unread == 0
        stage.app.post_message(textual_events.AppBlur())
        await stage.play(pilot, says("hello?"))
        assert stage.app.store.unread == 1
        stage.app.post_message(textual_events.AppFocus())
        await stage.settle(pilot)
        assert stage.app.store.unread == 0


async def test_a_message_does_not_hide_trouble(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await at(stage, pilot, "s")
        await stage.play(pilot, events.Error(code="x", message="The disk is full.", hint=""))
        await stage.play(pilot, says("look at my cat"))
        assert "The disk is full." in notice(stage)
        assert "1 message" in badge(stage)


async def test_all_of_a_talk_can_be_read(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await at(stage, pilot, "t")
        for number in range(MAX_LINES):
            stage.client.stream.publish(says(f"line {number}"))
        await stage.settle(pilot)
        assert seen(stage)[-1].endswith(f"line {MAX_LINES - 1}")
        await pilot.press("m")
        await stage.settle(pilot)
        assert len(seen(stage)) > 5
        assert seen(stage)[-1].endswith(f"line {MAX_LINES - 1}")
        await pilot.press("up")
        assert seen(stage)[-1].endswith(f"line {MAX_LINES - 2}")
        for _ in range(MAX_LINES):
            await pilot.press("pageup")
            if seen(stage)[0].endswith("line 0"):
                break
        assert seen(stage)[0].endswith("line 0")
        # What comes while one reads above does not move what one reads.
        await stage.play(pilot, says("the newest"))
        assert seen(stage)[0].endswith("line 1")  # line 0 is one too many now
        await pilot.press(*"yes", "enter")
        await stage.settle(pilot)
        await stage.play(pilot, says("yes", outgoing=True))
        assert seen(stage)[-1] == "14:02 you: yes"


async def test_long_lines_are_broken_between_words_and_wide_ones_by_cells(stage: Stage) -> None:
    async with stage.app.run_test(size=(40, 24)) as pilot:
        await at(stage, pilot, "t")
        await pilot.press("m")
        await stage.play(pilot, says("one two three four five six seven"), says("漢" * 40))
        shown = seen(stage)
        assert shown[:2] == ["14:02 Ana: one two three four five", "      six seven"]
        assert sum(line.count("漢") for line in shown) == 40


def test_a_word_as_long_as_a_message_is_broken_in_two_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Step by step it took seconds at each change of the width: anybody can say such a word."""
    chopped: list[int] = []

    def noting(text: str, width: int) -> list[str]:
        chopped.append(len(text))
        return chop_cells(text, width)

    monkeypatch.setattr(talk_bar, "chop_cells", noting)
    lines = list(talk_bar._wrapped("漢" * MAX_TEXT, 40, 12))
    assert "".join(lines) == "漢" * MAX_TEXT
    assert len(lines[0]) == 14
    assert {len(line) for line in lines[1:-1]} == {(40 - talk_bar._INDENT) // 2}
    assert len(chopped) == 2


async def test_a_line_for_nobody_stays_in_the_field(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await at(stage, pilot, "t")
        await pilot.press("m", *"see you")
        await stage.play(pilot, events.PartnerGone(partner=ANA, reason="left"))
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("say") == []
        assert stage.app.screen.query_one(TalkField).value == "see you"


async def test_a_line_that_could_not_be_said_comes_back(stage: Stage) -> None:
    stage.client.fails["say"] = NotPaired("Nobody is there.")
    async with stage.app.run_test() as pilot:
        await at(stage, pilot, "t")
        await pilot.press("m", *"see you", "enter")
        await stage.settle(pilot)
        assert "Nobody is there." in notice(stage)
        assert stage.app.screen.query_one(TalkField).value == "see you"


async def test_a_paste_of_several_lines_is_one_line_and_as_long_as_may_be(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await at(stage, pilot, "t")
        await pilot.press("m", "a")
        await stage.settle(pilot)
        stage.app.post_message(textual_events.Paste("first\r\n  second\n\nthird"))
        await stage.settle(pilot)
        field = stage.app.screen.query_one(TalkField)
        assert field.value == "afirst second third"
        stage.app.post_message(textual_events.Paste("x" * 5000))
        await stage.settle(pilot)
        assert len(field.value) == 2000


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_field_and_last_line_have_room_at_every_size(
    stage: Stage, size: tuple[int, int]
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("t")
        await stage.play(pilot, *receiving("r1"))
        for number in range(40):
            stage.client.stream.publish(says(f"line {number}"))
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, WorkScreen)
        assert seen(stage)[-1] == "14:02 Ana: line 39"
        await pilot.press("m")
        await stage.settle(pilot)
        bar = stage.app.screen.query_one(TalkBar)
        field = stage.app.screen.query_one(TalkField)
        assert bar.region.contains_region(field.region)
        assert field.region.bottom < size[1]
        assert seen(stage)[-1] == "14:02 Ana: line 39"
