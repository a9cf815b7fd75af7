"""The picker: filter, order, ranges, marks, mouse, preview, and room. Real folders."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from textual import events as textual_events
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static

from filesend_tui.screens import send_pane
from filesend_tui.screens.boxes.recent import RecentScreen
from filesend_tui.screens.send_pane import SendPane
from filesend_tui.screens.work import WorkScreen
from filesend_tui.widgets.fields.filter_field import FilterField
from filesend_tui.widgets.fields.path_field import PathField
from filesend_tui.widgets.picker import preview
from filesend_tui.widgets.picker.folder import FolderEntry, list_folder
from filesend_tui.widgets.picker.folder_list import FolderList
from filesend_tui.widgets.picker.glimpse import glimpse as real_glimpse
from filesend_tui.widgets.picker.picker_list import PickerList
from filesend_tui.widgets.picker.preview import Preview
from tests.tui.scripted import Stage, fill_scans
from tests.tui.test_app import notice
from tests.tui.test_send import listed, opened, summary

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files, or not for all")


def heading(screen: WorkScreen) -> str:
    count, order = (str(screen.query_one(each, Static).render()) for each in ("#count", "#order"))
    return f"{count.strip()} | {order.strip()}"


def lines(screen: WorkScreen) -> list[str]:
    listing = screen.query_one(PickerList)
    return [listing.render_line(y).text for y in range(listing.size.height)]


def previewed(screen: Screen[Any]) -> list[str]:
    shown = screen.query_one(Preview)
    return [shown.render_line(y).text.rstrip() for y in range(shown.size.height)]


def chosen(stage: Stage) -> list[str]:
    return [Path(path).name for path in stage.app.store.picked]


async def among_scans(stage: Stage, pilot: Pilot[None]) -> WorkScreen:
    fill_scans(stage.home / "Documents")
    screen = await opened(stage, pilot)
    await pilot.press("enter")
    await stage.settle(pilot)
    return screen


# -- the filter


async def test_typing_narrows_and_escape_shows_all_again(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await among_scans(stage, pilot)
        everything = len(listed(screen))
        assert heading(screen).startswith(f"{everything} here")
        await pilot.press("slash", *"SCAN 12")
        await stage.settle(pilot)
        assert listed(screen)[:2] == ["scan 12.tif", "scan 112.tif"]
        assert heading(screen).startswith(f"12 of {everything}")
        await pilot.press("backspace", "backspace", *"x")
        await stage.settle(pilot)
        assert listed(screen) == []
        assert "Nothing here is called that." in lines(screen)[0]
        await pilot.press("escape")
        await stage.settle(pilot)
        assert len(listed(screen)) == everything
        assert screen.query_one(PickerList).has_focus


async def test_enter_goes_to_the_list_and_the_filter_stays(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await among_scans(stage, pilot)
        await pilot.press("slash", *"scan 12", "enter")
        await stage.settle(pilot)
        assert screen.query_one(PickerList).has_focus
        assert len(listed(screen)) == 12
        await pilot.press("escape")
        await stage.settle(pilot)
        assert len(listed(screen)) > 200
        assert screen.query_one(FilterField).value == ""


async def test_the_cursor_stays_on_its_own_while_the_filter_changes(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await among_scans(stage, pilot)
        listing = screen.query_one(PickerList)
        await pilot.press("slash", *"125", "enter", "slash", "backspace")
        await stage.settle(pilot)
        assert listing.chosen is not None
        assert listing.chosen.name == "scan 125.tif"
        await pilot.press("escape")
        await stage.settle(pilot)
        assert listing.chosen.name == "scan 125.tif"


async def test_another_folder_is_shown_whole(stage: Stage, home: Path) -> None:
    (home / "Pictures" / "holiday" / "deep").mkdir()
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("slash", *"pic", "enter", "enter")
        await stage.settle(pilot)
        assert listed(screen) == ["holiday", "beach.jpg"]
        assert heading(screen).startswith("2 here")


async def test_keys_typed_into_the_filter_command_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("slash", *"aubSOzew.q", "space", "escape")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, WorkScreen)
        assert chosen(stage) == []
        assert len(listed(screen)) == 7


@pytest.mark.parametrize(
    ("typed", "field", "value"), [("/zeSu", FilterField, "zeSu"), ("~/zu", PathField, "~/zu")]
)
async def test_what_is_typed_ahead_goes_into_the_field_as_a_whole(
    stage: Stage, typed: str, field: type[Input], value: str
) -> None:
    """A terminal may deliver many keys at once, before the first of them is handled."""
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("space")
        for character in typed:
            stage.app.post_message(textual_events.Key(character, character))
        await stage.settle(pilot)
        assert screen.query_one(field).value == value
        assert chosen(stage) == ["Documents"]
        assert stage.client.named("request") == []


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        pytest.param("~~/zu", "~/zu", id="a path in the home folder after the key"),
        pytest.param("~/~/zu", "~/zu", id="the same after a folder that was shown"),
        pytest.param("~//tmp", "/tmp", id="an absolute one"),
        pytest.param("~zu", "~zu", id="a person's home folder"),
    ],
)
async def test_the_key_that_leads_to_the_field_is_no_second_beginning(
    stage: Stage, typed: str, value: str
) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press(*typed)
        await stage.settle(pilot)
        field = screen.query_one(PathField)
        assert field.value == value
        assert field.cursor_position == len(value)


async def test_a_pasted_path_takes_the_place_of_what_the_key_began(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("~")
        field = screen.query_one(PathField)
        assert field.value == "~"
        field.post_message(textual_events.Paste("/srv/films"))
        await stage.settle(pilot)
        assert field.value == "/srv/films"
        await pilot.press("escape", "~", "/")
        field.post_message(textual_events.Paste("films"))
        await stage.settle(pilot)
        assert field.value == "~/films"


@POSIX
async def test_an_absolute_path_typed_after_the_key_is_found(
    stage: Stage, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "film.mkv").touch()
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("~", *str(elsewhere), "enter")
        await stage.settle(pilot)
        assert listed(screen) == ["film.mkv"]
        # Where both are there, the home folder counts, as it was typed.
        below = home / str(elsewhere).lstrip("/")
        below.mkdir(parents=True)
        (below / "own.mkv").touch()
        await pilot.press("~", *str(elsewhere), "enter")
        await stage.settle(pilot)
        assert listed(screen) == ["own.mkv"]
        # Where the field was come to in another way, its text is all that counts.
        await pilot.press("ctrl+l", *f"~{elsewhere}/film.mkv", "enter")
        await stage.settle(pilot)
        assert "is not there" in notice(stage)


# -- order and dates


async def test_a_key_goes_through_the_orders_and_the_heading_says_which(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        files = ["cat on a sofa.jpg", "letter.odt", "taxes 2025.pdf"]
        assert heading(screen).endswith("by name")
        assert listed(screen)[4:] == files
        for number, name in enumerate(["letter.odt", "taxes 2025.pdf", "cat on a sofa.jpg"]):
            os.utime(stage.home / name, (1e9 + number, 1e9 + number))
        await pilot.press("z", "f5")
        await stage.settle(pilot)
        assert heading(screen).endswith("by size")
        assert listed(screen)[4:] == ["cat on a sofa.jpg", "taxes 2025.pdf", "letter.odt"]
        await pilot.press("z")
        await stage.settle(pilot)
        assert heading(screen).endswith("by date")
        assert listed(screen)[4:] == ["cat on a sofa.jpg", "taxes 2025.pdf", "letter.odt"][:4]
        assert listed(screen)[4:][0] == "cat on a sofa.jpg", "changed last"
        await pilot.press("z")
        await stage.settle(pilot)
        assert listed(screen)[4:] == files


async def test_rows_say_when_they_were_changed(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        assert "2025-06-17" in next(line for line in lines(screen) if "cat on a sofa" in line)


@POSIX
async def test_a_time_that_no_calendar_has_is_no_fault(stage: Stage) -> None:
    os.utime(stage.home / "letter.odt", ns=(0, -(2**62)))
    async with stage.app.run_test(size=(120, 40)) as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("end", "up")
        await stage.settle(pilot)
        assert any("letter.odt" in line for line in lines(screen))
        assert previewed(screen)[0] == "letter.odt"


# -- all and ranges


async def test_all_that_is_shown_is_chosen_and_again_none_of_it(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await among_scans(stage, pilot)
        await pilot.press("space", "slash", *"scan 12", "enter", "a")
        await stage.settle(pilot)
        assert len(chosen(stage)) == 13
        assert chosen(stage)[0] == "letters"
        assert all("12" in name for name in chosen(stage)[1:])
        await pilot.press("a")
        assert chosen(stage) == ["letters"]


@POSIX
async def test_all_leaves_out_what_cannot_be_sent(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await among_scans(stage, pilot)
        await pilot.press("a")
        await stage.settle(pilot)
        assert set(listed(screen)) - set(chosen(stage)) == {"lost"}


@pytest.mark.parametrize("how", ["shift", "b"])
async def test_a_range_goes_where_the_cursor_goes_and_back(stage: Stage, how: str) -> None:
    async with stage.app.run_test() as pilot:
        screen = await among_scans(stage, pilot)
        shown = listed(screen)
        down, up = ("shift+down", "shift+up") if how == "shift" else ("down", "up")
        await pilot.press("down", "down", "down", *(["b"] if how == "b" else []), down, down, down)
        assert chosen(stage) == shown[3:7]
        await pilot.press(up)
        assert chosen(stage) == shown[3:6]
        await pilot.press(up, up, up)
        assert chosen(stage) == (shown[3:4] if shown[2] == "lost" else shown[2:4])
        await pilot.press(down, down, *(["b"] if how == "b" else []), "down", "down")
        assert chosen(stage) == shown[3:5], "a move without Shift, or the second key, ends it"


async def test_a_range_of_pages_and_to_the_end(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await among_scans(stage, pilot)
        await pilot.press("end", "up", "shift+end")
        assert chosen(stage) == listed(screen)[-2:]
        await pilot.press("u", "home", "shift+pagedown")
        assert len(chosen(stage)) > 5
        await pilot.press("b", "G", "b")
        assert "scan 200.tif" in chosen(stage)


async def test_escape_takes_a_range_back(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await among_scans(stage, pilot)
        await pilot.press("end", "space", "home", "b", "pagedown")
        await stage.settle(pilot)
        assert heading(screen).endswith("b ends the range")
        assert len(chosen(stage)) > 5
        await pilot.press("escape")
        assert chosen(stage) == ["scan 200.tif"]
        assert heading(screen).endswith("by name")


async def test_a_range_over_a_filter_is_of_what_is_shown(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await among_scans(stage, pilot)
        await pilot.press("slash", *"12", "enter", "b", "end", "b")
        assert chosen(stage) == listed(screen)
        assert len(chosen(stage)) == 12


# -- folders take along what is in them


async def test_a_folder_swallows_what_is_chosen_in_it(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("down", "down", "down", "enter")
        await stage.settle(pilot)
        await pilot.press("end", "space", "left")
        await stage.settle(pilot)
        row = next(line for line in lines(screen) if "Pictures" in line)
        assert row.startswith(" [·]"), "something in it is chosen"
        await pilot.press("space")
        await stage.settle(pilot)
        assert chosen(stage) == ["Pictures"]
        assert "3 files" in summary(screen)
        await pilot.press("up", "enter")
        await stage.settle(pilot)
        assert all(line.startswith("  ✓ ") for line in lines(screen)[:2])
        await pilot.press("S")
        await stage.settle(pilot)
        assert stage.client.named("request") == [((home / "Pictures",),)]


async def test_what_goes_along_is_not_chosen_by_itself(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot)
        await pilot.press("down", "down", "down", "space", "up", "enter")
        await stage.settle(pilot)
        await pilot.press("space")
        await stage.settle(pilot)
        assert "holiday goes along with Pictures." in notice(stage)
        await pilot.press("a", "b", "end", "b")
        assert chosen(stage) == ["Pictures"]


# -- what cannot be sent


@POSIX
async def test_what_cannot_be_sent_is_marked_and_not_chosen(stage: Stage, home: Path) -> None:
    os.mkfifo(home / "a pipe")
    (home / "b broken").symlink_to("nowhere")
    (home / "c link").symlink_to("letter.odt")
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        pipe, broken, link = lines(screen)[4:7]
        assert pipe.startswith("  ✗ ")
        assert pipe.rstrip().endswith("a pipe")
        assert broken.rstrip().endswith("a broken link")
        assert "↪ c link" in link
        await pilot.press(*["down"] * 4, "space")
        await stage.settle(pilot)
        assert "a pipe cannot be sent: a pipe." in notice(stage)
        await pilot.press("enter", "down", "enter")
        await stage.settle(pilot)
        assert chosen(stage) == []
        assert "b broken cannot be sent: a broken link." in notice(stage)


async def test_unfinished_downloads_are_not_offered(stage: Stage, home: Path) -> None:
    (home / ".filesend-0123456789abcdef.part" / "tree").mkdir(parents=True)
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("full_stop")
        await stage.settle(pilot)
        assert ".secret" in listed(screen)
        assert not any("filesend" in name for name in listed(screen))
        await pilot.press("ctrl+l", *str(home / ".filesend-0123456789abcdef.part"), "enter")
        await stage.settle(pilot)
        await pilot.press("a")
        assert chosen(stage) == []
        assert lines(screen)[0].rstrip().endswith("an unfinished download")


# -- the mouse


async def test_two_clicks_open_a_folder_and_choose_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.click(PickerList, offset=(10, 3), times=2)
        await stage.settle(pilot)
        assert listed(screen) == ["holiday", "beach.jpg"]
        assert chosen(stage) == []
        assert "Nothing chosen yet" in summary(screen)


async def test_a_third_click_does_nothing_to_what_came_under_the_pointer(
    stage: Stage, home: Path
) -> None:
    for name in "abcd":
        (home / "Pictures" / name).mkdir()
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.click(PickerList, offset=(10, 3), times=2)
        await stage.settle(pilot)
        await pilot.click(PickerList, offset=(10, 3))  # in time to count as the third
        await stage.settle(pilot)
        assert screen.query_one(SendPane).folder == str(home / "Pictures")
        assert chosen(stage) == []


async def test_a_box_is_chosen_by_a_click_and_a_file_by_one_anywhere(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot)
        await pilot.click(PickerList, offset=(2, 3))
        assert chosen(stage) == ["Pictures"]
        await pilot.click(PickerList, offset=(10, 5), times=2)
        assert chosen(stage) == ["Pictures", "letter.odt"], "two clicks are not a yes and a no"
        await pilot.click(PickerList, offset=(10, 2))
        assert chosen(stage) == ["Pictures", "letter.odt"], "one on a folder's name points at it"


# -- recent folders


async def test_folders_that_something_was_chosen_in_are_remembered(
    stage: Stage, home: Path
) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("e")
        await stage.settle(pilot)
        assert stage.app.screen.query_one(FolderList).rows == []
        await pilot.press("escape", "down", "down", "down", "enter")
        await stage.settle(pilot)
        await pilot.press("space", "left")
        await stage.settle(pilot)
        await pilot.press("end", "space")
        await stage.settle(pilot)
        (home / "Pictures").rename(home / "Bilder")
        (home / "Pictures").symlink_to(home / "gone") if os.name != "nt" else None
        await pilot.press("e")
        await stage.settle(pilot)
        assert stage.app.screen.query_one(FolderList).rows == [str(home)], "missing ones are not"
        await pilot.press("escape")
        if os.name != "nt":
            (home / "Pictures").unlink()
        (home / "Bilder").rename(home / "Pictures")
        await pilot.press("e")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, RecentScreen)
        await pilot.press("down", "enter")
        await stage.settle(pilot)
        assert stage.app.screen is screen
        assert listed(screen) == ["holiday", "beach.jpg"]


async def test_a_remembered_drive_that_does_not_answer_hides_no_other(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(send_pane, "_PATIENCE", 0.1)
    monkeypatch.setattr(os.path, "isdir", lambda p: answers.wait() if p.endswith("Music") else True)
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        screen.query_one(SendPane)._recent.add([str(home / "Music"), str(home)])
        await pilot.press("e")
        await stage.settle(pilot)
        assert stage.app.screen.query_one(FolderList).rows == [str(home)]
    answers.set()


# -- the preview


@pytest.mark.parametrize(("width", "there"), [(109, False), (110, True)])
async def test_there_is_a_preview_from_110_columns_on(
    stage: Stage, width: int, there: bool
) -> None:
    async with stage.app.run_test(size=(width, 30)) as pilot:
        screen = await opened(stage, pilot)
        assert screen.query_one("#side").display is there
        await pilot.resize_terminal(219 - width, 30)
        await stage.settle(pilot)
        assert screen.query_one("#side").display is not there


async def test_the_preview_shows_what_is_under_the_cursor(stage: Stage, home: Path) -> None:
    (home / "a.txt").write_text("dear Ana,\n\x1b[31mred\u202e[bold]no markup[/]")
    async with stage.app.run_test(size=(120, 30)) as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("down", "down", "down")
        await stage.settle(pilot)
        shown = previewed(screen)
        assert shown[:3] == ["Pictures/", "1 folder, 1 file", "2025-06-22 12:00"]
        assert shown[4:6] == ["holiday/", "beach.jpg"]
        await pilot.press("down")
        await stage.settle(pilot)
        shown = previewed(screen)
        assert shown[0] == "a.txt"
        assert shown[1].endswith("· text")
        assert shown[4:6] == ["dear Ana,", "[31mred[bold]no markup[/]"]
        await pilot.press("down")
        await stage.settle(pilot)
        assert previewed(screen)[1] == "2.3 MB · image (jpg)"
        await pilot.press("slash", *"nothing like it")
        await stage.settle(pilot)
        assert "".join(previewed(screen)) == ""


async def test_a_preview_that_comes_up_shows_something_at_once(stage: Stage) -> None:
    async with stage.app.run_test(size=(80, 30)) as pilot:
        screen = await opened(stage, pilot)
        await pilot.resize_terminal(120, 30)
        await stage.settle(pilot)
        assert previewed(screen)[0] == "Documents/"


async def test_a_disk_that_does_not_answer_holds_up_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the keys, nor previews of what is elsewhere, nor the end."""
    answers, look = threading.Event(), real_glimpse

    def glimpse(path: str) -> object:
        return answers.wait() if path.endswith(("Documents", "Downloads")) else look(path)

    monkeypatch.setattr(preview, "glimpse", glimpse)
    monkeypatch.setattr(preview, "REST", 0)
    async with stage.app.run_test(size=(120, 30)) as pilot:
        await stage.settle(pilot)
        await pilot.press("s")
        await stage.wait_until(pilot, lambda: "Looking…" in previewed(stage.app.screen))
        for _ in range(20):
            await pilot.press("down", "up")
        await pilot.press("down", "down", "down")
        await stage.wait_until(pilot, lambda: "1 folder, 1 file" in previewed(stage.app.screen))
        await pilot.press("space")
        assert chosen(stage) == ["Pictures"]
    answers.set()


