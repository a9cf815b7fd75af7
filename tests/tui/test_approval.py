"""The approval box: its keys, its queue, and keys that were meant for something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from filesend_tui.core import events
from filesend_tui.core.errors import NoSpace, StorageFailed
from filesend_tui.core.events import FileEntry, TransferPhase
from filesend_tui.core.torrent.room import check_folder
from filesend_tui.screens.approval import ApprovalScreen
from filesend_tui.screens.send import SendScreen
from filesend_tui.widgets.path_field import PathField
from filesend_tui.widgets.request_list import RequestList
from tests.tui.moments import ANA, FILM, PHOTOS, asked, paired, phase
from tests.tui.scripted import Stage

ALL = (True,) * 6


async def asked_box(
    stage: Stage, pilot: Pilot[None], files: tuple[FileEntry, ...] = PHOTOS, partner: str = ANA
) -> ApprovalScreen:
    """Pair, get a request, and wait until keys count."""
    await stage.settle(pilot)
    await stage.play(pilot, paired(partner))
    stage.now += 10
    await stage.play(pilot, *asked("r1", files, partner=partner))
    await stage.later(pilot, 1)
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, ApprovalScreen)
    return stage.app.screen


def text(screen: ApprovalScreen, id: str) -> str:
    return str(screen.query_one(id, Static).render())


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


async def test_d_and_escape_decline(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await asked_box(stage, pilot)
        await pilot.press("d")
        await stage.settle(pilot)
        assert stage.client.named("answer")[0][:2] == ("r1", (False,) * 6)
        await stage.play(pilot, phase("r1", TransferPhase.DECLINED))
        stage.now += 10
        await stage.play(pilot, *asked("r2"))
        await stage.later(pilot, 1)
        await pilot.press("escape")
        await stage.settle(pilot)
        assert stage.client.named("answer")[1][:2] == ("r2", (False,) * 6)


async def test_space_a_and_n_say_yes_and_no(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await pilot.press("down", "down", "down", "down")
        await stage.later(pilot, 1)
        await pilot.press("space")
        assert "5 of 6 files · 18.3 MB" in text(screen, "#figures")
        await pilot.press("n")
        assert "0 of 6 files" in text(screen, "#figures")
        assert screen.query_one("#accept", Button).disabled
        await pilot.press("enter")  # nothing has a yes: nothing to accept
        await stage.settle(pilot)
        assert stage.client.named("answer") == []
        await pilot.press("a", "space", "enter")
        await stage.settle(pilot)
        assert stage.client.named("answer")[0][1] == (True, True, True, True, False, True)


async def test_a_click_says_no_to_a_file(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await asked_box(stage, pilot)
        await pilot.click(RequestList, offset=(6, 1))
        await pilot.click("#accept")
        await stage.settle(pilot)
        assert stage.client.named("answer")[0][1] == (True, False, True, True, True, True)


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
        await pilot.press("down", "down", "down", "down", "space")
        assert "It does not fit." not in text(screen, "#problem")
        await pilot.press("enter")
        await stage.settle(pilot)
        assert len(stage.client.named("answer")) == 1


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
            check_folder(stage.client.outputs[-1])
        # Who was told of it and accepts again means what is there now.
        stage.client.fails.clear()
        await stage.later(pilot, 1)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert check_folder(stage.client.outputs[-1]).path == home / "Downloads"


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


async def test_requests_queue_one_after_another(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot)
        await stage.play(pilot, *asked("r2", FILM))
        assert "1 more waiting" in text(screen, "#more")
        assert stage.app.screen is screen
        await pilot.press("enter")
        await stage.play(pilot, phase("r1", TransferPhase.APPROVED))
        await stage.later(pilot, 2)
        await stage.settle(pilot)
        second = stage.app.screen
        assert isinstance(second, ApprovalScreen)
        assert second.request.id == "r2"
        assert "a file" in str(second.query_one("#box").border_title)


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


async def test_somebody_who_types_is_not_interrupted(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("s")
        await stage.settle(pilot)
        await pilot.press(*"~/Do")
        await stage.play(pilot, *asked("r1"))
        await pilot.press("d", "enter")
        assert isinstance(stage.app.screen, SendScreen)
        assert stage.app.screen.query_one(PathField).value != "~"
        await stage.later(pilot, 2)
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, ApprovalScreen)
        assert stage.client.named("answer") == []


async def test_a_key_that_comes_too_soon_answers_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        stage.now += 10
        await stage.play(pilot, *asked("r1"))
        screen = stage.app.screen
        assert isinstance(screen, ApprovalScreen)
        assert screen.query_one("#accept", Button).disabled
        await pilot.press("enter", "d", "escape", "n", "space")
        await stage.later(pilot, 0.5)
        await pilot.press("enter")  # each key too soon starts the moment anew
        await stage.later(pilot, 0.5)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("answer") == []
        assert "6 of 6" in text(screen, "#figures")
        await stage.later(pilot, 1)
        assert not screen.query_one("#accept", Button).disabled
        await pilot.press("enter")
        await stage.settle(pilot)
        assert len(stage.client.named("answer")) == 1


async def test_somebody_who_keeps_pressing_enter_is_heard_at_last(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        stage.now += 10
        await stage.play(pilot, *asked("r1"))
        for _ in range(10):
            await pilot.press("enter")
            await stage.later(pilot, 0.3)
        assert len(stage.client.named("answer")) == 1


async def test_ten_thousand_files(stage: Stage) -> None:
    many = tuple(FileEntry(path=f"tree/{n % 97}/{n:05}.bin", size=n) for n in range(10_000))
    async with stage.app.run_test() as pilot:
        screen = await asked_box(stage, pilot, many)
        await pilot.press("end", "space", "home", "space", "pagedown", "space")
        assert "9,997 of 10,000 files" in text(screen, "#figures")
        await pilot.press("enter")
        await stage.settle(pilot)
        answer = stage.client.named("answer")[0][1]
        assert isinstance(answer, tuple)
        assert (len(answer), sum(answer), answer[0], answer[-1]) == (10_000, 9_997, False, False)
