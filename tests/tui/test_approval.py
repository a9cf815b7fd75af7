"""The approval box: opened by a key of its own, its keys, its queue, its tree of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events as textual_events
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from filesend_tui.core import events
from filesend_tui.core.choices import Arriving, Overwrite, Stood
from filesend_tui.core.errors import NoSpace, StorageFailed
from filesend_tui.core.events import FileEntry, TransferPhase
from filesend_tui.core.torrent.storage.arrival.existing import Existing
from filesend_tui.core.torrent.storage.disk_space import check_folder
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.screens.boxes.approval import ApprovalScreen
from filesend_tui.screens.boxes.help import HelpScreen
from filesend_tui.widgets.bars.key_bar import KeyBar
from filesend_tui.widgets.bars.request_bar import RequestBar
from filesend_tui.widgets.request_tree import RequestTree
from tests.tui.moments import ANA, FILM, PHOTOS, asked, paired, phase
from tests.tui.scripted import Stage

ALL = (True,) * 6


async def asked_box(
    stage: Stage, pilot: Pilot[None], files: tuple[FileEntry, ...] = PHOTOS, partner: str = ANA
) -> ApprovalScreen:
    """Pair, get a request, and look at it."""
    await stage.settle(pilot)
    await stage.play(pilot, paired(partner))
    await stage.play(pilot, *asked("r1", files, partner=partner))
    await pilot.press("f2")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, ApprovalScreen)
    return stage.app.screen


def text(screen: ApprovalScreen, id: str) -> str:
    return str(screen.query_one(id, Static).render())


def tree(screen: ApprovalScreen) -> list[str]:
    """The rows of the tree that are in view."""
    shown = screen.query_one("#offered", RequestTree)
    rows = (shown.render_line(y).text.rstrip() for y in range(shown.size.height))
    return [row for row in rows if row]


def bar(stage: Stage) -> str:
    """What the bar about requests says; empty where it is hidden."""
    found = stage.app.screen.query_one(RequestBar)
    return found.render_line(0).text if found.display else ""


async def test_enter_accepts_everything_into_the_folder(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        assert "Ana wants to send you 6 files" in str(screen.query_one("#box").border_title)
        assert "6 of 6 files · 830.7 MB" in text(screen, "#figures")
        assert "120 GB free" in text(screen, "#figures")
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("answer") == [("r1", ALL, home / "Downloads")]
        await stage.play(pilot, phase("r1", TransferPhase.APPROVED))
        assert not isinstance(stage.app.screen, ApprovalScreen)


async def test_what_fits_but_for_its_holes_can_be_accepted(stage: Stage, home: Path) -> None:
    """A disk image of a terabyte, of which 2 GB are written, with 3 GB free."""
    image = FileEntry(path="disk.img", size=10**12, holes=10**12 - 2 * 10**9)
    full = FileEntry(path="full.img", size=2 * 10**9)
    stage.disk["bytes"] = 3 * 10**9
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot, (image, full))
        assert "does not fit" in text(screen, "#problem")  # 4 GB
        assert screen.query_one("#accept", Button).disabled
        await pilot.press("down", "space")
        await stage.settle(pilot)
        assert not screen.query_one("#problem").display
        assert "1 TB · 2 GB without holes" in text(screen, "#figures")
        assert "✓ fits" in text(screen, "#figures")
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("answer") == [("r1", (True, False), home / "Downloads")]


# -- a question takes no key that was not meant for it


@pytest.mark.parametrize("place", ["pair", "send", "transfers"])
async def test_a_request_is_a_bar_until_a_key_of_its_own_opens_it(stage: Stage, place: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press(place[0])
        await stage.settle(pilot)
        before = stage.app.screen
        await stage.play(pilot, *asked("r1"), *asked("r2", FILM))
        await stage.later(pilot, 60)
        assert stage.app.screen is before
        for words in ("F2", "Ana asks", "6 files", "830.7 MB", "holiday/", "1 more"):
            assert words in bar(stage)
        await pilot.press("f2")
        assert isinstance(stage.app.screen, ApprovalScreen)
        assert stage.app.screen.request.id == "r1"
        assert "1 more" in text(stage.app.screen, "#more")


async def test_who_writes_a_line_answers_nothing_and_sends_the_line(stage: Stage) -> None:
    """A request comes in the middle of a word; the rest of it and Enter are the line's."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("m", *"I rea")
        await stage.play(pilot, *asked("r1"))
        await stage.later(pilot, 3)
        for key in "dad":
            await pilot.press(key)
            await stage.later(pilot, 3)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("answer") == []
        assert stage.client.named("say") == [("I readad",)]
        await pilot.press("f2")  # also from within the field
        assert isinstance(stage.app.screen, ApprovalScreen)
        await pilot.press("escape", *"o!")
        assert stage.app.screen.query_one("#talk Input", Input).value == "o!"


