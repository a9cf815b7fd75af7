"""The picker's keys, typed paths and dropped files. Real folders."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from pathlib import Path

import pytest
from textual import events as textual_events
from textual.pilot import Pilot
from textual.widgets import Static

from filesend_tui.app import FileSendApp
from filesend_tui.core import events
from filesend_tui.core.choices import Sending
from filesend_tui.core.errors import BadSource, Offender
from filesend_tui.core.events import GroupId, SessionId
from filesend_tui.core.exchange.offer import look_through
from filesend_tui.core.torrent.sources.create import Found, scan
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.work import WorkScreen
from filesend_tui.state.store import REQUESTING, SHARING
from filesend_tui.widgets.fields.path_field import PathField
from filesend_tui.widgets.picker.picker_list import PickerList
from tests.tui.moments import paired
from tests.tui.scripted import Stage
from tests.tui.test_app import notice


async def opened(stage: Stage, pilot: Pilot[None], *, alone: bool = False) -> WorkScreen:
    await stage.settle(pilot)
    if not alone:
        await stage.play(pilot, paired())
    await pilot.press("s")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, WorkScreen)
    return stage.app.screen


def listed(screen: WorkScreen) -> list[str]:
    return [entry.name for entry in screen.query_one(PickerList).rows]


def drawn(screen: WorkScreen) -> list[str]:
    listing = screen.query_one(PickerList)
    return [listing.render_line(y).text for y in range(listing.size.height)]


def summary(screen: WorkScreen) -> str:
    return str(screen.query_one("#chosen", Static).render())


async def test_folders_come_first_and_hidden_things_on_a_key(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        assert listed(screen)[:4] == ["Documents", "Downloads", "Music", "Pictures"]
        assert ".secret" not in listed(screen)
        await pilot.press("full_stop")
        await stage.settle(pilot)
        assert ".secret" in listed(screen)


async def test_enter_goes_in_and_left_comes_back_to_the_same_row(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("down", "down", "down", "enter")
        await stage.settle(pilot)
        assert listed(screen) == ["holiday", "beach.jpg"]
        assert screen.query_one(PathField).value == str(Path("~/Pictures"))
        await pilot.press("left")
        await stage.settle(pilot)
        chosen = screen.query_one(PickerList).chosen
        assert chosen is not None
        assert chosen.name == "Pictures"


async def test_several_things_are_chosen_weighed_and_sent(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("down", "down", "down", "space", "space", "space")
        await stage.settle(pilot)
        assert "5 files" in summary(screen)
        assert "7.1 MB" in summary(screen)
        await pilot.press("up", "space")  # the last one not after all
        await stage.settle(pilot)
        assert "4 files" in summary(screen)
        await pilot.press("S")
        await stage.settle(pilot)
        (sent,) = stage.client.named("request")
        assert sent == ((home / "Pictures", home / "cat on a sofa.jpg"),)
        assert stage.app.current_mode == "transfers"
        await pilot.press("s")
        await stage.settle(pilot)
        assert "Nothing chosen yet" in summary(screen)


async def test_what_is_chosen_stays_while_walking(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot)
        await pilot.press("end", "space", "home", "down", "down", "down", "right")
        await stage.settle(pilot)
        await pilot.press("end", "enter")  # Enter on a file chooses it
        await stage.settle(pilot)
        await pilot.press("S")
        await stage.settle(pilot)
        assert stage.client.named("request") == [
            ((home / "taxes 2025.pdf", home / "Pictures" / "beach.jpg"),)
        ]


async def test_sending_needs_a_choice_and_a_partner(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, alone=True)
        await pilot.press("S")
        assert "Nothing is chosen yet." in notice(stage)
        await pilot.press("end", "space", "S")
        await stage.settle(pilot)
        assert "Nobody is there" in notice(stage)
        assert stage.client.named("request") == []
        assert "taxes 2025.pdf" in summary(screen)
        await stage.play(pilot, paired())
        await pilot.press("s", "S", "S")
        await stage.settle(pilot)
        assert len(stage.client.named("request")) == 1


@pytest.mark.parametrize("how", ["picked", "typed", "dropped"])
@pytest.mark.parametrize("key", ["S", "O"])
async def test_what_takes_the_place_of_what_was_chosen_is_not_sent(
    stage: Stage, home: Path, how: str, key: str
) -> None:
    film, other = home / "taxes 2025.pdf", home / "letter.odt"
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        if how == "picked":
            await pilot.press("end", "space")
        elif how == "typed":
            await pilot.press("ctrl+l", *str(film), "enter")
        else:
            stage.app.post_message(textual_events.Paste(f"'{film}'"))
        await stage.settle(pilot)
        assert film.name in summary(screen)
        other.replace(film)
        await pilot.press(*("S" if key == "S" else "Oy"))
        await stage.settle(pilot)
        (sent,) = stage.client.chosen
        assert not isinstance(sent, Found)
        assert tuple(sent) == (film,)
        with pytest.raises(BadSource, match=r"taxes 2025.pdf was replaced after it was chosen"):
            scan(sent)
        assert scan(list(sent))  # chosen again, it is what is there now


async def test_u_chooses_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("space", "space", "u")
        await stage.settle(pilot)
        assert "Nothing chosen yet" in summary(screen)


async def test_a_typed_folder_is_opened_and_a_typed_file_chosen(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press(*"~/Pictures/holiday", "enter")
        await stage.settle(pilot)
        assert listed(screen) == ["boat.jpg", "notes.txt"]
        await pilot.press(*"~/cat on a sofa.jpg", "enter")
        await stage.settle(pilot)
        assert "cat on a sofa.jpg" in summary(screen)
        assert screen.query_one(PickerList).has_focus


async def test_tab_completes_a_path(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press(*"~/Mus")
        await stage.settle(pilot)
        await pilot.press("tab")
        assert screen.query_one(PathField).value == "~/Music"


async def test_a_typed_path_that_is_not_there_is_told(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press(*"~/nothing", "enter")
        await stage.settle(pilot)
        assert "~/nothing is not there." in notice(stage)
        await pilot.press("escape")
        assert screen.query_one(PathField).value == "~"


@pytest.mark.parametrize("in_field", [False, True])
@pytest.mark.parametrize("shape", ["'{0}' '{1}'", "{0}\n{1}\n", "file://{2} file://{3}"])
async def test_files_dropped_on_the_terminal_are_chosen(
    stage: Stage, home: Path, shape: str, in_field: bool
) -> None:
    paths = (home / "cat on a sofa.jpg", home / "Pictures")
    urls = [str(path).replace(" ", "%20") for path in paths]
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        if in_field:
            await pilot.press("ctrl+l")
        stage.app.post_message(textual_events.Paste(shape.format(*paths, *urls)))
        await stage.settle(pilot)
        assert "cat on a sofa.jpg and Pictures" in summary(screen)
        assert "4 files" in summary(screen)


async def test_a_folder_that_cannot_be_read_is_told(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        (home / "Documents").rmdir()
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "Documents" in notice(stage)
        assert "Choose another folder." in notice(stage)
        assert listed(screen)


# -- what is chosen stays until the core has taken it


def refuse(stage: Stage, command: str, *refused: tuple[Path, str]) -> None:
    offenders = (Offender(path, why) for path, why in refused)
    stage.client.fails[command] = BadSource("Some cannot be sent.", offenders=offenders)


async def test_a_request_that_fails_is_told_and_the_choice_stays(stage: Stage) -> None:
    stage.client.fails["request"] = BadSource("letter.odt cannot be read.")
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("space", "S")
        await stage.settle(pilot)
        assert "letter.odt cannot be read." in notice(stage)
        assert stage.app.screen is screen
        assert "Documents" in summary(screen)


async def test_the_choice_stays_while_it_is_looked_at_and_is_sent_once(stage: Stage) -> None:
    stage.client.hangs["request"] = asyncio.Event()
    stage.stuck = {REQUESTING}
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("space", "S")
        await stage.settle(pilot)
        assert stage.app.screen is screen
        assert "Documents" in summary(screen)
        assert "Looking at what is to be sent…" in summary(screen)
        for _ in range(42):
            stage.now += 1
            stage.app.store.sample(stage.now)
        stage.app._draw()
        await pilot.pause()
        assert "sent… 0:42: the disk is slow" in summary(screen)
        await pilot.press("S")
        assert "still being looked at" in notice(stage)
        await pilot.press("space")  # chosen meanwhile: it was not sent
        stage.client.hangs["request"].set()
        stage.stuck = set()
        await stage.settle(pilot)
        assert len(stage.client.named("request")) == 1
        assert stage.app.current_mode == "transfers"
        await pilot.press("s")
        await stage.settle(pilot)
        assert "✓ Downloads" in summary(screen)


@pytest.mark.parametrize(("key", "command"), [("S", "request"), ("O", "seed")])
async def test_what_cannot_be_sent_is_listed_marked_and_left_out_if_one_wants(
    stage: Stage, home: Path, key: str, command: str
) -> None:
    refused = (home / "Pictures" / "beach.jpg", home / "letter.odt")
    refuse(stage, command, (refused[0], "may not be read"), (refused[1], "was replaced"))
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("down", "down", "down", "space", "end", "up", "space", "space")
        await pilot.press(*({"S": "S", "O": "Oy"}[key]))
        await stage.settle(pilot)
        question = stage.app.screen
        assert isinstance(question, ConfirmScreen)
        assert str(question.query_one("#question", Static).render()) == "Send without these 2?"
        about = str(question.query_one("#about", Static).render())
        assert about.splitlines() == [
            f"{Path('Pictures', 'beach.jpg')} may not be read",
            "letter.odt was replaced",
        ]
        await pilot.press("enter")  # the safe answer has the keys
        await stage.settle(pilot)
        assert "w sends the rest" in notice(stage).replace("\n", " ")
        assert stage.app.screen is screen
        assert "3 chosen: Pictures, letter.odt and 1 more" in summary(screen)
        assert "2 cannot be sent. w sends the rest." in summary(screen)
        rows = {line[5:25].strip(): line for line in drawn(screen)}
        assert rows["▸ Pictures/"].rstrip().endswith("1 cannot be sent")
        assert rows["letter.odt"].startswith(" [✗]")
        assert rows["letter.odt"].rstrip().endswith("was replaced")
        del stage.client.fails[command]
        await pilot.press("w", "y")
        await stage.settle(pilot)
        assert stage.client.skipping == [False, True]
        assert stage.client.named(command)[1][0] == tuple(
            home / name for name in ("Pictures", "letter.odt", "taxes 2025.pdf")
        )
        assert stage.app.current_mode == "transfers"
        assert not stage.app.store.picked
        assert not stage.app.store.picked.refused


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files, or not for everybody")
async def test_the_core_itself_refuses_and_leaves_out(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the core's own look at what was chosen, real pipes and a real broken link."""
    os.mkfifo(home / "Pictures" / "pipe")
    (home / "Pictures" / "holiday" / "broken").symlink_to("nowhere")
    sent: list[list[str]] = []

    async def request(
        paths: Collection[Path],
        *,
        skip_unreadable: bool = False,
        to: SessionId | None = None,
        group: GroupId | None = None,
    ) -> str:
        found = await asyncio.to_thread(look_through, paths, sending=Sending(skip=skip_unreadable))
        sent.append(["/".join(each.parts) for each in found.files])
        return "ab" * 8

    monkeypatch.setattr(stage.client, "request", request)
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("down", "down", "down", "space")
        await stage.settle(pilot)
        assert "3 files, 4.8 MB, 2 cannot be sent" in summary(screen), "it is known before"
        await pilot.press("S")
        await stage.settle(pilot)
        about = str(stage.app.screen.query_one("#about", Static).render())
        assert f"{Path('Pictures', 'pipe')} is neither a file nor a folder" in about
        assert f"{Path('Pictures', 'holiday', 'broken')} is a link that" in about
        await pilot.press("n", "up", "enter")
        await stage.settle(pilot)
        rows = {line[5:20].strip(): line.rstrip() for line in drawn(screen)}
        assert rows["▸ holiday/"].endswith("1 cannot be sent")
        assert rows["pipe"].startswith(" [✗]")
        await pilot.press("w", "y")
        await stage.settle(pilot)
        assert sent == [
            ["Pictures/beach.jpg", "Pictures/holiday/boat.jpg", "Pictures/holiday/notes.txt"]
        ]
        assert stage.app.current_mode == "transfers"


