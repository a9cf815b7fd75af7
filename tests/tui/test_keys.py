"""The table of keys: a key has one meaning, and whatever names a key takes it from there."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

import filesend_tui.screens
import filesend_tui.widgets
from filesend_tui.app import FileSendApp
from filesend_tui.keys import PLAIN, TABLE, every, shown
from filesend_tui.screens.boxes.help import HelpScreen, page
from filesend_tui.screens.boxes.history import HistoryScreen
from filesend_tui.screens.boxes.people import PeopleScreen
from filesend_tui.screens.boxes.unfinished import UnfinishedScreen
from filesend_tui.widgets.bars.key_bar import KeyBar, KeyHint, that_fit
from tests.tui.moments import asked, left, paired, past, sending
from tests.tui.scripted import CODE, Stage

SIZES = [(40, 12), (60, 18), (80, 24), (120, 40), (200, 60)]


def test_a_key_has_one_meaning_everywhere() -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for _, key in every():
        for each in key.keys.split(","):
            meanings[each].add(key.does)
    assert {key: does for key, does in meanings.items() if len(does) > 1 and key not in PLAIN} == {}


def our_classes() -> Iterator[type[DOMNode]]:
    """Every class of ours that takes keys."""
    for package in (filesend_tui.screens, filesend_tui.widgets):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            for each in vars(importlib.import_module(module.name)).values():
                ours = isinstance(each, type) and each.__module__ == module.name
                if ours and issubclass(each, DOMNode) and "BINDINGS" in vars(each):
                    yield each
    yield FileSendApp


def test_every_binding_is_in_the_table() -> None:
    known = {(f"{place}.{key.does}", key.keys, key.action) for place, key in every()}
    for each in our_classes():
        for binding in each.BINDINGS:
            assert isinstance(binding, Binding)
            assert (binding.id, binding.key, binding.action) in known, (each, binding)


@pytest.mark.parametrize("place", TABLE)
def test_every_action_of_the_table_is_there(place: str) -> None:
    wanted = {key.action.partition("(")[0] for key in TABLE[place].keys}
    for each in our_classes():
        if any(isinstance(b, Binding) and str(b.id).startswith(f"{place}.") for b in each.BINDINGS):
            for action in wanted:
                owner = FileSendApp if action.startswith("app.") else each
                assert hasattr(owner, "action_" + action.removeprefix("app.")), (each, action)


#: What answers which of its keys make sense, each as it is opened from the store.
ASKED: dict[str, Callable[[FileSendApp], Screen[Any]]] = {
    "history": lambda app: HistoryScreen(past()),
    "unfinished": lambda app: UnfinishedScreen(app.store.unfinished),
    "people": lambda app: PeopleScreen(app.store),
    "work": lambda app: app._work_screen(Path()),
}


@pytest.mark.parametrize("name", ASKED)
async def test_keys_are_asked_for_while_a_screen_is_made_and_removed(
    stage: Stage, name: str
) -> None:
    """Textual does so whenever bindings are refreshed, as a screen with none of its widgets yet."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        screen = ASKED[name](stage.app)
        asked = [screen, *getattr(screen, "_panes", {}).values()]
        assert_answers(asked)
        await stage.app.push_screen(screen)
        await stage.settle(pilot)
        assert_answers(asked)
        await screen.remove_children()
        assert_answers(asked)


def assert_answers(asked: Sequence[DOMNode]) -> None:
    for each in asked:
        for _, binding in each._bindings:  # those that it has itself
            each.check_action(binding.action.partition("(")[0], ())


def test_no_sentence_names_a_key_by_itself() -> None:
    """A key that is spelled out in a sentence stays behind when the table changes."""
    for package in (filesend_tui.screens, filesend_tui.widgets, filesend_tui):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if module.ispkg or module.name.endswith("__main__"):
                continue
            spec = importlib.util.find_spec(module.name)
            assert spec is not None and spec.origin is not None
            source = Path(spec.origin).read_text(encoding="utf-8")
            assert not re.search(r"\b[Pp]ress \w\b(?!\w)", source), module.name


def test_help_names_every_key_and_begins_with_the_present_place() -> None:
    text = page("send").plain
    assert text.startswith("Send\n")
    for _, key in every():
        if key.about:
            assert key.about in text
            assert key.all_shown in text


async def test_help_begins_with_where_one_is(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), *asked("r1"))
        for key, title in (("p", "Pair"), ("s", "Send"), ("t", "Transfers"), ("f2", "A request")):
            await pilot.press(key)
            await stage.settle(pilot)
            await pilot.press("f1")
            assert isinstance(stage.app.screen, HelpScreen)
            assert stage.app.screen.query_one("#page Static").render().plain.startswith(title)  # type: ignore[union-attr]
            await pilot.press("escape")


async def test_the_palette_lists_every_action_with_its_key_the_present_places_first(
    stage: Stage,
) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("s")
        await stage.settle(pilot)
        titles = [each.title for each in stage.app.named_actions(stage.app.screen)]
        assert titles[:3] == ["Send (S)", "Share openly (O)", "Open (Enter)"]
        for place in ("pair", "send", "picker", "transfers"):
            for key in TABLE[place].keys:
                assert not key.about or f"{key.title} ({key.shown})" in titles
        for does in ("disconnect", "verify", "settings", "suspend", "help", "quit", "message"):
            assert any(f"({shown(does)})" in title for title in titles), does


async def test_an_action_of_another_place_is_done_there(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("t")
        await stage.settle(pilot)
        await pilot.press("ctrl+p", *"copy code")
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.app.current_mode == "pair"
        assert stage.app.clipboard == CODE


async def test_an_action_that_makes_no_sense_now_says_so(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.app._do_by_name("app", "disconnect")
        await stage.settle(pilot)
        assert stage.app.store.notice is not None
        assert "cannot be done now" in stage.app.store.notice.message


# -- the line at the bottom


def hint(words: str, *, first: bool = False) -> KeyHint:
    return KeyHint("x", "x", words, first)


def test_hints_have_room_whole_and_those_first_that_must_be_there() -> None:
    hints = [hint("a"), hint("bbbb"), hint("cc"), hint("help", first=True)]
    assert [each.words for each in that_fit(hints, 80)] == ["a", "bbbb", "cc", "help"]
    assert [each.words for each in that_fit(hints, 20)] == ["a", "cc", "help"]
    assert [each.words for each in that_fit(hints, 8)] == ["help"]
    assert that_fit(hints, 3) == ()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    ("place", "must"),
    [("p", "Enter Type their code"), ("s", "S Send"), ("t", "x Cancel")],
)
async def test_the_bottom_line_tells_what_matters_at_every_size(
    stage: Stage, place: str, must: str, size: tuple[int, int]
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        if place != "p":
            await stage.play(pilot, paired(), *sending("s1"))
        await pilot.press(place)
        await stage.settle(pilot)
        line = stage.app.screen.query_one(KeyBar).render_line(0).text
        assert must in line
        assert "? Help" in line


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    ("key", "all_of_them"),
    [
        ("U", ["Enter Go on", "F3 All", "x Forget", "U Close"]),
        ("l", ["Enter Set", "Esc Leave", "F1 Help"]),
    ],
)
async def test_a_small_box_tells_all_its_keys_at_every_size(
    stage: Stage, key: str, all_of_them: list[str], size: tuple[int, int]
) -> None:
    stage.client.left = left()
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        await pilot.press(key)
        await stage.settle(pilot)
        line = stage.app.screen.query_one(KeyBar).render_line(0).text
        assert [each for each in all_of_them if each not in line] == []