async def test_escape_is_later_and_keeps_what_was_chosen(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await asked_box(stage, pilot)
        await pilot.press("u", "escape")
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, ApprovalScreen)
        assert stage.client.named("answer") == []
        assert "Ana asks" in bar(stage)
        await pilot.press("f2")
        await stage.settle(pilot)
        again = stage.app.screen
        assert isinstance(again, ApprovalScreen)
        assert "0 of 6 files" in text(again, "#figures")


async def test_d_declines_and_a_second_d_does_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await asked_box(stage, pilot)
        await pilot.press("d", "d")
        await stage.settle(pilot)
        assert stage.client.named("answer") == [("r1", (False,) * 6, stage.app._output)]
        await stage.play(pilot, phase("r1", TransferPhase.DECLINED))
        await pilot.press("d", "d")
        await stage.settle(pilot)
        assert stage.client.named("leave") == []
        assert stage.app.store.partner == ANA


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_is_there_in_the_box(stage: Stage, key: str) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press(key)
        assert isinstance(stage.app.screen, HelpScreen)
        await pilot.press("escape")
        assert stage.app.screen is screen


async def test_a_box_that_goes_under_help_is_gone_when_help_is(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await asked_box(stage, pilot)
        await pilot.press("question_mark")
        await stage.play(pilot, phase("r1", TransferPhase.CANCELLED))
        assert isinstance(stage.app.screen, HelpScreen)
        await pilot.press("escape")
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, ApprovalScreen)


async def test_the_next_request_follows_an_answer_but_no_key_that_was_in_the_air(
    stage: Stage,
) -> None:
    async with stage.app.run_test() as pilot:
        await asked_box(stage, pilot)
        await stage.play(pilot, *asked("r2", FILM))
        stage.app.settling.seconds = 0.5
        await pilot.press("enter")
        await stage.play(pilot, phase("r1", TransferPhase.APPROVED))
        second = stage.app.screen
        assert isinstance(second, ApprovalScreen)
        assert second.request.id == "r2"
        assert "a file" in str(second.query_one("#box").border_title)
        assert second.query_one("#accept", Button).disabled
        for key in ("enter", "d", "u", "enter", "escape"):  # somebody who does not look
            await pilot.press(key)
            await stage.later(pilot, 0.4)
        await pilot.click("#accept")
        await stage.settle(pilot)
        assert stage.app.screen is second
        assert isinstance(second, ApprovalScreen)
        assert len(stage.client.named("answer")) == 1
        assert "1 file" in text(second, "#figures")
        await stage.later(pilot, 0.6)
        second.draw()
        assert not second.query_one("#accept", Button).disabled
        await pilot.press("enter")
        await stage.settle(pilot)
        assert [call[0] for call in stage.client.named("answer")] == ["r1", "r2"]


