"""From 110 columns on: picker, transfers and talk side by side, and which of them has the keys."""

from __future__ import annotations

import pytest
from textual import events as textual_events
from textual.color import Color
from textual.pilot import Pilot
from textual.widgets import Input

from filesend_tui.core import events
from filesend_tui.screens.work import WorkScreen
from filesend_tui.widgets.bars.key_bar import KeyBar
from filesend_tui.widgets.bars.talk_bar import TalkField, TalkHistory
from filesend_tui.widgets.bars.top_bar import Place
from filesend_tui.widgets.fields.filter_field import FilterField
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.pane import SIGN, Pane
from filesend_tui.widgets.picker.picker_list import PickerList
from filesend_tui.widgets.picker.preview import Preview
from filesend_tui.widgets.transfers.transfer_list import TransferList
from tests.security.test_terminal import screen_text
from tests.tui.moments import ANA, asked, paired, rate, receiving, sending
from tests.tui.scripted import Stage
from tests.tui.test_picker import chosen

WIDE, NARROW = (120, 40), (80, 24)
SIZES = [(110, 24), (110, 12), WIDE, (200, 60)]
TITLES = {"send": "Send", "transfers": "Transfers", "talk": "Talk"}
KEYS = {"send": "s", "transfers": "t", "talk": "m"}


def says(text: str) -> events.Event:
    return events.Message(partner=ANA, text=text)


async def opened(
    stage: Stage, pilot: Pilot[None], key: str = "t", *happened: events.Event
) -> WorkScreen:
    """Be paired, with two transfers and a word, in a pane."""
    await stage.settle(pilot)
    await stage.play(pilot, paired(), *sending("s1"), *receiving("r1"), says("hello"), *happened)
    await pilot.press(key)
    await stage.settle(pilot)
    screen = stage.app.screen
    assert isinstance(screen, WorkScreen)
    return screen


def panes(screen: WorkScreen) -> dict[str, Pane]:
    return {"send": screen.picker, "transfers": screen.transfers, "talk": screen.talk}


def here(screen: WorkScreen) -> str:
    """The one pane that is told to have the keys, by each of the signs for it."""
    shown = panes(screen)
    (told,) = [name for name, pane in shown.items() if pane.has_class("-here")]
    (signed,) = [name for name, pane in shown.items() if SIGN in str(pane.border_title)]
    edges = {name: pane.styles.border_top for name, pane in shown.items()}
    (framed,) = [name for name, (line, _) in edges.items() if line == "heavy"]
    colours: dict[Color, list[str]] = {}
    for name, (_, colour) in edges.items():
        colours.setdefault(colour, []).append(name)
    (coloured,) = [names[0] for names in colours.values() if len(names) == 1]
    assert told == signed == framed == coloured
    if screen.focused is not None:
        assert shown[told] in screen.focused.ancestors
    return told


def shown(screen: WorkScreen) -> set[str]:
    return {name for name, pane in panes(screen).items() if pane.region.area}


async def resize(stage: Stage, pilot: Pilot[None], size: tuple[int, int]) -> None:
    await pilot.resize_terminal(*size)
    await stage.settle(pilot)