async def test_a_folder_that_does_not_answer_can_be_left(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    def slow(folder: str) -> object:
        return answers.wait() if folder.endswith("Documents") else list_folder(folder)

    monkeypatch.setattr(send_pane, "list_folder", slow)
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("enter")
        await stage.wait_until(pilot, lambda: heading(screen).startswith("Reading…"))
        await pilot.press("down", "down", "down", "enter")
        await stage.settle(pilot)
        assert listed(screen) == ["holiday", "beach.jpg"]
    answers.set()


# -- many


async def test_a_key_in_a_big_folder_asks_no_disk_and_draws_only_what_is_seen(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = home / "Documents"
    for number in range(5_000):
        (many / f"{number:04}.txt").touch()
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert heading(screen).startswith("5,000 here")
        drawn: list[str] = []
        draw_row = PickerList.draw_row

        def draw(self: PickerList, row: FolderEntry, width: int) -> Sequence[object]:
            drawn.append(row.name)
            return draw_row(self, row, width)

        def no_disk(*_: object) -> None:
            raise AssertionError("a key needs no disk")

        monkeypatch.setattr(PickerList, "draw_row", draw)
        for name in ("list_folder", "look_in", "weigh", "find_all"):
            monkeypatch.setattr(send_pane, name, no_disk)
        await pilot.press("slash", "1", "2", "enter", "z", "z", "z", "G", "home", "full_stop")
        await stage.settle(pilot)
        count = sum("12" in f"{number:04}" for number in range(5_000))
        assert heading(screen).startswith(f"{count} of 5,000")
        assert len(drawn) < 20 * 4 * 24
        drawn.clear()
        await pilot.press("escape", "home", "b", "end")
        assert len(chosen(stage)) == 5_000
        assert len(drawn) < 20 * 4 * 24


# -- room


@pytest.mark.parametrize("size", [(40, 12), (60, 18), (80, 24), (120, 40), (200, 60), (20, 6)])
async def test_the_list_and_the_number_chosen_have_the_first_claim_to_room(
    stage: Stage, size: tuple[int, int]
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("space", "space", "space")
        await stage.settle(pilot)
        assert "3 chosen" in summary(screen)
        chosen_line = screen.query_one("#chosen")
        assert chosen_line.region.bottom <= size[1] - 1, "the keys stand below"
        listing = screen.query_one(PickerList)
        side = screen.query_one("#side")
        below = side.outer_size.height if side.region.y > listing.region.y else 0
        assert listing.size.height > below
        rest = 3 if size[1] < 15 else 5 if size[1] < 20 else 11
        assert listing.size.height + below >= size[1] - rest
        tall, low = size[1] >= 20, size[1] < 15
        assert screen.query_one(PathField).display is tall
        assert screen.query_one("#heading").display is not low
        await pilot.press("slash", "x")
        await stage.settle(pilot)
        assert screen.query_one("#heading").display, "what one types is seen"
        await pilot.press("escape", "ctrl+l")
        await stage.settle(pilot)
        assert screen.query_one(PathField).display
        await pilot.press("escape")
        await stage.settle(pilot)
        assert screen.query_one(PathField).display is tall
