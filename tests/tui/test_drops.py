"""Files dropped on the terminal, which come as a paste, wherever one is. Real folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual import events as textual_events
from textual.pilot import Pilot
from textual.widgets import Input

from filesend_tui.screens.boxes.help import HelpScreen
from filesend_tui.screens.pair import PairScreen
from filesend_tui.widgets.bars.talk_bar import TalkField
from filesend_tui.widgets.fields.code_field import CodeField
from filesend_tui.widgets.fields.filter_field import FilterField
from tests.tui.moments import paired
from tests.tui.scripted import CODE, Stage
from tests.tui.test_app import notice


async def paste(stage: Stage, pilot: Pilot[None], text: object) -> None:
    """What a terminal says is pasted, whoever has the keys."""
    stage.app.post_message(textual_events.Paste(str(text)))
    await stage.settle(pilot)


def chosen(stage: Stage) -> list[str]:
    return [Path(path).name for path in stage.app.store.picked]


@pytest.mark.parametrize("place", ["p", "s", "t"])
@pytest.mark.parametrize("alone", [True, False])
async def test_on_every_place_they_are_chosen_and_shown(
    stage: Stage, home: Path, place: str, alone: bool
) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        if not alone:
            await stage.play(pilot, paired())
        await pilot.press(place)
        await stage.settle(pilot)
        await paste(stage, pilot, f"'{home / 'cat on a sofa.jpg'}' '{home / 'Pictures'}'\n")
        assert stage.app.current_mode == "send"
        assert chosen(stage) == ["cat on a sofa.jpg", "Pictures"]
        assert "Chosen: cat on a sofa.jpg and Pictures." in notice(stage)
        assert stage.app.store.picked.weight is not None
        assert stage.app.store.picked.weight.files == 4


async def test_a_code_goes_to_the_code_field_and_files_do_not(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await paste(stage, pilot, f"{CODE}\n")
        field = stage.app.screen.query_one(CodeField)
        assert field.value == CODE
        assert field.has_focus
        await paste(stage, pilot, home / "letter.odt")  # the field has the keys now
        assert stage.app.current_mode == "send"
        assert chosen(stage) == ["letter.odt"]
        assert field.value == CODE, "what was typed stays"


async def test_a_code_in_quotes_is_no_file(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await paste(stage, pilot, f"'{CODE}'")
        assert isinstance(stage.app.screen, PairScreen)
        assert CODE in stage.app.screen.query_one(CodeField).value


@pytest.mark.parametrize("place", ["s", "t"])
async def test_what_is_not_there_is_told(stage: Stage, home: Path, place: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press(place)
        await stage.settle(pilot)
        await paste(stage, pilot, home / "nothing here")
        assert "nothing here is not there." in notice(stage).replace("\n", " ")
        assert chosen(stage) == []


async def test_text_that_is_no_path_means_nothing_among_the_transfers(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("t")
        await paste(stage, pilot, "how are you?")
        assert notice(stage) == ""
        assert stage.app.current_mode == "transfers"


async def talking(stage: Stage, pilot: Pilot[None], begun: str = "") -> TalkField:
    await stage.settle(pilot)
    await stage.play(pilot, paired())
    await pilot.press("t", "m", *begun)
    await stage.settle(pilot)
    field = stage.app.screen.query_one(TalkField)
    assert field.has_focus
    return field


async def test_files_dropped_on_an_empty_line_are_to_be_sent(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        field = await talking(stage, pilot)
        await paste(stage, pilot, f"{home / 'letter.odt'}\n{home / 'Music'}")
        assert stage.app.current_mode == "send"
        assert chosen(stage) == ["letter.odt", "Music"]
        assert field.value == ""
        assert stage.client.named("say") == []


async def test_in_a_line_that_was_begun_a_path_is_text(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        field = await talking(stage, pilot, "see ")
        await paste(stage, pilot, home / "letter.odt")
        assert stage.app.current_mode == "transfers"
        assert field.value == f"see {home / 'letter.odt'}"
        assert chosen(stage) == []


@pytest.mark.parametrize("text", ["hello there", "/shrug", "~ so so ~", "'quoted' words"])
async def test_in_an_empty_line_what_names_no_files_is_text(stage: Stage, text: str) -> None:
    async with stage.app.run_test() as pilot:
        field = await talking(stage, pilot)
        await paste(stage, pilot, text)
        assert field.value == text
        assert chosen(stage) == []


async def test_some_that_are_not_there_make_it_text(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        field = await talking(stage, pilot)
        await paste(stage, pilot, f"{home / 'letter.odt'} {home / 'gone'}")
        assert "letter.odt" in field.value
        assert chosen(stage) == []


async def test_in_the_filter_they_are_files_as_well(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("s")
        await stage.settle(pilot)
        await pilot.press("slash")
        await paste(stage, pilot, home / "letter.odt")
        assert chosen(stage) == ["letter.odt"]
        await paste(stage, pilot, "cat")
        assert stage.app.screen.query_one(FilterField).value == "cat"


async def test_a_name_of_the_folder_that_is_shown_is_enough(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("s")
        await stage.settle(pilot)
        await paste(stage, pilot, "letter.odt")
        assert chosen(stage) == ["letter.odt"]


async def test_under_a_box_they_are_chosen_and_the_box_stays(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("question_mark")
        await paste(stage, pilot, home / "letter.odt")
        assert isinstance(stage.app.screen, HelpScreen)
        assert chosen(stage) == ["letter.odt"]
        await pilot.press("escape")
        assert "Chosen: letter.odt." in notice(stage)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files, or not for everybody")
async def test_what_cannot_be_sent_is_told_and_the_rest_chosen(stage: Stage, home: Path) -> None:
    os.mkfifo(home / "pipe")
    (home / "broken").symlink_to("nowhere")
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await paste(stage, pilot, " ".join(str(home / n) for n in ("letter.odt", "pipe", "broken")))
        assert chosen(stage) == ["letter.odt"]
        told = notice(stage).replace("\n", " ")
        assert "Chosen: letter.odt. pipe (a pipe) and broken (a broken link)" in told


async def test_a_folder_and_a_file_in_it_are_the_folder(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await paste(stage, pilot, f"{home / 'Pictures' / 'beach.jpg'}\n{home / 'Pictures'}")
        assert chosen(stage) == ["Pictures"]


@pytest.mark.parametrize(
    "text", ["file://[a", "/" + "x" * 100_000, "/a\0b", "~" + "/.." * 5000, "'" * 5000]
)
async def test_no_paste_is_a_fault(stage: Stage, text: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        for place in ("t", "s", "p"):
            await pilot.press(place)
            await stage.settle(pilot)
            await paste(stage, pilot, text)
            assert chosen(stage) == []
            for field in stage.app.screen.query(Input):
                field.value = ""
            stage.app.screen.set_focus(None)