# -- which are there, and which has the keys


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("alone", [False, True])
async def test_from_110_columns_all_three_are_there(
    stage: Stage, size: tuple[int, int], alone: bool
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        if not alone:
            await stage.play(pilot, paired(), *receiving("r1"), says("hello"))
        await pilot.press("s")
        await stage.settle(pilot)
        screen = stage.app.screen
        assert isinstance(screen, WorkScreen)
        assert shown(screen) == {"send", "transfers", "talk"}
        left, middle, right = (pane.region for pane in panes(screen).values())
        assert (left.x, right.right) == (0, size[0])
        assert (left.right, middle.right) == (middle.x, right.x)
        assert left.height == middle.height == right.height == size[1] - 2
        text = "\n".join(screen_text(stage.app))
        for words in ("Documents/", "Transfers", "Talk", *([] if alone else ["63%", "hello"])):
            assert words in text
        field = screen.query_one(TalkField)
        assert right.contains_region(field.region)


async def test_at_109_columns_there_is_one_place_as_ever(stage: Stage) -> None:
    async with stage.app.run_test(size=(109, 40)) as pilot:
        screen = await opened(stage, pilot, "s")
        assert shown(screen) == {"send"}
        await pilot.press("t")
        await stage.settle(pilot)
        assert shown(screen) == {"transfers", "talk"}
        assert not screen.query_one(TalkField).display
        assert not any(pane.border_title or pane.framed for pane in panes(screen).values())
        assert SIGN not in "\n".join(screen_text(stage.app))


@pytest.mark.parametrize("theme", ["filesend", "filesend-light", "gruvbox"])
async def test_who_has_the_keys_is_told_by_words_and_line_and_colour(
    stage: Stage, theme: str
) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot)
        stage.app.theme = theme
        for name in ("send", "transfers", "talk"):
            await pilot.press(KEYS[name])
            await stage.settle(pilot)
            assert here(screen) == name
            heads = screen_text(stage.app)[1]
            for each, title in TITLES.items():
                assert f"{SIGN if each == name else KEYS[each]} {title}" in heads
            await pilot.press("escape")  # out of the field


async def test_s_t_and_m_move_the_keys_and_the_place_at_the_top(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot)
        for key, name, place, holder in (
            ("s", "send", "send", PickerList),
            ("t", "transfers", "transfers", TransferList),
            ("s", "send", "send", PickerList),
            ("m", "talk", "transfers", TalkField),
        ):
            await pilot.press(key)
            await stage.settle(pilot)
            assert here(screen) == name
            assert isinstance(screen.focused, holder)
            assert stage.app.current_mode == place
            (at,) = screen.query(Place).filter(".-here")
            assert TITLES[place] in str(at.render())
        await pilot.press("escape")
        await stage.settle(pilot)
        assert here(screen) == "send", "where one wrote from"


@pytest.mark.parametrize("key", ["p", "s", "t"])
async def test_m_leads_to_the_field_from_anywhere(stage: Stage, key: str) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        await opened(stage, pilot, "t")
        await pilot.press(key)
        await stage.settle(pilot)
        await pilot.press("m", *"sdtq", "enter")  # each a letter
        await stage.settle(pilot)
        assert stage.client.named("say") == [("sdtq",)]


async def test_tab_goes_through_the_panes_and_back(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot, "s")
        ways: dict[str, list[str]] = {}
        for key in ("tab", "shift+tab"):
            ways[key] = [here(screen)]
            for _ in range(8):
                await pilot.press(key)
                await stage.settle(pilot)
                if ways[key][-1] != here(screen):
                    ways[key].append(here(screen))
        assert ways["tab"][:4] == ["send", "transfers", "talk", "send"]
        ways["shift+tab"] = ways["shift+tab"][-3:]
        assert ways["shift+tab"] in (
            ["send", "talk", "transfers"],
            ["talk", "transfers", "send"],
            ["transfers", "send", "talk"],
        )


async def test_a_click_anywhere_in_a_pane_gives_it_the_keys(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot)
        for name in ("send", "talk", "transfers", "talk", "send"):
            region = panes(screen)[name].region
            await pilot.click(offset=(region.x + 2, region.bottom - 6))
            await stage.settle(pilot)
            assert here(screen) == name
        history = screen.query_one(TalkHistory)
        await pilot.click(history)
        await stage.settle(pilot)
        assert screen.query_one(TalkField).has_focus
        (top,) = [each for each in screen.query(Place) if each._mode == "transfers"]
        await pilot.click(top)
        await stage.settle(pilot)
        assert here(screen) == "transfers"


async def test_a_click_on_a_row_moves_the_cursor_of_its_own_list(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot)
        await pilot.click(PickerList, offset=(12, 2))
        await stage.settle(pilot)
        assert here(screen) == "send"
        assert screen.query_one(PickerList).cursor == 2
        assert screen.query_one(TransferList).cursor == 1