async def test_keys_for_a_box_that_goes_by_itself_do_nothing_elsewhere(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("s")
        await stage.settle(pilot)
        await stage.play(pilot, *asked("r1"), *asked("r2", FILM))
        await pilot.press("f2")
        await stage.settle(pilot)
        stage.app.settling.seconds = 0.5
        # The asker takes it back while a hand is on its way to Space, Enter and D.
        await stage.play(pilot, phase("r1", TransferPhase.CANCELLED))
        assert not isinstance(stage.app.screen, ApprovalScreen)  # nor does the next come up
        before = stage.app.screen
        await pilot.press("space", "enter", "D", "q")
        await stage.settle(pilot)
        assert stage.app.screen is before
        assert not stage.app.store.picked
        assert stage.client.named("leave") == []
        await stage.later(pilot, 0.6)
        await pilot.press("t")
        assert stage.app.current_mode == "transfers"


async def test_the_box_goes_when_the_asker_goes(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await asked_box(stage, pilot)
        await stage.play(
            pilot,
            events.PartnerGone(partner=ANA, reason="lost"),
            phase("r1", TransferPhase.FAILED),
        )
        assert not isinstance(stage.app.screen, ApprovalScreen)
        assert stage.client.named("answer") == []
        assert bar(stage) == ""


async def test_a_click_on_the_bar_opens_the_box_and_its_second_one_answers_nothing(
    stage: Stage,
) -> None:
    async with stage.app.run_test(size=(40, 12)) as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), *asked("r1"))
        stage.app.settling.seconds = 0.5
        await pilot.click(RequestBar, times=2)
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, ApprovalScreen)
        assert stage.client.named("answer") == []