async def test_the_first_ten_are_listed_and_the_rest_counted(stage: Stage, home: Path) -> None:
    refuse(stage, "request", *((home / "Documents" / str(n), "a socket") for n in range(1_234)))
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot)
        await pilot.press("space", "down", "space", "S")
        await stage.settle(pilot)
        question = stage.app.screen
        assert isinstance(question, ConfirmScreen)
        assert "these 1,234?" in str(question.query_one("#question", Static).render())
        about = str(question.query_one("#about", Static).render()).splitlines()
        assert len(about) == 11
        assert about[-1] == "and 1,224 more"


async def test_a_question_does_not_come_up_under_fingers_that_are_busy(
    stage: Stage, home: Path
) -> None:
    refuse(stage, "request", (home / "Documents" / "x", "a socket"))
    stage.client.hangs["request"] = asyncio.Event()
    stage.stuck = {REQUESTING}
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("space", "end", "space", "S", "slash", "y")
        stage.client.hangs["request"].set()
        stage.stuck = set()
        await stage.settle(pilot)
        assert stage.app.screen is screen
        assert "1 cannot be sent. w sends the rest." in summary(screen)
        await pilot.press("escape", "w")
        assert isinstance(stage.app.screen, ConfirmScreen)


async def test_where_nothing_is_left_nothing_is_asked(stage: Stage, home: Path) -> None:
    refuse(stage, "request", (home / "Documents", "has nothing in it"))
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("space", "S")
        await stage.settle(pilot)
        assert stage.app.screen is screen
        assert "Nothing of this can be sent." in notice(stage)
        await pilot.press("up", "space")
        await stage.settle(pilot)
        assert not stage.app.store.picked.refused