# -- keys


async def test_keys_go_to_the_pane_that_has_them_and_to_no_other(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot)
        table, listing = screen.query_one(TransferList), screen.query_one(PickerList)
        await pilot.press("home", "down", "space", "a", "S", "slash")
        await stage.settle(pilot)
        assert (table.cursor, listing.cursor) == (1, 0)
        assert chosen(stage) == []
        assert stage.client.named("request") == []
        await pilot.press("s", "down", "down", "x", "i", "space")
        await stage.settle(pilot)
        assert (table.cursor, listing.cursor) == (1, 3)
        assert chosen(stage) == ["Music"]
        assert stage.app.screen is screen, "x asked nothing"
        assert not screen.query_one("#pieces").display
        await pilot.press("m", "space", "x", "down")
        await stage.settle(pilot)
        assert screen.query_one(TalkField).value == " x"
        assert (table.cursor, listing.cursor) == (1, 3)


async def test_the_bottom_line_has_the_keys_of_the_pane(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot)

        def bottom() -> str:
            return screen.query_one(KeyBar).render_line(0).text

        assert "x Cancel" in bottom()
        assert "Choose" not in bottom()
        await pilot.press("s")
        await stage.settle(pilot)
        assert "S Send" in bottom()
        assert "Cancel" not in bottom()
        await pilot.press("m")
        await stage.settle(pilot)
        assert "Send the line" in bottom()


async def test_what_was_said_is_read_beside_the_picker(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot, "s")
        for number in range(60):
            stage.client.stream.publish(says(f"line {number}"))
        await stage.settle(pilot)
        assert stage.app.store.unread == 0
        history = screen.query_one(TalkHistory)
        assert history.size.height > 20
        last = history.render_line(history.size.height - 1).text
        assert last.strip() == "14:02 Ana: line 59"


async def test_news_leave_the_keys_where_they_are(stage: Stage) -> None:
    """A request that went out, one that was answered: all of it is in view as it is."""
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot, "s")
        await pilot.press("end", "space", "S")
        await stage.settle(pilot)
        assert len(stage.client.named("request")) == 1
        assert here(screen) == "send"
        await stage.play(pilot, *asked("r2"))
        await pilot.press("m", *"one mom", "f2", "enter")
        await stage.settle(pilot)
        assert len(stage.client.named("answer")) == 1
        assert here(screen) == "talk"
        assert screen.query_one(TalkField).value == "one mom"
        stage.app.post_message(textual_events.AppBlur())
        await stage.play(pilot, rate("r1", 5e6, 0.7))
        assert here(screen) == "talk"


async def test_an_action_of_another_pane_is_done_there(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot, "m")
        stage.app._do_by_name("transfers", "details")
        await stage.settle(pilot)
        assert screen.query_one("#pieces").display
        assert here(screen) == "transfers"


@pytest.mark.parametrize("size", [WIDE, (200, 60)])
async def test_what_is_told_of_a_transfer_is_in_view(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size) as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("home")
        stage.app.store.sample(stage.now + 2)
        await stage.settle(pilot)
        for told in ("#graph", "#graph,#pieces,#peers"):
            for widget in screen.query(f"#files,{told}"):
                assert widget.region.area, widget
                assert screen.transfers.region.contains_region(widget.region), widget
            await pilot.press("i")
            await stage.settle(pilot)


# -- another size