async def test_a_message_that_comes_meanwhile_is_told_in_the_box(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await stage.play(pilot, events.Message(partner=ANA, text="Not the last one, please"))
        assert "a message" in text(screen, "#more")


# -- yes and no


async def test_space_a_and_u_say_yes_and_no(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("end", "space")  # the film
        assert "5 of 6 files · 18.3 MB" in text(screen, "#figures")
        await pilot.press("u")
        assert "0 of 6 files" in text(screen, "#figures")
        assert "Press d to decline" in text(screen, "#problem")
        assert screen.query_one("#accept", Button).disabled
        await pilot.press("enter")  # nothing has a yes: nothing to accept
        await stage.settle(pilot)
        assert stage.client.named("answer") == []
        await pilot.press("a", "space", "enter")
        await stage.settle(pilot)
        assert stage.client.named("answer")[0][1] == (True, True, True, True, False, True)


async def test_a_folder_is_a_row_with_a_total_and_a_mark_of_three_kinds(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        top, market, fish, lemons, *files = tree(screen)
        assert top.split() == ["✓", "yes", "▾", "holiday/", "6", "files", "830.7", "MB"]
        assert market.split() == ["✓", "yes", "▾", "market/", "2", "files", "9.5", "MB"]
        assert "fish.jpg" in fish and "lemons" in lemons
        assert [line.split("  ")[-2].strip() for line in files[:1]] != []
        await pilot.press("down", "down", "space")  # the fish
        top, market, *_ = tree(screen)
        assert "~ some ▾ holiday/" in top and "5 of 6 files" in top
        assert "~ some" in market and "1 of 2 files" in market
        await pilot.press("up", "space")  # a folder of which some has a yes gets it whole
        assert "✓ yes" in tree(screen)[1]
        await pilot.press("space")
        assert "✗ no" in tree(screen)[1]
        assert "4 of 6 files · 821.2 MB" in text(screen, "#figures")
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("answer")[0][1] == (True, True, False, False, True, True)


async def test_folders_close_and_open(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("down", "left")
        assert "▸ market/" in tree(screen)[1]
        assert not any("fish" in line for line in tree(screen))
        await pilot.press("left", "left")  # to the folder that it is in, and that one closes
        assert tree(screen)[0].split()[2:4] == ["▸", "holiday/"]
        assert len(tree(screen)) == 1
        await pilot.press("right", "right", "right", "right", "space")
        assert "~ some" in tree(screen)[1]
        assert "5 of 6" in text(screen, "#figures")


async def test_names_stand_in_the_order_that_people_expect(stage: Stage) -> None:
    names = ("scan 10.tif", "Scan 9.tif", "scan 100.tif", "b/1", "a.txt", "scan 9b.tif")
    files = tuple(FileEntry(path=name, size=1) for name in names)
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot, files)
        shown = [node.name for node in screen.query_one("#offered", RequestTree).rows]
        assert shown == [
            "b", "1", "a.txt", "Scan 9.tif", "scan 9b.tif", "scan 10.tif", "scan 100.tif"
        ]  # fmt: skip


async def test_a_search_leaves_what_has_it_in_its_path_and_keys_mean_that(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("slash", *"JPG", "enter")
        assert len(tree(screen)) == 6
        assert not any("notes" in line for line in tree(screen))
        await pilot.press("u")
        assert "2 of 6 files" in text(screen, "#figures")
        await pilot.press("slash", *"zzz")
        assert "No file has that" in tree(screen)[0]
        await pilot.press("escape")  # shows all again, and closes nothing
        assert stage.app.screen is screen
        assert len(tree(screen)) == 8
        await pilot.press("slash", *"fish", "enter", "escape")
        assert stage.app.screen is screen
        assert len(tree(screen)) == 8
        await pilot.press("escape")
        assert stage.app.screen is not screen


async def test_a_click_says_no_to_a_file_and_closes_a_folder_by_its_name(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.click(RequestTree, offset=(20, 5))
        await pilot.click(RequestTree, offset=(14, 1))
        assert "▸ market/" in tree(screen)[1]
        await pilot.click(RequestTree, offset=(2, 1))
        await pilot.click("#accept")
        await stage.settle(pilot)
        assert stage.client.named("answer")[0][1] == (True, False, False, False, True, True)


async def test_too_much_for_the_disk_is_said_and_not_accepted(
    stage: Stage, disk: dict[str, int]
) -> None:
    disk["bytes"] = 100_000_000
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        assert "It does not fit." in text(screen, "#problem")
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("answer") == []
        await pilot.press("end", "space")
        assert not screen.query_one("#problem").display
        await pilot.press("enter")
        await stage.settle(pilot)
        assert len(stage.client.named("answer")) == 1


async def test_tab_completes_folders_and_nothing_else(stage: Stage, home: Path) -> None:
    (home / "Mustard.txt").write_text("no folder")
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("f", "ctrl+u", *"~/Mus")
        await stage.settle(pilot)
        await pilot.press("tab", *"new", "enter")
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("answer") == [("r1", ALL, home / "Music" / "new")]
        assert screen.query_one("#folder", Input).value == "~/Music/new"


async def test_a_folder_of_nobody_is_told_and_the_last_one_stays(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("f", "ctrl+u", *"~nobody-here/x", "enter")
        await stage.settle(pilot)
        assert "~nobody-here/x: there is no such person" in text(screen, "#problem")
        assert screen.query_one("#folder", Input).value == str(Path("~/Downloads"))
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("answer") == [("r1", ALL, home / "Downloads")]


async def test_another_folder_can_be_typed(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        assert screen.query_one("#folder", Input).value == str(Path("~/Downloads"))
        await pilot.press("f", "ctrl+u", *"~/Music/new", "enter")
        await stage.settle(pilot)
        assert stage.client.named("answer") == []  # Enter ended the field, it did not accept
        await stage.later(pilot, 1)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("answer") == [("r1", ALL, home / "Music" / "new")]


async def test_the_folder_is_the_one_that_was_shown(stage: Stage, home: Path) -> None:
    """It is looked at together with the free space; what takes its place later is not it."""
    error = StorageFailed("It was replaced.", "Look at it.")
    async with stage.app.run_test() as pilot:
        await asked_box(stage, pilot)
        (home / "Downloads").rename(home / "was")
        (home / "Downloads").mkdir()
        stage.client.fails["answer"] = error
        await pilot.press("enter")
        await stage.settle(pilot)
        with pytest.raises(StorageFailed, match="Downloads was replaced after it was chosen"):
            check_folder(last_output(stage))
        # Who was told of it and accepts again means what is there now.
        stage.client.fails.clear()
        await stage.later(pilot, 1)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert check_folder(last_output(stage)).path == home / "Downloads"


# -- what is there already


def stands(*numbers: int, same: bool = False) -> list[Existing]:
    return [Existing(number, 10 + number, 20 + number, same, older=False) for number in numbers]


async def test_nothing_that_is_there_is_replaced_unless_its_key_is_pressed(stage: Stage) -> None:
    stage.client.arrives, stage.client.there = Arriving(overwrite=Overwrite.ASK), stands(0, 2)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        screen = await asked_box(stage, pilot)
        assert text(screen, "#there") == (
            "There already, W replaces it: 2 kept, and what comes gets a number"
        )
        assert sum("there" in line.split() for line in tree(screen)) >= 2
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.replaced == [()]


async def test_what_is_agreed_to_is_replaced_as_it_was_when_shown(stage: Stage) -> None:
    stage.client.arrives, stage.client.there = Arriving(overwrite=Overwrite.ASK), stands(0, 2, 3)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("A")
        assert text(screen, "#there") == "There already: 3 replaced"
        offered = screen.query_one(RequestTree)
        offered.move_to(next(at for at, row in enumerate(offered.rows) if row.index == 2))
        await pilot.press("W")
        assert text(screen, "#there") == (
            "There already: 2 replaced; 1 kept, and what comes gets a number"
        )
        assert any("2 of 3 replaced" in line for line in tree(screen))
        # One that is not taken replaces nothing, and is not counted.
        offered.move_to(next(at for at, row in enumerate(offered.rows) if row.index == 3))
        await pilot.press("space")
        assert text(screen, "#there").startswith("There already: 1 replaced; 1 kept")
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.replaced == [(Stood(0, 10, 20),)]


async def test_a_yes_to_replacing_is_void_once_the_file_there_changed(stage: Stage) -> None:
    stage.client.arrives, stage.client.there = Arriving(overwrite=Overwrite.ASK), stands(0, 2)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await asked_box(stage, pilot)
        await pilot.press("A", "escape")
        await stage.settle(pilot)
        stage.client.there = [stands(0)[0]._replace(size=99), stands(2)[0]]
        await pilot.press("f2")
        await stage.settle(pilot)
        await stage.later(pilot, 1)
        assert isinstance(stage.app.screen, ApprovalScreen)
        assert text(stage.app.screen, "#there").startswith("There already: 1 replaced; 1 kept")
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.replaced == [(Stood(2, 12, 22),)]


@pytest.mark.parametrize(
    ("arriving", "same"),
    [
        (Arriving(), False),
        (Arriving(overwrite=Overwrite.OLDER), False),
        (Arriving(overwrite=Overwrite.ASK, skip_existing=True), True),
    ],
    ids=["beside", "older", "the same is left out"],
)
async def test_the_key_replaces_nothing_where_nobody_is_to_be_asked(
    stage: Stage, arriving: Arriving, same: bool
) -> None:
    stage.client.arrives, stage.client.there = arriving, stands(0, 2, same=same)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await asked_box(stage, pilot)
        await pilot.press("A", "W", "enter")
        await stage.settle(pilot)
        assert stage.client.replaced == [()]


async def test_what_is_there_is_of_the_folder_that_is_chosen(stage: Stage, home: Path) -> None:
    stage.client.arrives, stage.client.there = Arriving(overwrite=Overwrite.ASK), stands(0, 2)
    (home / "Other").mkdir()
    async with stage.app.run_test(size=(120, 40)) as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("A")
        stage.client.there = ()
        await pilot.press("f", "ctrl+u", *str(home / "Other"), "enter")
        await stage.settle(pilot)
        assert not screen.query_one("#there").has_class("-some")
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.replaced == [()]


async def test_escape_in_the_folder_declines_nothing(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("f", *"xyz", "escape")
        await stage.settle(pilot)
        assert stage.client.named("answer") == []
        assert isinstance(stage.app.screen, ApprovalScreen)
        assert screen.query_one("#folder", Input).value == str(Path("~/Downloads"))


async def test_an_answer_that_fails_leaves_the_request_open(stage: Stage) -> None:
    stage.client.fails["answer"] = NoSpace("The disk has only 3 MB left.")
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "only 3 MB left" in text(screen, "#problem")
        assert "choose another folder" in text(screen, "#problem")
        stage.client.fails.clear()
        await stage.later(pilot, 1)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert len(stage.client.named("answer")) == 2


async def test_ten_thousand_files(stage: Stage) -> None:
    many = tuple(FileEntry(path=f"tree/{n % 97}/{n:05}.bin", size=n) for n in range(10_000))
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot, many)
        offered = screen.query_one("#offered", RequestTree)
        assert len(offered.rows) == 98  # folders are closed at first
        await pilot.press("down", "right", "end", "space", "home", "down", "down", "space")
        assert "9,896 of 10,000 files" in text(screen, "#figures")
        await pilot.press("slash", *"99", "enter", "a")
        assert len(offered.rows) > 200
        await pilot.press("enter")
        await stage.settle(pilot)
        answer = stage.client.named("answer")[0][1]
        assert isinstance(answer, tuple)
        no = {int(file.path[-9:-4]) for file, yes in zip(many, answer, strict=True) if not yes}
        assert len(answer) == 10_000
        assert no == {n for n in (0, *range(96, 10_000, 97)) if "99" not in many[n].path}


SIZES = [(40, 12), (60, 18), (80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_buttons_figures_and_keys_have_room_at_every_size(
    stage: Stage, size: tuple[int, int]
) -> None:
    stage.disk["bytes"] = 5
    async with stage.app.run_test(size=size) as pilot:
        screen = await asked_box(stage, pilot)
        await stage.settle(pilot)
        box = screen.query_one("#box").content_region
        for id in ("#offered", "#figures", "#where", "#problem", "#accept", "#decline"):
            region = screen.query_one(id).region
            assert region.height and box.contains_region(region), id
        keys = screen.query_one(KeyBar).render_line(0).text
        assert "Enter Accept  d Decline  Esc Later" in keys
        assert size[0] > 100 or screen.query_one("#box").region.width == size[0]


async def test_keys_that_came_ahead_of_a_field_are_the_fields(stage: Stage) -> None:
    """Over a slow connection many keys come at once: they wait for what the first one opens."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        for key in "mquite so":
            stage.app.post_message(textual_events.Key("space" if key == " " else key, key))
        await stage.settle(pilot)
        await stage.settle(pilot)
        assert not stage.app._exit
        assert stage.app.current_mode == "transfers"
        assert stage.app.screen.query_one("#talk Input", Input).value == "quite so"


def last_output(stage: Stage) -> Path | Target:
    output = stage.client.outputs[-1]
    assert output is not None
    return output


async def test_nothing_is_drawn_while_the_app_ends(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual then removes the widgets one by one; a timer may still ask for a drawing."""
    closes = stage.app._close_all

    async def closing() -> None:
        await stage.app.screen.query_one("#figures").remove()
        stage.app._draw()
        await closes()

    monkeypatch.setattr(stage.app, "_close_all", closing)
    async with stage.app.run_test() as pilot:
        await asked_box(stage, pilot)