async def test_an_open_share_is_kept_until_its_torrent_is_made(stage: Stage) -> None:
    stage.client.hangs["seed"] = asyncio.Event()
    stage.stuck = {SHARING}
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("space", "O", "y")
        await stage.settle(pilot)
        assert stage.app.screen is screen
        assert "Documents" in summary(screen)
        await stage.play(pilot, events.Hashing(progress=0.0, total_bytes=1))
        assert stage.app.current_mode == "transfers"
        assert not stage.app.store.picked
        stage.client.hangs["seed"].set()


# -- who is here


async def test_what_was_chosen_before_pairing_can_be_sent_at_once(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, alone=True)
        await pilot.press("space", "end", "space", "p")
        await stage.play(pilot, paired())
        assert stage.app.screen is screen
        assert summary(screen).splitlines() == [
            "✓ Documents and taxes 2025.pdf  ·  1 file, 811 kB",
            "Ana is here: press S to send.",
        ]
        await pilot.press("S")
        await stage.settle(pilot)
        assert stage.client.named("request") == [((home / "Documents", home / "taxes 2025.pdf"),)]


async def test_a_click_chooses_and_two_open(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.click(PickerList, offset=(8, 4))
        await stage.settle(pilot)
        assert "cat on a sofa.jpg" in summary(screen)
        await pilot.click(PickerList, offset=(8, 3), times=2)
        await stage.settle(pilot)
        assert listed(screen) == ["holiday", "beach.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no folder that a program is in")
async def test_started_in_a_folder_that_is_gone_it_opens_home(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "gone").mkdir()
    monkeypatch.chdir(home / "gone")
    (home / "gone").rmdir()
    stage.app = FileSendApp(
        lambda: stage.client, places=stage.places, output=home, state=home / "state"
    )
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        assert "letter.odt" in listed(screen)


async def test_a_big_folder_is_listed(stage: Stage, home: Path) -> None:
    many = home / "Documents"
    for number in range(3000):
        (many / f"{number:04}.txt").touch()
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        await pilot.press("end")
        chosen = screen.query_one(PickerList).chosen
        assert chosen is not None
        assert chosen.name == "2999.txt"


@pytest.mark.parametrize("text", ["/tmp/\0x", "~nobody\0/x", "\0"])
async def test_a_pasted_path_that_no_disk_can_hold_breaks_nothing(stage: Stage, text: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("s")
        await stage.settle(pilot)
        await pilot.press("tilde")
        field = stage.app.screen.query_one(PathField)
        field.value = ""
        stage.app.screen.post_message(textual_events.Paste(text))
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "\0" not in field.value
        assert stage.app._exception is None