@pytest.mark.parametrize("keys", ["s", "s/", "s~", "t", "m"])
@pytest.mark.parametrize("first", [WIDE, NARROW], ids=["wide first", "narrow first"])
async def test_another_size_keeps_what_one_is_at(
    stage: Stage, keys: str, first: tuple[int, int]
) -> None:
    async with stage.app.run_test(size=first) as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("home", "down", "s", "down", "space", "down")
        await pilot.press("m", *"a line", "escape", "s", "slash", *"e", "enter", "down")
        await pilot.press(keys[0], *(("slash",) if "/" in keys else ()))
        await pilot.press(*(("tilde",) if "~" in keys else ()))
        if keys in {"s/", "s~", "m"}:
            await pilot.press(*"xy")
        await stage.settle(pilot)

        def state() -> tuple[object, ...]:
            return (
                screen.focused,
                [(each, each.cursor) for each in screen.query(LineList)],
                [(each, each.value) for each in screen.query(Input)],
                [(each, each.cursor_position) for each in screen.query(Input)],
                chosen(stage),
                stage.app.current_mode,
            )

        before = state()
        focused = screen.focused
        assert focused is not None
        assert len(chosen(stage)) == 1
        for size in (NARROW, (109, 30), (110, 30), (40, 12), (200, 60), NARROW, WIDE):
            await resize(stage, pilot, size)
            assert state() == before
            assert focused.region.area, "who has the keys is in view"
            assert (shown(screen) == {"send", "transfers", "talk"}) is (size[0] >= 110)
        await pilot.press("z" if keys in {"s/", "s~", "m"} else "up")
        await stage.settle(pilot)
        assert state() != before


async def test_another_size_while_nobody_looks_keeps_the_keys(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot, "m")
        await pilot.press(*"yes")
        stage.app.post_message(textual_events.AppBlur())
        await resize(stage, pilot, NARROW)
        stage.app.post_message(textual_events.AppFocus())
        await stage.settle(pilot)
        field = screen.query_one(TalkField)
        assert field.has_focus
        assert field.region.area
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("say") == [("yes",)]


async def test_a_field_that_was_left_is_closed_in_a_narrow_terminal(stage: Stage) -> None:
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot, "m")
        await pilot.press(*"later", "escape", "t")
        await resize(stage, pilot, NARROW)
        assert not screen.query_one(TalkField).display
        await pilot.press("m")
        await stage.settle(pilot)
        assert screen.query_one(TalkField).value == "later"


async def test_what_was_hidden_is_up_to_date_when_it_comes_up(stage: Stage) -> None:
    async with stage.app.run_test(size=NARROW) as pilot:
        await opened(stage, pilot, "s")
        await stage.play(pilot, *sending("s2"), says("are you there?"))
        assert stage.app.store.unread
        await resize(stage, pilot, WIDE)
        text = "\n".join(screen_text(stage.app))
        assert text.count("the long way") >= 2
        assert "are you there?" in text
        assert stage.app.store.unread == 0


@pytest.mark.parametrize("size", [(110, 30), WIDE, (200, 24), (200, 60)], ids=str)
async def test_there_is_a_preview_beside_other_panes(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.app.run_test(size=size) as pilot:
        screen = await opened(stage, pilot, "s")
        preview = screen.query_one(Preview)
        assert preview.size.width > 20
        assert preview.size.height > 5
        assert preview.render_line(0).text.strip() == "Documents/"


# -- what it costs


async def test_a_figure_is_drawn_where_it_stands_and_nowhere_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in the other panes is not drawn anew, and what is hidden is not even asked."""
    drawn: list[str] = []

    def count(kind: type, name: str) -> None:
        draw = getattr(kind, name)

        def counted(self: object, *arguments: object) -> object:
            drawn.append(kind.__name__)
            return draw(self, *arguments)

        monkeypatch.setattr(kind, name, counted)

    for kind in (PickerList, TransferList, TalkHistory, FilterField):
        count(kind, "render_lines")
    async with stage.app.run_test(size=WIDE) as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("home")
        await stage.settle(pilot)
        drawn.clear()
        await stage.play(pilot, rate("r1", 5e6, 0.7))
        assert set(drawn) == {"TransferList"}
        await resize(stage, pilot, NARROW)
        await pilot.press("s")
        await stage.settle(pilot)
        count(type(screen.transfers), "draw")
        drawn.clear()
        await stage.play(pilot, rate("r1", 6e6, 0.8))
        assert drawn == []
